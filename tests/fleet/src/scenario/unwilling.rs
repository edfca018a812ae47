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
/// Rounds of a block, while the same proxies read.
const BLOCK: usize = 10;
/// Before a block, for those to come back who were told to read otherwise.
const SETTLE: Duration = Duration::from_secs(2);
/// How long a server may take to give a silent proxy up: Envoy's own patience with a peer that answers no ping is as
/// long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A tenth reads slowly; what the others have of it.
pub(super) fn slow(session: &mut Session, args: &Args) -> Result<Row> {
    let mut figures = in_turn(session, args.rounds, |sidecar| sidecar % 10 == 5, SLOWLY)?;
    let usage = session.mark()?.usage;
    figures.extend([Figure::memory("resident", usage.resident), Figure::memory("peak", usage.peak)]);
    Ok(Row { scenario: format!("a tenth reads slowly, {} rounds with and without", args.rounds), figures })
}

/// A few never read: what they cost, and when they are given up.
pub(super) fn mute(session: &mut Session, args: &Args) -> Result<Row> {
    let mut figures = in_turn(session, args.rounds, is_mute, Reading::Never)?;
    // The same edits with all who read, so that what a burst takes is not blamed on who does not.
    session.changes(&[Change::VirtualService], MISSED.0, MISSED.1)?;
    session.until_arrived()?;
    let start = session.mark()?;
    session.fleet.judge(|sidecar| !is_mute(sidecar))?;
    session.fleet.read(is_mute, Reading::Never)?;
    session.fleet.redial(is_mute)?;
    session.changes(&[Change::VirtualService], MISSED.0, MISSED.1)?;
    session.until_arrived()?;
    let cost = session.mark()?.since(&start);
    let cut_off = until_given_up(session)?;
    session.fleet.judge(|_| true)?;
    turn(session, is_mute, Reading::AtOnce)?;
    let grown = cost.resident.saturating_sub(start.usage.resident) / MUTE as u64;
    figures.extend([Figure::memory("each costs", grown).at_most(2.0), cut_off]);
    Ok(Row { scenario: format!("{MUTE} never read, {} rounds with and without", args.rounds), figures })
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

fn is_mute(sidecar: usize) -> bool {
    sidecar < MUTE
}

/// So many rounds while all read, and as many while some do not, in short blocks by turns, so that whatever else the
/// machine does falls on both alike. Only the others count, in both.
fn in_turn(
    session: &mut Session,
    rounds: u32,
    unwilling: impl Fn(usize) -> bool + Copy + Send + Sync + 'static,
    reading: Reading,
) -> Result<Vec<Figure>> {
    session.fleet.judge(move |sidecar| !unwilling(sidecar))?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for done in (0..rounds).step_by(BLOCK) {
        for (reading, slowest) in [(Reading::AtOnce, &mut without), (reading, &mut with)] {
            turn(session, unwilling, reading)?;
            block(session, rounds - done, slowest)?;
        }
    }
    turn(session, unwilling, Reading::AtOnce)?;
    session.fleet.judge(|_| true)?;
    let (without, with): (Times, Times) = (without.into_iter().collect(), with.into_iter().collect());
    let ratio = with.percentile(99).as_secs_f64() / without.percentile(99).as_secs_f64().max(1e-9);
    Ok(vec![
        Figure::time("p50 while all read", without.percentile(50)),
        Figure::time("p50 of the others", with.percentile(50)),
        Figure::time("p99 while all read", without.percentile(99)),
        Figure::time("p99 of the others", with.percentile(99)),
        Figure::ratio("that is", ratio).at_most(1.5),
    ])
}

/// Has some read otherwise. Whoever never reads begins so, and begins anew after it; a slow one goes on where it was.
fn turn(
    session: &Session,
    places: impl Fn(usize) -> bool + Copy + Send + Sync + 'static,
    reading: Reading,
) -> Result<()> {
    let is_mute = session.fleet.is_mute()?;
    session.fleet.read(places, reading)?;
    if is_mute || reading == Reading::Never {
        session.fleet.redial(places)?;
    }
    std::thread::sleep(SETTLE);
    Ok(())
}

/// The slowest proxy of each round of a block, which is shorter when fewer are left. The first round does not count.
fn block(session: &mut Session, left: u32, slowest: &mut Vec<Duration>) -> Result<()> {
    session.change(Change::VirtualService)?;
    for _ in 0..left.min(u32::try_from(BLOCK)?) {
        std::thread::sleep(REST);
        slowest.push(session.change(Change::VirtualService)?.most());
    }
    Ok(())
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
