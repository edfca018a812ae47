//! Log lines: text for people, JSON for machines, to standard error as one line an event.

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts logging. A level that cannot be read is `info`, and says so.
pub(crate) fn start(config: &Config) {
    let (filter, error) = match EnvFilter::try_new(&config.log_level) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format() {
        LogFormat::Text => lines.with_ansi(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    if let Some(error) = error {
        tracing::warn!(%error, "the log level is invalid; heddled uses info");
    }
    for flag in &config.ignored {
        tracing::warn!(flag, "an unknown flag is ignored");
    }
}
