//! All connections are lost at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::args::Args;
use crate::mesh::Change;
use crate::report::{Figure, Row};
use crate::session::Session;

/// While all are away, for the server to notice.
const AWAY: Duration = Duration::from_millis(500);

/// All come back with what they held, and find one change; then once more with nothing.
pub(super) fn reconnect(session: &mut Session, args: &Args) -> Result<Row> {
    let held = session.fleet.held()?;
    session.fleet.disconnect()?;
    std::thread::sleep(AWAY);
    session.begin(Change::VirtualService)?;
    std::thread::sleep(AWAY);
    let before = session.mark()?;
    let start = Instant::now();
    session.fleet.connect(false)?;
    let warm = session.until_arrived()?.saturating_duration_since(start);
    let resumed = session.mark()?.since(&before);
    session.fleet.check_equal()?;
    ensure!(session.fleet.held()? == held, "proxies hold {:?} where they held {held:?}", session.fleet.held()?);

    session.fleet.disconnect()?;
    std::thread::sleep(AWAY);
    let begun = session.connect()?;
    ensure!(session.fleet.held()? == held, "proxies hold {:?} where they held {held:?}", session.fleet.held()?);
    let judged = |figure: Figure, most| if args.sidecars == 3000 { figure.at_most(most) } else { figure };
    let figures = vec![
        judged(Figure::time("with what they held: complete after", warm), 20_000.0),
        Figure::time("CPU", resumed.processor),
        Figure::megabytes("bytes", resumed.bytes),
        judged(Figure::time("with nothing: complete after", begun.took), 20_000.0),
        Figure::time("CPU", begun.processor),
        Figure::megabytes("bytes", begun.bytes),
        judged(Figure::memory("peak", begun.peak), 700.0),
    ];
    Ok(Row { scenario: format!("{} reconnect at once", session.fleet.proxies), figures })
}
