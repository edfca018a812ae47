//! A test is a folder of `tests/golden`: `pod.yaml`, perhaps `settings.yaml` (mesh, values, config, native, namespace,
//! environment, proxyConfigs), and `want.yaml`, which `UPDATE_GOLDEN=1` writes. Whatever is injected is injected a
//! second time, which must change nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use heddle_inject::{Context, Outcome, ProxyConfig, Settings, environment, inject, patch};
use heddle_yaml::{Budget, Schema};
use serde_json::{Value, json};

#[test]
fn pods_are_injected_as_wanted() {
    let only = std::env::var_os("GOLDEN").unwrap_or_default().to_string_lossy().into_owned();
    let mut wrong = Vec::new();
    for case in cases().into_iter().filter(|case| case.to_string_lossy().contains(&only)) {
        wrong.extend(check(&case));
    }
    assert!(wrong.is_empty(), "differ from what is wanted (UPDATE_GOLDEN=1 writes it): {wrong:#?}");
}

#[test]
fn a_second_injection_changes_nothing() {
    for case in cases() {
        let (pod, context, settings) = read(&case);
        let Ok(Outcome::Injected(once)) = inject(&pod, &context, &settings) else { continue };
        let twice = inject(&once.pod, &context, &settings).unwrap();
        let Outcome::Injected(twice) = twice else { panic!("{}: {twice:?}", case.display()) };
        assert_eq!(patch::patch(&once.pod, &twice.pod), json!([]), "{}", case.display());
    }
}

/// Whatever the settings were, injecting with others later gives what the others give on the pod as its user wrote it.
#[test]
fn an_injection_takes_the_place_of_an_earlier_one() {
    let plain = Settings::new(&Value::Null, &Value::Null).unwrap();
    for case in cases() {
        let (pod, context, settings) = read(&case);
        let later = Context { native: false, ..Context::default() };
        if pod["metadata"]["annotations"]["inject.istio.io/templates"].is_string() {
            continue;
        }
        let (Ok(Outcome::Injected(first)), Ok(Outcome::Injected(direct))) =
            (inject(&pod, &context, &settings), inject(&pod, &later, &plain))
        else {
            continue;
        };
        let Outcome::Injected(again) = inject(&first.pod, &later, &plain).unwrap() else {
            panic!("{}", case.display())
        };
        let names = |pod: &Value, list: &str| -> Vec<String> {
            let all = pod["spec"][list].as_array().cloned().unwrap_or_default();
            all.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
        };
        for list in ["initContainers", "containers", "volumes", "imagePullSecrets"] {
            assert_eq!(names(&again.pod, list), names(&direct.pod, list), "{} {list}", case.display());
        }
    }
}

fn check(case: &Path) -> Option<String> {
    let (pod, context, settings) = read(case);
    let got = match inject(&pod, &context, &settings) {
        Ok(Outcome::Injected(injected)) if injected.warnings.is_empty() => injected.pod,
        Ok(Outcome::Injected(injected)) => json!({"warnings": injected.warnings, "pod": injected.pod}),
        Ok(Outcome::Skipped(skip)) => json!({"skipped": format!("{skip:?}")}),
        Err(error) => json!({"error": error.to_string()}),
    };
    let (file, text) = (case.join("want.yaml"), heddle_yaml::write(&got));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, text).unwrap();
        return None;
    }
    let want = std::fs::read_to_string(&file).unwrap_or_default();
    (want != text).then(|| format!("{}:\n{text}", case.display()))
}

fn read(case: &Path) -> (Value, Context, Settings) {
    let file = |name: &str| -> Value {
        let text = std::fs::read_to_string(case.join(name)).unwrap_or_default();
        let value = heddle_yaml::value(&text, Schema::Yaml11, &Budget::FILE);
        value.unwrap_or_else(|error| panic!("{}/{name}: {error}", case.display()))
    };
    let given = file("settings.yaml");
    let text = |key: &str| given[key].as_str().unwrap_or_default().to_owned();
    let settings = Settings::new(&given["mesh"], &given["values"]).unwrap().with_config(&given["config"]).unwrap();
    let proxy_configs = given["proxyConfigs"].as_array().into_iter().flatten().map(|config| ProxyConfig {
        namespace: config["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(),
        spec: config["spec"].clone(),
    });
    let context = Context {
        namespace: text("namespace"),
        workload: None,
        environment: environment(&text("path")),
        native: given["native"].as_bool().unwrap_or(true),
        proxy_configs: proxy_configs.collect(),
    };
    (file("pod.yaml"), context, settings)
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}
