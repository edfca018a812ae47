//! A small fleet against the real `heddled`: what is asked is whether all proxies end with the same, not how soon.

use clap::Parser;

use super::*;

fn run_small(words: &[&str]) {
    let small = ["heddle-fleet", "--services", "12", "--sidecars", "40", "--rounds", "3"];
    let report = run(&Args::parse_from(small.iter().chain(words))).unwrap();
    assert!(report.is_good(), "a bar was broken: see what was printed");
}

#[test]
fn edits_reach_all_and_nothing_comes_of_no_edit() {
    run_small(&["virtual-service", "destination-rule", "endpoint", "storm", "namespace", "relist"]);
}

#[test]
fn subsets_come_and_go_on_each_port() {
    run_small(&["--ports", "2", "subset"]);
}

#[test]
fn what_concerns_nobody_compiles_nothing() {
    run_small(&["--tls", "unrelated", "workload"]);
}

#[test]
fn whole_route_configurations_reach_all() {
    run_small(&["--vhds", "off", "--threads", "2", "virtual-service", "namespace", "relist"]);
}

#[test]
fn all_come_back_to_the_same() {
    run_small(&["reject", "reconnect"]);
}

#[test]
fn tls_and_tokens_are_spoken() {
    run_small(&["--tls", "virtual-service", "reconnect"]);
}

/// Needs root, for the network namespace that the API server is in, and what `make kubernetes` builds.
#[test]
fn changes_through_an_api_server_reach_all() {
    run_small(&["--api-server", "virtual-service", "destination-rule", "endpoint", "namespace", "relist"]);
}
