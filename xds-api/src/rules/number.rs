//! Rules of numbers.

/// Which whole numbers are allowed.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) least: i64,
    pub(super) most: i64,
    /// The only ones, if there are some.
    pub(super) only: &'static [i64],
    pub(super) never: &'static [i64],
    /// Whether 0 is allowed whatever else is said.
    pub(super) or_zero: bool,
}

/// Which real numbers are allowed.
#[derive(Debug)]
pub(super) struct Reals {
    pub(super) least: f64,
    pub(super) most: f64,
    /// Whether the least itself is not allowed.
    pub(super) above: bool,
    /// Whether the most itself is not allowed.
    pub(super) below: bool,
}

impl Range {
    pub(super) fn check(&self, number: i64) -> Result<(), String> {
        let is_one = self.only.is_empty() || self.only.contains(&number);
        if self.or_zero && number == 0
            || (self.least..=self.most).contains(&number) && is_one && !self.never.contains(&number)
        {
            return Ok(());
        }
        Err(if number < self.least {
            format!("is {number}, less than {}", self.least)
        } else if number > self.most {
            format!("is {number}, more than {}", self.most)
        } else {
            format!("is {number}, which is not allowed")
        })
    }
}

impl Reals {
    pub(super) fn check(&self, number: f64) -> Result<(), String> {
        let low = if self.above { number > self.least } else { number >= self.least };
        let high = if self.below { number < self.most } else { number <= self.most };
        if low && high { Ok(()) } else { Err(format!("is {number}, not from {} to {}", self.least, self.most)) }
    }
}

/// The number that a varint stands for. Negative ones fill all of its bits. No rule asks for more than `i64` holds.
pub(super) fn of_varint(number: u64, signed: bool) -> i64 {
    if signed { number.cast_signed() } else { i64::try_from(number).unwrap_or(i64::MAX) }
}
