//! The log of the agent, on standard error, as text or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. `level` has pilot-agent's form `scope:level`, separated by commas, or it is a plain level. Only the
/// scope `default` is used. Libraries log warnings at most.
pub(crate) fn start(level: &str, json: bool) {
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter(level))).with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
    }
}

fn filter(level: &str) -> &'static str {
    let scopes = level.split(',').map(|scope| scope.split_once(':').unwrap_or(("default", scope)));
    let level =
        scopes.into_iter().find(|(scope, _)| matches!(*scope, "default" | "all")).map(|(_, level)| level.trim());
    match level {
        Some("debug") => "warn,heddle=debug",
        Some("warn" | "warning") => "warn",
        Some("error" | "fatal") => "error",
        Some("none" | "off") => "off",
        Some("trace") => "warn,heddle=trace",
        _ => "warn,heddle=info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_level_are_read() {
        for (text, want) in [
            ("default:info", "warn,heddle=info"),
            ("default:debug,sds:info", "warn,heddle=debug"),
            ("sds:debug", "warn,heddle=info"),
            ("warning", "warn"),
            ("all:error", "error"),
            ("", "warn,heddle=info"),
        ] {
            assert_eq!(filter(text), want, "{text}");
        }
    }
}
