//! The log levels of all scopes, as they are now.
//!
//! `--log_output_level` takes istiod's syntax, `default:info,ads:debug`, and that of tracing's `EnvFilter`,
//! `heddle_serve=debug,info`, also mixed. Libraries log at `warn` at most: a level without a name, and `all`, are about
//! our own modules. Whoever wants a library's events names it: `h2=debug`.

use std::collections::BTreeMap;
use std::fmt;

use tracing_subscriber::EnvFilter;

use super::scope::{self, DEFAULT, SCOPES};

/// What istiod calls all scopes.
pub(crate) const ALL: &str = "all";

/// A log level, in istiod's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    None,
    /// The operator must act.
    Error,
    /// An object of a user is ignored.
    Warn,
    /// Lifecycle.
    Info,
    /// Each event.
    Debug,
}

/// The levels of all scopes. A scope has the level of its own name, else that of `all`, else that of `default`, else
/// `info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    named: BTreeMap<&'static str, Level>,
    /// Directives of `EnvFilter`, which count before the scopes.
    directives: Vec<String>,
}

/// Why a level is not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LevelError {
    /// There is no such scope.
    #[error("there is no log scope `{0}`")]
    Scope(String),
    /// There is no such level.
    #[error("`{0}` is not a log level; the levels are none, error, warn, info and debug")]
    Level(String),
    /// It is neither a scope with its level nor a directive of `EnvFilter`.
    #[error("`{0}` is not of the form `scope:level` or `module=level`")]
    Syntax(String),
}

impl Level {
    /// The level of this name.
    pub(crate) fn parse(name: &str) -> Result<Self, LevelError> {
        match name.to_ascii_lowercase().as_str() {
            "none" | "off" => Ok(Self::None),
            "error" | "fatal" => Ok(Self::Error),
            "warn" | "warning" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" | "trace" => Ok(Self::Debug),
            _ => Err(LevelError::Level(name.into())),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        })
    }
}

impl Levels {
    /// Reads `--log_output_level`. What cannot be read is left out and returned. The order of the entries does not
    /// matter.
    pub(crate) fn parse(text: &str) -> (Self, Vec<LevelError>) {
        let (mut levels, mut errors) = (Self::default(), Vec::new());
        for entry in entries(text) {
            match Entry::parse(entry) {
                Ok(Entry::Scope(name, level)) => _ = levels.named.insert(name, level),
                Ok(Entry::Directive) => levels.directives.push(entry.to_owned()),
                Err(error) => errors.push(error),
            }
        }
        (levels, errors)
    }

    /// The level of a scope.
    pub(crate) fn of(&self, name: &str) -> Level {
        [name, ALL, DEFAULT].iter().find_map(|name| self.named.get(name)).copied().unwrap_or(Level::Info)
    }

    /// Sets the level of a scope, or of all.
    pub(crate) fn set(&mut self, name: &str, level: Level) -> Result<(), LevelError> {
        let name = if name == ALL {
            self.named.clear();
            ALL
        } else {
            scope::find(name).ok_or_else(|| LevelError::Scope(name.into()))?.name
        };
        self.named.insert(name, level);
        Ok(())
    }

    /// The filter of all events.
    pub(crate) fn filter(&self) -> EnvFilter {
        let highest = SCOPES.iter().map(|scope| self.of(scope.name)).max().unwrap_or(Level::None);
        let mut directives = vec![directive("", highest.min(Level::Warn))];
        for scope in &SCOPES {
            let modules = scope.modules.iter().filter(|module| !self.is_covered(module));
            directives.extend(modules.map(|module| directive(module, self.of(scope.name))));
        }
        directives.extend(self.directives.iter().cloned());
        EnvFilter::new(directives.join(","))
    }

    /// Whether a directive is about all of a module. Of two directives the longer one would count.
    fn is_covered(&self, module: &str) -> bool {
        let of = self.directives.iter().filter_map(|directive| directive.split_once('='));
        of.filter(|(name, _)| !name.contains('[')).any(|(name, _)| module.starts_with(name))
    }
}

/// One entry of the text.
enum Entry {
    Scope(&'static str, Level),
    Directive,
}

impl Entry {
    fn parse(text: &str) -> Result<Self, LevelError> {
        let is_directive = text.contains(['=', '[']) || text.contains("::");
        if is_directive {
            return match text.parse::<tracing_subscriber::filter::Directive>() {
                Ok(_) => Ok(Self::Directive),
                Err(_) => Err(LevelError::Syntax(text.into())),
            };
        }
        let Some((name, level)) = text.split_once(':') else {
            return match Level::parse(text) {
                Ok(level) => Ok(Self::Scope(ALL, level)),
                Err(_) => Err(LevelError::Syntax(text.into())),
            };
        };
        let level = Level::parse(level.trim())?;
        match name.trim() {
            ALL => Ok(Self::Scope(ALL, level)),
            name => scope::find(name)
                .map(|scope| Self::Scope(scope.name, level))
                .ok_or_else(|| LevelError::Scope(name.into())),
        }
    }
}

/// The entries of a list. A comma in the brackets of a directive separates none.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let entries = text.split(move |character| {
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    });
    entries.map(str::trim).filter(|entry| !entry.is_empty())
}

fn directive(module: &str, level: Level) -> String {
    let level = match level {
        Level::None => "off".to_owned(),
        level => level.to_string(),
    };
    if module.is_empty() { level } else { format!("{module}={level}") }
}

#[cfg(test)]
mod tests;
