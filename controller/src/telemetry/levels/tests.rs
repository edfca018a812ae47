//! Both syntaxes, and who logs what by them.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

fn read(text: &str) -> Levels {
    let (levels, errors) = Levels::parse(text);
    assert_eq!(errors, [], "{text}");
    levels
}

/// Collects lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The targets of the debug events, and then of the warnings, that this text lets through.
fn logged(text: &str) -> (Vec<String>, Vec<String>) {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(read(text).filter())
        .with_writer(lines.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        macro_rules! events {
            ($($target:literal)*) => {$(
                tracing::debug!(target: $target, "event");
                tracing::warn!(target: $target, "event");
            )*};
        }
        events!("heddled::server" "heddle_serve::stream" "heddle_serve::csr" "heddled::auth" "heddled::authority" "h2");
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let of = |level: &str| {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(level)?.strip_suffix(": event"));
        lines.map(|target| target.trim().to_owned()).collect()
    };
    (of("DEBUG"), of("WARN"))
}

const OURS: [&str; 5] =
    ["heddled::server", "heddle_serve::stream", "heddle_serve::csr", "heddled::auth", "heddled::authority"];
const EVERYONE: [&str; 6] =
    ["heddled::server", "heddle_serve::stream", "heddle_serve::csr", "heddled::auth", "heddled::authority", "h2"];

#[test]
fn a_scope_has_its_own_level_or_that_of_all_in_whatever_order() {
    for text in ["ads:debug,all:warn", "all:warn,ads:debug", " ads : DEBUG ,all:warning,"] {
        let levels = read(text);
        let expected = |name: &str| if name == "ads" { Level::Debug } else { Level::Warn };
        for scope in &SCOPES {
            assert_eq!(levels.of(scope.name), expected(scope.name), "{text} {}", scope.name);
        }
    }
    for (text, ads, ca) in [
        ("", Level::Info, Level::Info),
        ("default:info", Level::Info, Level::Info),
        ("default:debug,ca:none", Level::Debug, Level::None),
        ("error", Level::Error, Level::Error),
    ] {
        assert_eq!((read(text).of("ads"), read(text).of("ca")), (ads, ca), "{text}");
    }
}

#[test]
fn libraries_are_quiet_at_debug_unless_they_are_named() {
    for text in ["debug", "default:debug", "all:debug", "trace"] {
        assert_eq!(logged(text), (OURS.map(String::from).to_vec(), EVERYONE.map(String::from).to_vec()), "{text}");
    }
    assert_eq!(logged("info,h2=debug"), (vec!["h2".into()], EVERYONE.map(String::from).to_vec()));
    assert_eq!(logged("none"), (vec![], vec![]));
    assert_eq!(logged("error,heddled=warn").1, ["heddled::server", "heddled::auth", "heddled::authority"]);
}

#[test]
fn a_scope_is_its_modules_and_no_other() {
    assert_eq!(logged("ads:debug").0, ["heddle_serve::stream"]);
    assert_eq!(logged("ca:debug").0, ["heddle_serve::csr", "heddled::authority"]);
    assert_eq!(logged("security:debug").0, ["heddled::auth"]);
    assert_eq!(logged("ads:debug,heddle_serve::csr=debug").0, ["heddle_serve::stream", "heddle_serve::csr"]);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_counts() {
    let (levels, errors) = Levels::parse("ads:loud,nobody:debug,ca:debug,what,x=y=z,heddled=debug");
    assert_eq!(levels.of("ca"), Level::Debug);
    assert_eq!(levels.directives, ["heddled=debug"]);
    let expected = [
        LevelError::Level("loud".into()),
        LevelError::Scope("nobody".into()),
        LevelError::Syntax("what".into()),
        LevelError::Syntax("x=y=z".into()),
    ];
    assert_eq!(errors, expected);
    assert_eq!(read("a[b{c=1,d=2}]=info,heddled=warn").directives.len(), 2);
}

#[test]
fn a_level_changes_later() {
    let mut levels = read("ads:debug");
    levels.set("ca", Level::Error).unwrap();
    assert_eq!((levels.of("ads"), levels.of("ca"), levels.of("kube")), (Level::Debug, Level::Error, Level::Info));
    levels.set(ALL, Level::Warn).unwrap();
    assert!(SCOPES.iter().all(|scope| levels.of(scope.name) == Level::Warn));
    assert_eq!(levels.set("nobody", Level::Warn), Err(LevelError::Scope("nobody".into())));
}
