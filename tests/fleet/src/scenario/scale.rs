//! What the size of the mesh does to the cost of a change: as many proxies, more and more services.

use anyhow::Result;

use crate::args::Args;
use crate::mesh::Change;
use crate::plot::{Line, Plot};
use crate::report::{Figure, Report, Row};
use crate::scenario::{lone, title};
use crate::session::{self, Session};

const KINDS: [(Change, &str); 3] = [
    (Change::VirtualService, "VirtualService"),
    (Change::DestinationRule, "DestinationRule"),
    (Change::Endpoint, "endpoint"),
];

/// What one mesh gave.
struct Point {
    services: usize,
    /// By kind of change: processor time in milliseconds, and until all had it at the median.
    costs: [(f64, f64); 3],
    resident: u64,
}

/// Measures lone changes in meshes of a third as many services as were asked for up to three times as many.
pub(super) fn run(args: &Args, report: &mut Report) -> Result<()> {
    let sidecars = args.sidecars * 10 / 9;
    let sizes = [args.services / 3, args.services, args.services * 2, args.services * 10 / 3];
    let mut points = Vec::new();
    for services in sizes {
        points.push(point(&Args { services, sidecars, ..args.clone() }, report)?);
    }
    let [_, small, _, large] = points.as_slice() else { return Ok(()) };
    let half = point(&Args { services: large.services, sidecars: sidecars / 2, rounds: 5, ..args.clone() }, report)?;
    let marginal = large.resident.saturating_sub(half.resident) / (sidecars - sidecars / 2) as u64;
    report.begin(&format!("{} services against {}, {sidecars} sidecars", large.services, small.services));
    for (kind, (_, name)) in KINDS.iter().enumerate() {
        let (from, to) = (small.costs[kind], large.costs[kind]);
        let figures = vec![
            Figure::ratio("CPU", to.0 / from.0.max(1e-9)).at_most(1.3),
            Figure::ratio("to all p50", to.1 / from.1.max(1e-9)),
        ];
        report.add(Row { scenario: (*name).to_owned(), figures });
    }
    let figures = vec![Figure::kilobytes("each", marginal).at_most(100.0)];
    report.add(Row { scenario: "a further sidecar".to_owned(), figures });
    match &args.svg {
        Some(path) => Ok(std::fs::write(path, plot(&points, sidecars).svg())?),
        None => Ok(()),
    }
}

fn point(args: &Args, report: &mut Report) -> Result<Point> {
    report.begin(&title(args));
    session::with(args, |session| costs(session, args, report))
}

fn costs(session: &mut Session, args: &Args, report: &mut Report) -> Result<Point> {
    session.connect()?;
    let mut costs = [(0.0, 0.0); 3];
    for ((change, _), cost) in KINDS.iter().zip(&mut costs) {
        let row = lone::run(session, args, &[*change])?;
        *cost = (row.value("CPU"), row.value("to all p50"));
        report.add(row);
    }
    Ok(Point { services: args.services, costs, resident: session.mark()?.usage.resident })
}

#[allow(clippy::cast_precision_loss, reason = "a picture")]
fn plot(points: &[Point], sidecars: usize) -> Plot {
    let line = |kind: usize, name: &str| Line {
        name: name.to_owned(),
        points: points.iter().map(|point| (point.services as f64, point.costs[kind].0)).collect(),
    };
    Plot {
        title: format!("Processor time of one change, {sidecars} sidecars"),
        across: "services".to_owned(),
        up: "CPU-ms".to_owned(),
        lines: KINDS.iter().enumerate().map(|(kind, (_, name))| line(kind, name)).collect(),
    }
}
