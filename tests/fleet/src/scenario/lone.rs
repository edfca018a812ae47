//! Changes that meet no other: each is made when the one before has reached all.

use anyhow::Result;

use super::bar;
use crate::args::{Args, Switch};
use crate::mesh::Change;
use crate::report::{Figure, Row};
use crate::session::{REST, Session};
use crate::stats::Times;

/// Rounds before the ones that count: the first change finds cold caches, a person's edit rarely does.
const WARM: u32 = 3;

/// What a change may cost.
struct Bars {
    median: f64,
    most: f64,
    processor: f64,
    megabytes: Option<f64>,
}

/// Makes changes of one kind, round after round.
pub(super) fn run(session: &mut Session, args: &Args, change: Change) -> Result<Row> {
    for _ in 0..WARM {
        session.change(change)?;
        std::thread::sleep(REST);
    }
    let before = session.mark()?;
    let (mut all, mut slowest) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let times = session.change(change)?;
        slowest.push(times.most());
        all.push(times.percentile(50));
        std::thread::sleep(REST);
    }
    let cost = session.mark()?.since(&before);
    session.fleet.check_equal()?;

    let (all, slowest): (Times, Times) = (all.into_iter().collect(), slowest.into_iter().collect());
    let rounds = u64::from(args.rounds);
    let bars = bars(change, args.vhds);
    let received = Figure::megabytes("bytes", cost.bytes / rounds);
    let mut figures = vec![
        Figure::time("a proxy's p50", all.percentile(50)),
        bar(args, Figure::time("to all p50", slowest.percentile(50)), bars.median),
        bar(args, Figure::time("p99", slowest.percentile(99)), bars.most),
        Figure::time("slowest", slowest.most()),
        bar(args, Figure::time("CPU", cost.processor / args.rounds), bars.processor),
        Figure::time("the fleet's own CPU", cost.own / args.rounds),
        bars.megabytes.map_or(received.clone(), |most| bar(args, received, most)),
        Figure::memory("resident", cost.resident),
        Figure::memory("peak", cost.peak),
    ];
    figures.extend(cost.config_source.map(|used| Figure::time("the API server's CPU", used / args.rounds)));
    let name = match change {
        Change::VirtualService => "VirtualService edit",
        Change::DestinationRule => "DestinationRule edit",
        Change::Endpoint => "endpoint change",
    };
    Ok(Row { scenario: format!("{name} × {}", args.rounds), figures })
}

fn bars(change: Change, vhds: Switch) -> Bars {
    match (change, vhds) {
        (Change::VirtualService, Switch::Off) => {
            Bars { median: 600.0, most: 1500.0, processor: 1500.0, megabytes: None }
        }
        (Change::VirtualService, Switch::On) | (Change::DestinationRule, _) => {
            Bars { median: 25.0, most: 60.0, processor: 60.0, megabytes: Some(2.5) }
        }
        (Change::Endpoint, _) => Bars { median: 12.0, most: 40.0, processor: 25.0, megabytes: None },
    }
}
