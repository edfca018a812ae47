//! Proxies that do not read as they should.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::args::Args;
use crate::client::Reading;
use crate::mesh::Change;
use crate::report::{Figure, Row};
use crate::session::{REST, Session};
use crate::stats::Times;

/// What a slow proxy reads, and how long it waits then.
const SLOWLY: Reading = Reading::Slowly { bytes: 512, pause: Duration::from_millis(50) };
/// So many never read, to tell what one costs from what chance does.
const MUTE: usize = 20;
/// Edits that such a proxy misses.
const MISSED: (u32, Duration) = (200, Duration::from_secs(4));
/// How long a server may take to give a silent proxy up: Envoy's own patience with a peer that answers no ping is as long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A tenth reads slowly; what the others have of it.
pub(super) fn slow(session: &mut Session, args: &Args) -> Result<Row> {
    let before = lone(session, args.rounds)?;
    let start = session.mark()?;
    session.fleet.read(|sidecar| sidecar % 10 == 5, SLOWLY)?;
    let meanwhile = lone(session, args.rounds)?;
    let cost = session.mark()?.since(&start);
    session.fleet.read(|_| true, Reading::AtOnce)?;
    let figures = vec![
        Figure::time("p99 before", before.percentile(99)),
        Figure::time("p99 of the others", meanwhile.percentile(99)),
        ratio(&before, &meanwhile),
        Figure::memory("resident", cost.resident),
        Figure::memory("peak", cost.peak),
    ];
    Ok(Row { scenario: "a tenth reads slowly".to_owned(), figures })
}

/// A few never read: what they cost, and when they are given up.
pub(super) fn mute(session: &mut Session, args: &Args) -> Result<Row> {
    let before = lone(session, args.rounds)?;
    // The same edits with all who read, so that what a burst takes is not blamed on who does not.
    session.changes(&[Change::VirtualService], MISSED.0, MISSED.1)?;
    session.until_arrived()?;
    let start = session.mark()?;
    session.fleet.read(|sidecar| sidecar < MUTE, Reading::Never)?;
    session.fleet.redial(|sidecar| sidecar < MUTE)?;
    session.changes(&[Change::VirtualService], MISSED.0, MISSED.1)?;
    session.until_arrived()?;
    let cost = session.mark()?.since(&start);
    let meanwhile = lone(session, args.rounds)?;
    let cut_off = until_given_up(session)?;
    session.fleet.read(|_| true, Reading::AtOnce)?;
    session.fleet.redial(|sidecar| sidecar < MUTE)?;
    std::thread::sleep(Duration::from_secs(2));
    let grown = cost.resident.saturating_sub(start.usage.resident) / MUTE as u64;
    let figures = vec![
        Figure::memory("each costs", grown).at_most(2.0),
        Figure::time("p99 before", before.percentile(99)),
        Figure::time("p99 of the others", meanwhile.percentile(99)),
        ratio(&before, &meanwhile),
        cut_off,
    ];
    Ok(Row { scenario: format!("{MUTE} never read"), figures })
}

/// All reject an edit, and accept the next.
pub(super) fn reject(session: &mut Session) -> Result<Row> {
    let before = session.mark()?;
    session.fleet.reject(true)?;
    session.change(Change::VirtualService)?;
    std::thread::sleep(Duration::from_secs(1));
    let rejected = session.mark()?.since(&before);
    session.fleet.reject(false)?;
    let mended = session.change(Change::VirtualService)?;
    session.fleet.check_equal()?;
    let figures = vec![
        Figure::count("responses that were rejected", rejected.responses),
        Figure::time("CPU", rejected.processor),
        Figure::time("the next edit: to all", mended.most()),
    ];
    Ok(Row { scenario: "all reject an edit".to_owned(), figures })
}

/// The slowest proxy of each round.
fn lone(session: &mut Session, rounds: u32) -> Result<Times> {
    let mut slowest = Vec::new();
    for _ in 0..rounds {
        slowest.push(session.change(Change::VirtualService)?.most());
        std::thread::sleep(REST);
    }
    Ok(slowest.into_iter().collect())
}

fn ratio(before: &Times, meanwhile: &Times) -> Figure {
    let ratio = meanwhile.percentile(99).as_secs_f64() / before.percentile(99).as_secs_f64().max(1e-9);
    Figure::ratio("that is", ratio).at_most(1.5)
}

fn until_given_up(session: &Session) -> Result<Figure> {
    let start = Instant::now();
    let others = (session.fleet.proxies - MUTE) as u64;
    loop {
        let connected = session.server.metric("pilot_xds").context("the server does not say who is connected")?;
        if connected <= others || start.elapsed() > PATIENCE {
            return Ok(Figure::count("still connected after a minute", connected.saturating_sub(others)).at_most(0.0));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
