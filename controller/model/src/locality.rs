//! Where a workload runs: region, zone, sub-zone.

use std::fmt;

use crate::Text;

/// A place, written `region/zone/subzone`; empty parts are unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
    /// Region.
    pub region: Text,
    /// Zone within the region.
    pub zone: Text,
    /// Sub-zone within the zone.
    pub subzone: Text,
}

impl Locality {
    /// Parses `region/zone/subzone`, of which the tail may be missing. Labels cannot hold `/`, so there `.` divides.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = text.splitn(3, '/').map(Text::from);
        let mut next = || parts.next().unwrap_or_default();
        Self { region: next(), zone: next(), subzone: next() }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.region.is_empty() && self.zone.is_empty() && self.subzone.is_empty()
    }

    /// Whether the pattern `self` (parts may be `*` or missing) covers `other`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let part = |pattern: &str, value: &str| pattern.is_empty() || pattern == "*" || pattern == value;
        if &*self.region == "*" {
            return true;
        }
        self.region == other.region && part(&self.zone, &other.zone) && part(&self.subzone, &other.subzone)
    }
}

impl fmt::Display for Locality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.region)?;
        if !self.zone.is_empty() {
            write!(f, "/{}", self.zone)?;
        }
        if !self.subzone.is_empty() {
            write!(f, "/{}", self.subzone)?;
        }
        Ok(())
    }
}
