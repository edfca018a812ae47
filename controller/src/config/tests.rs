//! Flags with istiod's names and defaults.

use super::*;

fn parsed(args: &[&str]) -> Config {
    parse(std::iter::once("heddled").chain(args.iter().copied()).map(OsString::from)).unwrap()
}

#[test]
fn the_defaults_are_istiods() {
    let config = parsed(&[]);
    let port = |listen: Listen| listen.0.unwrap().port();
    let ports = [config.http_addr, config.grpc_addr, config.secure_grpc_addr, config.monitoring_addr].map(port);
    assert_eq!(ports, [8080, 15010, 15012, 15014]);
    assert_eq!(config.control_addr(), Listen(Some("127.0.0.1:9876".parse().unwrap())));
    assert_eq!(parsed(&["--ctrlz_address=*", "--ctrlz_port=1"]).control_addr(), parse_listen(":1").unwrap());
    assert_eq!(config.domain, "cluster.local");
    assert_eq!(config.workload_cert_ttl, Duration::from_hours(24));
}

#[test]
fn flags_that_are_not_ours_are_kept_aside() {
    let config = parsed(&[
        "discovery",
        "--registries=Kubernetes",
        "--profile",
        "true",
        "--config-dir",
        "a",
        "--config-dir=b",
        "--domain=x.y",
    ]);
    assert_eq!(config.ignored, ["--registries=Kubernetes", "--profile", "true"]);
    assert_eq!(config.folders, [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!(config.domain, "x.y");
}

#[test]
fn a_known_flag_with_a_bad_value_is_refused() {
    for args in [["--grpcAddr", "nonsense"], ["--shutdownDuration", "10"], ["--logFormat", "xml"]] {
        let args = std::iter::once("heddled").chain(args).map(OsString::from);
        assert!(parse(args).is_err());
    }
}

#[test]
fn an_empty_address_is_off_and_one_without_host_is_everywhere() {
    assert_eq!(parse_listen(""), Ok(Listen(None)));
    assert_eq!(parse_listen(":1"), Ok(Listen(Some("[::]:1".parse().unwrap()))));
    assert_eq!(parse_listen("127.0.0.7:0"), Ok(Listen(Some("127.0.0.7:0".parse().unwrap()))));
    assert_eq!(parse_listen("[::1]:9"), Ok(Listen(Some("[::1]:9".parse().unwrap()))));
}

#[test]
fn durations_are_read_as_go_writes_them() {
    assert_eq!(parse_duration("1h30m"), Ok(Duration::from_mins(90)));
    assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
    assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
    assert_eq!(parse_duration("1.5h"), Ok(Duration::from_mins(90)));
    for bad in ["", "10", "5x", "-1s", "99999999999999999999h", "18446744073709551615h"] {
        assert!(parse_duration(bad).is_err(), "{bad}");
    }
}
