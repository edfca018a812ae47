//! Tests of durations.

use super::*;

#[track_caller]
fn nanos(text: &str) -> i64 {
    text.parse::<Duration>().unwrap().nanos()
}

#[test]
fn reads_the_forms_of_protobuf_and_of_go() {
    assert_eq!(nanos("1s"), 1_000_000_000);
    assert_eq!(nanos("1.5s"), 1_500_000_000);
    assert_eq!(nanos("0.000000001s"), 1);
    assert_eq!(nanos("100ms"), 100_000_000);
    assert_eq!(nanos("1h2m"), 3_720_000_000_000);
    assert_eq!(nanos("-3s"), -3_000_000_000);
    assert_eq!(nanos(".5m"), 30_000_000_000);
    assert_eq!(nanos("1us"), 1_000);
    assert_eq!(nanos("0"), 0);
}

#[test]
fn refuses_what_is_not_a_duration() {
    for text in
        ["", "1", "s", ".s", "1 s", "1d", "1s2", "--1s", "1e3s", "9999999999999h", "99999999999999999999s", "∞s"]
    {
        assert!(text.parse::<Duration>().is_err(), "{text:?} was read");
    }
}

#[test]
fn is_written_as_protobuf_writes_it() {
    for (millis, text) in [(1_000, "1s"), (1_500, "1.500s"), (5_400_000, "5400s"), (-250, "-0.250s")] {
        assert_eq!(Duration::from_millis(millis).to_string(), text);
        assert_eq!(nanos(text), millis * 1_000_000);
    }
    assert_eq!(Duration::from_nanos(1).to_string(), "0.000000001s");
    assert_eq!(Duration::from_nanos(i64::MIN + 1).to_string().parse(), Ok(Duration::from_nanos(i64::MIN + 1)));
}
