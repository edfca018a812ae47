//! Many changes in a short time.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::bar;
use crate::args::{Args, Switch};
use crate::mesh::Change;
use crate::report::{Figure, Row};
use crate::session::{Cost, REST, Session};

/// A storm: how many edits in what time.
const STORM: (u32, Duration) = (1000, Duration::from_secs(5));
/// Changes at a rate: how many in what time.
const RATE: (u32, Duration) = (200, Duration::from_secs(10));
const ALL: [Change; 3] = [Change::VirtualService, Change::DestinationRule, Change::Endpoint];

/// 20 changes a second.
pub(super) fn rate(session: &mut Session) -> Result<Row> {
    let (spent, settled, cost) = make(session, &ALL, RATE)?;
    let figures = vec![
        Figure::time("made within", spent),
        Figure::time("last state everywhere after", settled),
        Figure::time("CPU a change", cost.processor / RATE.0),
        Figure::megabytes("bytes a change", cost.bytes / u64::from(RATE.0)),
        Figure::memory("resident", cost.resident),
    ];
    Ok(Row { scenario: "20 changes/s for 10 s".to_owned(), figures })
}

/// 1,000 edits of one VirtualService.
pub(super) fn storm(session: &mut Session, args: &Args) -> Result<Row> {
    let (spent, settled, cost) = make(session, &[Change::VirtualService], STORM)?;
    let judged = |figure, most| if args.vhds == Switch::On { bar(args, figure, most) } else { figure };
    let figures = vec![
        Figure::time("made within", spent),
        judged(Figure::time("last state everywhere after", settled), 100.0),
        judged(Figure::time("CPU", cost.processor), 2000.0),
        Figure::count("responses", cost.responses),
        Figure::megabytes("bytes", cost.bytes),
        Figure::memory("resident", cost.resident),
        Figure::memory("peak", cost.peak),
    ];
    Ok(Row { scenario: "1,000 edits of a VirtualService in 5 s".to_owned(), figures })
}

/// Makes changes: how long that took, since a place may be slower than they should come, how long after the last all
/// had it, and what it cost.
fn make(session: &mut Session, kinds: &[Change], what: (u32, Duration)) -> Result<(Duration, Duration, Cost)> {
    let before = session.mark()?;
    let start = Instant::now();
    let made = session.changes(kinds, what.0, what.1)?;
    let settled = session.until_arrived()?.saturating_duration_since(made);
    std::thread::sleep(REST);
    let cost = session.mark()?.since(&before);
    session.fleet.check_equal()?;
    Ok((made - start, settled, cost))
}
