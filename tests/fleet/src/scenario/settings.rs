//! Edits of settings that no sidecar has, or those of one workload: what `heddled` compiles, and what it uses.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::args::Args;
use crate::mesh::{Settings, Targets};
use crate::report::{Figure, Report, Row};
use crate::session::Session;

/// Edits of each kind for a round: 200, unless other rounds are asked for. The kernel counts processor time in
/// hundredths of a second, so an average needs many.
const EDITS: u32 = 2;
/// Between two edits, so that each is a commit of its own.
const PAUSE: Duration = Duration::from_millis(30);
/// After the first edit and after the last, for all that comes of them.
const QUIET: Duration = Duration::from_secs(1);
/// What an edit that concerns nobody may use, in milliseconds.
const PROCESSOR: f64 = 1.0;
/// Layers of which something was compiled, and commits, as `heddled` counts them.
const COMPILED: &str = "xds_cache_reads{type=\"miss\"}";
const COMMITS: &str = "heddle_revision";

/// Kinds that no sidecar has, and what one edit may compile: nothing.
const UNRELATED: [(Settings, f64); 4] =
    [(Settings::PeerAuthentication, 0.0), (Settings::Secret, 0.0), (Settings::Gateway, 0.0), (Settings::Sidecar, 0.0)];
/// Kinds that a workload has, and how many layers one edit may compile. However many replicas there are, each thing is
/// compiled once. A Sidecar has a part in two: what its workload sends to, and what it accepts.
const OF_A_WORKLOAD: [(Settings, f64); 3] =
    [(Settings::PeerAuthentication, 1.0), (Settings::Secret, 1.0), (Settings::Sidecar, 2.0)];

/// Makes edits of each kind, and adds a row for each.
pub(super) fn run(session: &mut Session, args: &Args, of_a_workload: bool, report: &mut Report) -> Result<()> {
    let (targets, kinds) = if of_a_workload {
        (Targets::Workload, OF_A_WORKLOAD.as_slice())
    } else {
        (Targets::Nobody, UNRELATED.as_slice())
    };
    for (settings, compiled) in kinds {
        report.add(edit(session, args, (*settings, targets), *compiled)?);
    }
    Ok(())
}

fn edit(session: &mut Session, args: &Args, what: (Settings, Targets), most: f64) -> Result<Row> {
    let (settings, targets) = what;
    let edits = args.rounds * EDITS;
    session.edit(settings, targets)?;
    std::thread::sleep(QUIET);
    let counts = (count(session, COMPILED)?, count(session, COMMITS)?);
    let before = session.mark()?;
    for _ in 0..edits {
        session.edit(settings, targets)?;
        std::thread::sleep(PAUSE);
    }
    std::thread::sleep(QUIET);
    let cost = session.mark()?.since(&before);
    let compiled = count(session, COMPILED)? - counts.0;
    let commits = count(session, COMMITS)? - counts.1;
    session.fleet.check_equal()?;
    settings.remove(&mut *session.site, targets)?;
    std::thread::sleep(QUIET);
    ensure!(commits > 0, "no edit was committed");
    let is_judged = (args.services, args.ports, args.pods, args.sidecars) == (10, 1, 30, 300);
    let bar = |figure: Figure, most, is_judged| if is_judged { figure.at_most(most) } else { figure };
    let is_unrelated = targets == Targets::Nobody;
    let figures = vec![
        // Whatever the mesh is, nothing concerns nobody.
        bar(Figure::ratio("layers compiled by one commit", share(compiled, commits)), most, is_judged || is_unrelated),
        bar(Figure::time("CPU", cost.processor / edits), PROCESSOR, is_judged && is_unrelated),
        Figure::count("commits", commits),
        Figure::count("responses", cost.responses),
        Figure::megabytes("bytes", cost.bytes),
    ];
    let whose = if is_unrelated { "concerns nobody" } else { "concerns a workload" };
    Ok(Row { scenario: format!("{} edit that {whose} × {edits}", settings.kind()), figures })
}

fn count(session: &Session, metric: &str) -> Result<u64> {
    session.server.metric(metric).with_context(|| format!("the server does not say {metric}"))
}

#[allow(clippy::cast_precision_loss, reason = "nothing that is counted is so many")]
fn share(part: u64, of: u64) -> f64 {
    part as f64 / of.max(1) as f64
}
