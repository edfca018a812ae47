//! The commands of a pod's lifecycle hooks: `request` before the container stops, `wait` after it started.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::Method;
use tokio::time::Instant;

use crate::admin::Local;

/// The longest wait for Envoy's admin interface.
const LIMIT: Duration = Duration::from_mins(1);

/// Prints the response of a page on this machine.
///
/// # Errors
/// When there is no response with status 200.
pub(crate) async fn request(method: Method, path: &str, port: u16) -> Result<()> {
    let at = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    let path = format!("/{}", path.trim_start_matches('/'));
    let body = Local::new().call(method, at, &path, LIMIT).await.with_context(|| format!("{at}{path}"))?;
    println!("{}", String::from_utf8_lossy(&body).trim_end());
    Ok(())
}

/// Waits until the proxy is ready. The times are: the total time, the time between two requests, and the time of one
/// request.
///
/// # Errors
/// When the proxy is not ready in time.
pub(crate) async fn wait(at: SocketAddr, [all, period, patience]: [Duration; 3]) -> Result<()> {
    let (local, end) = (Local::new(), Instant::now() + all);
    loop {
        let Err(error) = local.call(Method::GET, at, "/healthz/ready", patience).await else { return Ok(()) };
        if Instant::now() + period > end {
            bail!("the proxy is not ready after {all:?}: {error}");
        }
        tokio::time::sleep(period).await;
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    const TIMES: [Duration; 3] = [Duration::from_secs(5), Duration::from_millis(10), Duration::from_millis(500)];

    #[tokio::test]
    async fn waiting_ends_with_readiness_or_with_the_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        drop(listener);
        let short = [Duration::from_millis(50), TIMES[1], TIMES[2]];
        assert!(wait(at, short).await.unwrap_err().to_string().contains("not ready after"));
        let waiting = tokio::spawn(wait(at, TIMES));
        tokio::time::sleep(Duration::from_millis(50)).await;
        let listener = TcpListener::bind(at).await.unwrap();
        let router = Router::new().route("/healthz/ready", get(async || "")).route("/drain", get(async || "OK"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        waiting.await.unwrap().unwrap();
        request(Method::GET, "drain", at.port()).await.unwrap();
        assert!(request(Method::GET, "/nothing", at.port()).await.is_err());
    }
}
