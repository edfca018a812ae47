//! The charts of `charts/`, embedded in this program.

use super::Chart;

/// The files of a folder, with their paths.
macro_rules! files {
    ($folder:literal: $($file:literal)*) => {
        &[$(($file, include_str!(concat!("../../../charts/", $folder, "/", $file)))),*]
    };
}

/// A chart with a list of its templates and other files. A test fails if the list lacks a file.
macro_rules! chart {
    ($name:literal, templates: [$($template:literal)*], files: [$($file:literal)*]) => {
        Chart {
            name: $name,
            meta: include_str!(concat!("../../../charts/", $name, "/Chart.yaml")),
            values: include_str!(concat!("../../../charts/", $name, "/values.yaml")),
            schema: include_str!(concat!("../../../charts/", $name, "/values.schema.json")),
            templates: files!($name: $($template)*),
            files: files!($name: $($file)*),
        }
    };
}

/// The custom resource definitions, and the objects that all revisions share.
pub(crate) static BASE: Chart = chart!("base",
    templates: ["templates/NOTES.txt" "templates/_unread.tpl" "templates/crds.yaml" "templates/validator.yaml"],
    files: [
        "files/authorizationpolicies.security.istio.io.yaml"
        "files/destinationrules.networking.istio.io.yaml"
        "files/envoyfilters.networking.istio.io.yaml"
        "files/gateways.networking.istio.io.yaml"
        "files/peerauthentications.security.istio.io.yaml"
        "files/proxyconfigs.networking.istio.io.yaml"
        "files/requestauthentications.security.istio.io.yaml"
        "files/serviceentries.networking.istio.io.yaml"
        "files/sidecars.networking.istio.io.yaml"
        "files/telemetries.telemetry.istio.io.yaml"
        "files/trafficextensions.extensions.istio.io.yaml"
        "files/virtualservices.networking.istio.io.yaml"
        "files/wasmplugins.extensions.istio.io.yaml"
        "files/workloadentries.networking.istio.io.yaml"
        "files/workloadgroups.networking.istio.io.yaml"
    ]
);

/// The control plane.
pub(crate) static HEDDLED: Chart = chart!("heddled",
    templates: [
        "templates/NOTES.txt"
        "templates/_names.tpl"
        "templates/_unread.tpl"
        "templates/deployment.yaml"
        "templates/injection.yaml"
        "templates/injector.yaml"
        "templates/mesh.yaml"
        "templates/network.yaml"
        "templates/rbac.yaml"
        "templates/scaling.yaml"
        "templates/service.yaml"
        "templates/serviceaccount.yaml"
        "templates/validation.yaml"
    ],
    files: []
);

/// A gateway.
pub(crate) static GATEWAY: Chart = chart!("gateway",
    templates: [
        "templates/NOTES.txt"
        "templates/_names.tpl"
        "templates/_unread.tpl"
        "templates/network.yaml"
        "templates/rbac.yaml"
        "templates/scaling.yaml"
        "templates/service.yaml"
        "templates/workload.yaml"
    ],
    files: []
);

/// The values of each profile, by its name.
pub(crate) const PROFILES: &[(&str, &str)] = &[
    ("default", include_str!("../../../charts/profiles/default.yaml")),
    ("demo", include_str!("../../../charts/profiles/demo.yaml")),
    ("empty", include_str!("../../../charts/profiles/empty.yaml")),
    ("minimal", include_str!("../../../charts/profiles/minimal.yaml")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn all_files_of_the_charts_are_here() {
        let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts");
        for chart in [&BASE, &HEDDLED, &GATEWAY] {
            let mut there = BTreeSet::new();
            for folder in ["templates", "files"] {
                let Ok(files) = std::fs::read_dir(charts.join(chart.name).join(folder)) else { continue };
                there.extend(files.map(|file| format!("{folder}/{}", file.unwrap().file_name().to_string_lossy())));
            }
            let here = chart.templates.iter().chain(chart.files).map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(there, here, "{}", chart.name);
        }
    }
}
