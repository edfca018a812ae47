//! What is measured.

use anyhow::Result;

use crate::args::{Args, Scenario, Switch};
use crate::mesh::Change;
use crate::report::{Figure, Report, Row};
use crate::session::{self, Session};

mod bare;
mod burst;
mod lone;
mod lost;
mod objects;
mod scale;
mod settings;
mod unwilling;

/// Measures all that was asked for, and prints it on the way.
pub(crate) fn run(args: &Args) -> Result<Report> {
    let mut report = Report::default();
    let runs = if args.scenarios.contains(&Scenario::All) { everything(args) } else { vec![args.clone()] };
    for args in runs {
        if args.scenarios.iter().any(|scenario| *scenario != Scenario::Scale) {
            one_mesh(&args, &mut report)?;
        }
        if args.scenarios.contains(&Scenario::Scale) {
            scale::run(&args, &mut report)?;
        }
    }
    report.conclude();
    Ok(report)
}

/// One run after the other, each with a mesh and a server of its own.
fn everything(args: &Args) -> Vec<Args> {
    use Scenario as Of;
    let edits = vec![Of::VirtualService, Of::DestinationRule, Of::Endpoint, Of::Bare];
    let bursts = [Of::Rate, Of::Storm, Of::Namespace, Of::Relist, Of::Reject, Of::Reconnect, Of::Slow, Of::Mute];
    let with = |scenarios: Vec<Scenario>| Args { scenarios, ..args.clone() };
    let (services, sidecars) = (args.services * 10 / 3, args.sidecars * 10 / 3);
    vec![
        with(edits.iter().copied().chain(bursts).collect()),
        Args { vhds: Switch::Off, ..with(vec![Of::VirtualService, Of::Storm]) },
        Args { tls: true, ..with(edits) },
        Args { ports: 2, ..with(vec![Of::Subset]) },
        Args { ports: 2, vhds: Switch::Off, ..with(vec![Of::DestinationRule]) },
        // With tokens, for Secrets reach only those who have shown who they are.
        Args { services: 10, pods: 30, sidecars: 300, tls: true, ..with(vec![Of::Unrelated, Of::Workload]) },
        Args { services, sidecars, ..with(vec![Of::Reconnect]) },
        with(vec![Of::Scale]),
    ]
}

/// What a run stands for.
fn title(args: &Args) -> String {
    let with = |switch: Switch| if switch == Switch::On { "with" } else { "without" };
    format!(
        "{} services × {} ports × {} pods, {} sidecars, {} VHDS, {}{}",
        args.services,
        args.ports,
        args.pods,
        args.sidecars,
        with(args.vhds),
        if args.tls { "TLS" } else { "plain text" },
        if args.api_server || args.kubeconfig.is_some() { ", through an API server" } else { "" }
    )
}

/// All scenarios that share one mesh.
fn one_mesh(args: &Args, report: &mut Report) -> Result<()> {
    report.begin(&title(args));
    session::with(args, |session| scenarios(session, args, report))
}

fn scenarios(session: &mut Session, args: &Args, report: &mut Report) -> Result<()> {
    report.add(connect(session, args)?);
    for scenario in &args.scenarios {
        let row = match scenario {
            Scenario::Connect | Scenario::Scale | Scenario::All => continue,
            Scenario::VirtualService => lone::run(session, args, &[Change::VirtualService])?,
            Scenario::DestinationRule => lone::run(session, args, &[Change::DestinationRule])?,
            Scenario::Subset => lone::run(session, args, &[Change::AddSubset, Change::RemoveSubset])?,
            Scenario::Endpoint => lone::run(session, args, &[Change::Endpoint])?,
            Scenario::Unrelated | Scenario::Workload => {
                settings::run(session, args, *scenario == Scenario::Workload, report)?;
                continue;
            }
            Scenario::Rate => burst::rate(session)?,
            Scenario::Storm => burst::storm(session, args)?,
            Scenario::Namespace => objects::namespace(session)?,
            Scenario::Relist => objects::relist(session)?,
            Scenario::Reconnect => lost::reconnect(session, args)?,
            Scenario::Slow => unwilling::slow(session, args)?,
            Scenario::Reject => unwilling::reject(session)?,
            Scenario::Mute => unwilling::mute(session, args)?,
            Scenario::Bare => bare::run(args)?,
        };
        report.add(row);
    }
    Ok(())
}

/// Sets the bar, if there is one for this mesh.
fn bar(args: &Args, figure: Figure, most: f64) -> Figure {
    bar_with_ports(args, 1, figure, most)
}

/// Sets the bar, if this is the mesh that it is for, with so many ports a service.
fn bar_with_ports(args: &Args, ports: u16, figure: Figure, most: f64) -> Figure {
    let is_judged = (args.services, args.ports, args.pods, args.sidecars, args.tls) == (300, ports, 3, 900, false);
    if is_judged { figure.at_most(most) } else { figure }
}

fn connect(session: &Session, args: &Args) -> Result<Row> {
    let cost = session.connect()?;
    let figures = vec![
        bar(args, Figure::time("all complete after", cost.took), 5000.0),
        bar(args, Figure::time("CPU", cost.processor), 5000.0),
        Figure::megabytes("received", cost.bytes),
        bar(args, Figure::memory("resident", cost.resident), 120.0),
        bar(args, Figure::memory("peak", cost.peak), 300.0),
    ];
    Ok(Row { scenario: "connect all".to_owned(), figures })
}

#[cfg(test)]
mod tests;
