//! Groups: how they open, and how large what they hold is.

use super::Parsed;

/// How a group opens.
pub(super) enum Group<'a> {
    /// `(?i)`: sets flags for what follows, and holds nothing.
    Flags,
    /// `(`, `(?:` or `(?i:`.
    Plain,
    /// `(?P<name>` or `(?<name>`.
    Named(&'a str),
}

/// What an open group holds so far.
#[derive(Default)]
pub(super) struct Frame {
    /// Instructions of all but the last atom.
    before: u64,
    /// The last atom, to which a repetition applies.
    last: Option<Atom>,
    /// The greatest product of nested repetitions.
    repeat: u64,
}

/// Something that can be repeated.
struct Atom {
    /// Instructions.
    size: u64,
    /// The greatest product of repetitions within.
    repeat: u64,
    /// Whether an operator has been applied already.
    repeated: bool,
}

impl Frame {
    pub(super) fn atom(&mut self, size: u64) {
        self.push(Atom { size, repeat: 1, repeated: false });
    }

    pub(super) fn group(&mut self, inner: &Self) {
        let size = inner.size().saturating_add(2);
        self.push(Atom { size, repeat: inner.greatest(), repeated: false });
    }

    pub(super) fn alternative(&mut self) {
        self.settle();
        self.before = self.before.saturating_add(1);
    }

    /// Repeats the last atom: at most `count` times, or for ever.
    pub(super) fn repeat(&mut self, count: Option<u64>, least: u64, operator: &str) -> Parsed<()> {
        let Some(atom) = &mut self.last else {
            return Err(format!("nothing stands before {operator}"));
        };
        if atom.repeated {
            return Err(format!("{operator} follows another repetition"));
        }
        let copies = count.unwrap_or(least).max(1);
        atom.repeat = atom.repeat.saturating_mul(copies);
        atom.size = atom.size.saturating_mul(copies).saturating_add(copies);
        atom.repeated = true;
        if atom.repeat > super::repeat::MOST { Err(too_often()) } else { Ok(()) }
    }

    pub(super) fn size(&self) -> u64 {
        self.before.saturating_add(self.last.as_ref().map_or(0, |atom| atom.size))
    }

    fn greatest(&self) -> u64 {
        self.repeat.max(self.last.as_ref().map_or(1, |atom| atom.repeat))
    }

    fn push(&mut self, atom: Atom) {
        self.settle();
        self.last = Some(atom);
    }

    fn settle(&mut self) {
        self.before = self.size();
        self.repeat = self.greatest();
        self.last = None;
    }
}

/// Reads what follows a `(`.
pub(super) fn read<'a>(rest: &mut &'a str) -> Parsed<Group<'a>> {
    let Some(after) = rest.strip_prefix('?') else { return Ok(Group::Plain) };
    if after.starts_with(['=', '!']) || after.starts_with("<=") || after.starts_with("<!") {
        return Err("it looks ahead or behind, which RE2 does not do".to_owned());
    }
    if let Some(named) = after.strip_prefix("P<").or_else(|| after.strip_prefix('<')) {
        let Some((name, after)) = named.split_once('>') else { return Err("a group's name is not closed".to_owned()) };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err("a group's name is not made of letters, digits and _".to_owned());
        }
        *rest = after;
        return Ok(Group::Named(name));
    }
    let Some(end) = after.find([':', ')']) else { return Err("a group's flags are not closed".to_owned()) };
    let flags = &after[..end];
    check_flags(flags)?;
    let is_flags_only = after[end..].starts_with(')');
    *rest = &after[end + 1..];
    if is_flags_only && flags.is_empty() {
        return Err("a group has neither flags nor content".to_owned());
    }
    Ok(if is_flags_only { Group::Flags } else { Group::Plain })
}

fn check_flags(flags: &str) -> Parsed<()> {
    let (set, unset) = flags.split_once('-').map_or((flags, None), |(set, unset)| (set, Some(unset)));
    let is_flag = |letter: char| matches!(letter, 'i' | 'm' | 's' | 'U');
    let is_known =
        set.chars().all(is_flag) && unset.is_none_or(|unset| !unset.is_empty() && unset.chars().all(is_flag));
    if is_known { Ok(()) } else { Err("a group has a flag other than i, m, s and U".to_owned()) }
}

pub(super) fn too_often() -> String {
    format!("something is repeated more than {} times", super::repeat::MOST)
}
