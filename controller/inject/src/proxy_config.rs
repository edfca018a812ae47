//! The ProxyConfig of a pod, put together from all places that may set it.

use serde_json::{Value, json};

use crate::InjectError;
use crate::annotation as names;
use crate::context::{Context, ProxyConfig};
use crate::pod::merge::merge;
use crate::pod::{Object, Pod, object};
use crate::settings::Settings;

/// The mesh's default, then the resources of the root namespace and of the pod's, then the pod's annotation, then the
/// resource that selects the pod by its labels: each beats those before it, field by field.
pub(crate) fn effective(
    pod: &Pod,
    namespace: &str,
    context: &Context,
    settings: &Settings,
) -> Result<Object, InjectError> {
    let root = settings.root_namespace();
    let of = |wanted: &str| {
        let mut found =
            context.proxy_configs.iter().filter(|config| config.namespace == wanted && selector(config).is_none());
        found.next().map(fields)
    };
    let mut config = settings.default_config();
    let for_all = of(&root);
    let for_namespace = if namespace == root { None } else { of(namespace) };
    let selected = context.proxy_configs.iter().find(|config| config.namespace == namespace && selects(config, pod));
    let annotated = annotation(pod)?;
    for layer in [for_all, for_namespace, annotated, selected.map(fields)].into_iter().flatten() {
        merge(&mut config, &layer);
    }
    Ok(config)
}

/// The part that the pod's annotation says.
pub(crate) fn annotation(pod: &Pod) -> Result<Option<Object>, InjectError> {
    let Some(text) = pod.annotations.get(names::PROXY_CONFIG) else { return Ok(None) };
    names::proxy_config(text).map_err(|reason| InjectError::annotation(names::PROXY_CONFIG, reason))
}

/// A resource's fields in the spelling of the mesh config.
fn fields(config: &ProxyConfig) -> Object {
    let mut out = Object::new();
    for (theirs, ours) in [("concurrency", "concurrency"), ("environmentVariables", "proxyMetadata")] {
        if let Some(value) = config.spec.get(theirs).filter(|value| !value.is_null()) {
            out.insert(ours.to_owned(), value.clone());
        }
    }
    if let Some(kind) = config.spec.pointer("/image/imageType").and_then(Value::as_str) {
        out.extend(object(json!({"image": {"imageType": kind}})));
    }
    out
}

fn selector(config: &ProxyConfig) -> Option<&Object> {
    config.spec.pointer("/selector/matchLabels").and_then(Value::as_object).filter(|labels| !labels.is_empty())
}

fn selects(config: &ProxyConfig, pod: &Pod) -> bool {
    selector(config).is_some_and(|labels| {
        labels.iter().all(|(name, value)| pod.labels.get(name).map(String::as_str) == value.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_beats_those_before_it() {
        let resource = |namespace: &str, spec: Value| ProxyConfig { namespace: namespace.to_owned(), spec };
        let metadata = json!({"A": "mesh", "B": "mesh"});
        let mesh = json!({"defaultConfig": {"concurrency": 1, "drainDuration": "9s", "proxyMetadata": metadata}});
        let settings = Settings::new(&mesh, &Value::Null).unwrap();
        let context = Context {
            proxy_configs: vec![
                resource("istio-system", json!({"concurrency": 2, "environmentVariables": {"C": "root"}})),
                resource("shop", json!({"concurrency": 3, "image": {"imageType": "debug"}})),
                resource("shop", json!({"selector": {"matchLabels": {"app": "web"}}, "concurrency": 5})),
                resource("other", json!({"concurrency": 7})),
            ],
            ..Context::default()
        };
        let annotation = "concurrency: 4\nproxyMetadata: {A: pod}";
        let pod =
            |app: &str| json!({"metadata": {"labels": {"app": app}, "annotations": {names::PROXY_CONFIG: annotation}}});
        let of = |app: &str| effective(&Pod::parse(&pod(app)).unwrap(), "shop", &context, &settings).unwrap();
        assert_eq!(of("db")["concurrency"], 4);
        let web = Value::Object(of("web"));
        let metadata = json!({"A": "pod", "B": "mesh", "C": "root"});
        assert_eq!(web["proxyMetadata"], metadata);
        assert_eq!((&web["concurrency"], &web["drainDuration"]), (&json!(5), &json!("9s")));
        assert_eq!(web["image"]["imageType"], "debug");
    }

    #[test]
    fn an_annotation_that_is_no_object_is_refused() {
        for text in ["concurrency: [", "- a", "x"] {
            let pod = json!({"metadata": {"annotations": {names::PROXY_CONFIG: text}}});
            let settings = Settings::new(&Value::Null, &Value::Null).unwrap();
            let result = effective(&Pod::parse(&pod).unwrap(), "shop", &Context::default(), &settings);
            assert!(result.is_err(), "{text}");
        }
    }
}
