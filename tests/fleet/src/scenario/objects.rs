//! Many objects at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::mesh::{NAMESPACES, namespace as name};
use crate::report::{Figure, Row};
use crate::session::Session;

/// The namespace that goes: the last, so that what is edited elsewhere stays.
const GOES: usize = NAMESPACES - 1;
/// How long that may take.
const LIMIT: Duration = Duration::from_mins(1);
/// How often one looks whether it is done.
const LOOK: Duration = Duration::from_millis(5);
/// How long nothing must come after everything was written again.
const QUIET: Duration = Duration::from_secs(3);

/// A namespace is deleted and comes back.
pub(super) fn namespace(session: &mut Session) -> Result<Row> {
    let services = session.size.services_in(GOES);
    let clusters = most_clusters(session)?;
    let before = session.mark()?;
    session.site.remove(&name(GOES))?;
    let gone = until_clusters(session, clusters - services)?;
    let away = session.mark()?;
    session.size.put_namespace(&mut *session.site, GOES)?;
    let back = until_clusters(session, clusters)?;
    until_equal(session)?;
    let after = session.mark()?;
    let (went, came) = (away.since(&before), after.since(&away));
    let figures = vec![
        Figure::time("gone everywhere after", gone),
        Figure::time("CPU", went.processor),
        Figure::megabytes("bytes", went.bytes),
        Figure::time("back everywhere after", back),
        Figure::time("CPU", came.processor),
        Figure::megabytes("bytes", came.bytes),
        Figure::memory("peak", came.peak),
    ];
    Ok(Row { scenario: format!("namespace of {services} services"), figures })
}

/// Everything is written again as it is.
pub(super) fn relist(session: &mut Session) -> Result<Row> {
    // Once, so that what earlier scenarios changed is as the files say.
    session.size.put(&mut *session.site)?;
    std::thread::sleep(QUIET);
    let before = session.mark()?;
    session.size.put(&mut *session.site)?;
    std::thread::sleep(QUIET);
    let cost = session.mark()?.since(&before);
    let figures = vec![
        Figure::megabytes("bytes", cost.bytes).at_most(0.0),
        Figure::count("responses", cost.responses).at_most(0.0),
        Figure::time("CPU", cost.processor),
    ];
    Ok(Row { scenario: "all objects again, unchanged".to_owned(), figures })
}

/// The first to be complete is not the last: routes follow the clusters, and a busy machine is slow.
fn until_equal(session: &Session) -> Result<()> {
    let start = Instant::now();
    loop {
        match session.fleet.check_equal() {
            Err(_) if start.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(50)),
            end => return end,
        }
    }
}

fn most_clusters(session: &Session) -> Result<usize> {
    Ok(session.fleet.held()?[0].1)
}

fn until_clusters(session: &Session, wanted: usize) -> Result<Duration> {
    let start = Instant::now();
    loop {
        let [(_, clusters), (_, endpoints), ..] = session.fleet.held()?;
        // The server's own clusters beside those of services have no endpoints.
        if clusters == wanted && endpoints <= clusters {
            return Ok(start.elapsed());
        }
        ensure!(start.elapsed() < LIMIT, "{clusters} clusters are held where {wanted} should be");
        std::thread::sleep(LOOK);
    }
}
