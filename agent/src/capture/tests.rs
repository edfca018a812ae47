//! What is written for given flags. That the kernel takes it, and that it captures, is tried in tests/tests/capture.rs.

use super::rules::tables;
use super::*;
use crate::args::{Command, parse};

fn args(line: &str) -> CaptureArgs {
    let line = format!("heddle-agent istio-iptables {line}");
    match parse(line.split_whitespace().map(Into::into)).unwrap().0.command {
        Command::Capture(args) => *args,
        other => panic!("{other:?}"),
    }
}

fn written(line: &str, family: Family) -> Vec<String> {
    let scope = scope(&args(line)).unwrap();
    let tables = tables(&scope, family);
    tables
        .into_iter()
        .flat_map(|table| table.rules.into_iter().map(move |rule| format!("{} {rule}", table.name)))
        .collect()
}

const USUAL: &str = "-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -b * -d 15090,15021 --log_output_level=default:info";

#[test]
fn the_usual_flags_capture_all_but_the_proxy() {
    let want = [
        "nat ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001",
        "nat ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006",
        "nat ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN",
        "nat ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j \
            ISTIO_IN_REDIRECT",
        "nat ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j \
            ISTIO_IN_REDIRECT",
        "nat ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -m owner ! --gid-owner 1337 -j RETURN",
        "nat ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN",
        "nat ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN",
        "nat ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN",
        "nat ISTIO_OUTPUT -p tcp -j ISTIO_REDIRECT",
        "nat ISTIO_INBOUND -p tcp --dport 15008 -j RETURN",
        "nat ISTIO_INBOUND -p tcp --dport 15090 -j RETURN",
        "nat ISTIO_INBOUND -p tcp --dport 15021 -j RETURN",
        "nat ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT",
        "nat PREROUTING -p tcp -j ISTIO_INBOUND",
        "nat OUTPUT -p tcp -j ISTIO_OUTPUT",
    ];
    assert_eq!(written(USUAL, Family::V4), want);
    let v6: Vec<String> =
        want.iter().map(|rule| rule.replace("127.0.0.6/32", "::6/128").replace("127.0.0.1/32", "::1/128")).collect();
    assert_eq!(written(USUAL, Family::V6), v6);
}

#[test]
fn networks_go_to_the_tables_of_their_family() {
    let line = "-m REDIRECT -i 10.1.2.3/8,fd00::/8 -x 10.9.0.0/16 -q 443 -o 25 -c eth1 -k net1 -b 80,81";
    let (v4, v6) = (written(line, Family::V4), written(line, Family::V6));
    for rule in [
        "nat ISTIO_OUTPUT -o eth1 -j RETURN",
        "nat ISTIO_OUTPUT -p tcp --dport 25 -j RETURN",
        "nat ISTIO_OUTPUT -d 10.9.0.0/16 -j RETURN",
        "nat ISTIO_OUTPUT -p tcp --dport 443 -j ISTIO_REDIRECT",
        "nat ISTIO_OUTPUT -d 10.0.0.0/8 -p tcp -j ISTIO_REDIRECT",
        "nat ISTIO_INBOUND -p tcp --dport 81 -j ISTIO_IN_REDIRECT",
        "nat PREROUTING -i eth1 -j RETURN",
        "nat PREROUTING -i net1 -d 10.0.0.0/8 -p tcp -j ISTIO_REDIRECT",
    ] {
        assert!(v4.contains(&rule.to_owned()), "{rule}\n{v4:#?}");
    }
    assert!(v6.contains(&"nat ISTIO_OUTPUT -d fd00::/8 -p tcp -j ISTIO_REDIRECT".to_owned()), "{v6:#?}");
    assert!(!v6.iter().any(|rule| rule.contains("10.")) && !v4.iter().any(|rule| rule.contains("fd00")));
}

#[test]
fn questions_to_the_pods_resolvers_are_captured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resolv.conf");
    std::fs::write(&file, "search shop\nnameserver 10.96.0.10\nnameserver fd00::a%eth0\n# nameserver 1.2.3.4\n")
        .unwrap();
    let line = format!("{USUAL} --redirect-dns --resolv-conf {}", file.display());
    let v4 = written(&line, Family::V4);
    for rule in [
        "nat ISTIO_OUTPUT -d 10.96.0.10 -p tcp --dport 53 -j REDIRECT --to-ports 15053",
        "nat ISTIO_DNS -d 10.96.0.10 -p udp -j REDIRECT --to-ports 15053",
        "nat OUTPUT -p udp --dport 53 -j ISTIO_DNS",
        "raw PREROUTING -s 10.96.0.10 -p udp --sport 53 -j CT --zone 1",
    ] {
        assert!(v4.contains(&rule.to_owned()), "{rule}\n{v4:#?}");
    }
    assert!(written(&line, Family::V6).iter().any(|rule| rule.contains("-d fd00::a -p udp -j REDIRECT")));
}

#[test]
fn mistakes_name_their_flag() {
    for (line, flag) in [
        ("-b x", "-b"),
        ("-d 70000", "-d"),
        ("-o 1,,y", "-o"),
        ("-u root", "-u"),
        ("-i 10.0.0.0/40", "-i"),
        ("-x *", "-x"),
        ("-c a/b", "-c"),
        ("-k waytoolonginterfacename", "-k"),
    ] {
        assert!(scope(&args(line)).unwrap_err().to_string().starts_with(flag), "{line}");
    }
}
