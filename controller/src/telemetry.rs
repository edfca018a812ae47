//! Log lines: text for people, JSON for machines, to standard error as one line an event.

mod levels;
mod line;
mod scope;

use std::sync::Arc;

use tokio::sync::watch;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use crate::config::{Config, LogFormat};
use line::Lines;

pub(crate) use levels::{Level, LevelError, Levels};
pub(crate) use scope::{SCOPES, Scope, find};

/// The levels of the running process, which may be changed.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    levels: Arc<watch::Sender<Levels>>,
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Starts logging. What cannot be read of the levels is left out, and a warning says so.
pub(crate) fn start(config: &Config) -> Log {
    let (levels, errors) = Levels::parse(&config.log_level);
    let (filter, handle) = reload::Layer::new(levels.filter());
    let lines = fmt::layer().with_writer(Lines(std::io::stderr));
    let lines = match config.log_format() {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    for error in errors {
        tracing::warn!(%error, "a part of --log_output_level has no effect");
    }
    for flag in &config.ignored {
        tracing::warn!(flag, "an unknown flag is ignored");
    }
    Log { levels: Arc::new(watch::Sender::new(levels)), filter: handle }
}

impl Log {
    /// The levels now.
    pub(crate) fn levels(&self) -> Levels {
        self.levels.borrow().clone()
    }

    /// Sets the level of a scope, or of all scopes. It is in force at once.
    ///
    /// # Errors
    /// When there is no such scope.
    pub(crate) fn set(&self, scope: &str, level: Level) -> Result<(), LevelError> {
        let mut result = Ok(());
        self.levels.send_if_modified(|levels| {
            result = levels.set(scope, level);
            // Here, where nobody else changes a level: the filter is that of the newest levels.
            result.is_ok() && self.filter.reload(levels.filter()).is_ok()
        });
        if result.is_ok() {
            tracing::info!(scope, %level, "the log level was changed");
        }
        result
    }
}
