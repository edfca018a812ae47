//! Changes that meet no other: each is made when the one before has reached all.

use anyhow::{Context as _, Result};

use super::bar_with_ports;
use crate::args::{Args, Switch};
use crate::mesh::Change;
use crate::report::{Figure, Row};
use crate::session::{REST, Session};
use crate::stats::Times;

/// Rounds before the ones that count: the first change finds cold caches, a person's edit rarely does.
const WARM: usize = 3;

/// What a change may cost.
struct Bars {
    /// Ports of a service of the mesh that they are for.
    ports: u16,
    median: f64,
    most: f64,
    processor: f64,
    megabytes: Option<f64>,
}

/// Makes changes of these kinds in turn, round after round.
pub(super) fn run(session: &mut Session, args: &Args, changes: &[Change]) -> Result<Row> {
    let mut turns = changes.iter().copied().cycle();
    let first = *changes.first().context("no kind of change")?;
    for change in turns.by_ref().take(WARM) {
        session.change(change)?;
        std::thread::sleep(REST);
    }
    let before = session.mark()?;
    let (mut all, mut slowest) = (Vec::new(), Vec::new());
    for change in turns.take(args.rounds as usize) {
        let times = session.change(change)?;
        slowest.push(times.most());
        all.push(times.percentile(50));
        std::thread::sleep(REST);
    }
    let cost = session.mark()?.since(&before);
    session.fleet.check_equal()?;

    let (all, slowest): (Times, Times) = (all.into_iter().collect(), slowest.into_iter().collect());
    let rounds = u64::from(args.rounds);
    let bars = bars(first, args.vhds);
    let bar = |figure: Figure, most: f64| bar_with_ports(args, bars.ports, figure, most);
    let received = Figure::megabytes("bytes", cost.bytes / rounds);
    let mut figures = vec![
        Figure::time("a proxy's p50", all.percentile(50)),
        bar(Figure::time("to all p50", slowest.percentile(50)), bars.median),
        bar(Figure::time("p99", slowest.percentile(99)), bars.most),
        Figure::time("slowest", slowest.most()),
        bar(Figure::time("CPU", cost.processor / args.rounds), bars.processor),
        Figure::time("the fleet's own CPU", cost.own / args.rounds),
        bars.megabytes.map_or(received.clone(), |most| bar(received, most)),
        Figure::memory("resident", cost.resident),
        Figure::memory("peak", cost.peak),
    ];
    figures.extend(cost.config_source.map(|used| Figure::time("the API server's CPU", used / args.rounds)));
    let name = match first {
        Change::VirtualService => "VirtualService edit",
        Change::DestinationRule => "DestinationRule edit",
        Change::AddSubset | Change::RemoveSubset => "DestinationRule edit that adds or removes a subset",
        Change::Endpoint => "endpoint change",
    };
    Ok(Row { scenario: format!("{name} × {}", args.rounds), figures })
}

fn bars(first: Change, vhds: Switch) -> Bars {
    match (first, vhds) {
        (Change::VirtualService, Switch::Off) => {
            Bars { ports: 1, median: 600.0, most: 1500.0, processor: 1500.0, megabytes: None }
        }
        (Change::DestinationRule, Switch::Off) => {
            Bars { ports: 2, median: 60.0, most: 120.0, processor: 70.0, megabytes: None }
        }
        (Change::AddSubset | Change::RemoveSubset, _) => {
            Bars { ports: 2, median: 40.0, most: 80.0, processor: 50.0, megabytes: None }
        }
        (Change::VirtualService | Change::DestinationRule, Switch::On) => {
            Bars { ports: 1, median: 25.0, most: 60.0, processor: 60.0, megabytes: Some(2.5) }
        }
        (Change::Endpoint, _) => Bars { ports: 1, median: 12.0, most: 40.0, processor: 25.0, megabytes: None },
    }
}
