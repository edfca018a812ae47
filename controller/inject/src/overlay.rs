//! What a pod's templates add to it, together: the built-in ones, the operator's overlays, and the pod's own.

use std::collections::BTreeMap;

use heddle_yaml::{Budget, Schema};
use serde_json::Value;

use crate::annotation as names;
use crate::annotation::list;
use crate::plan::Plan;
use crate::pod::Pod;
use crate::pod::merge::merge_pods;
use crate::{InjectError, gateway, sidecar};

/// Templates that a pod gets at most.
const MOST: usize = 16;

/// The templates of the pod, merged in their order, and what the user should know of them.
///
/// # Errors
/// When there is no such template, or it cannot be used.
pub(crate) fn template(plan: &Plan<'_>) -> Result<(Pod, Vec<String>), InjectError> {
    let mut out = Pod::default();
    let mut warnings = Vec::new();
    for name in wanted(plan)? {
        merge_pods(&mut out, &one(plan, &name, &mut warnings)?);
    }
    if let Some(text) = plan.annotation(names::OVERLAY) {
        let overlay = overlay(text).map_err(|reason| InjectError::annotation(names::OVERLAY, reason))?;
        merge_pods(&mut out, &overlay);
    }
    let injected: BTreeMap<_, _> = plan.settings.injected_annotations();
    out.annotations.extend(injected);
    Ok((out, warnings))
}

/// The names of the templates; one that is named twice counts once.
fn wanted(plan: &Plan<'_>) -> Result<Vec<String>, InjectError> {
    let named: Vec<String> =
        plan.annotation(names::TEMPLATES).map(list).into_iter().flatten().map(str::to_owned).collect();
    let named = if named.is_empty() { plan.settings.default_templates() } else { named };
    let mut out: Vec<String> = Vec::new();
    for name in named.into_iter().flat_map(|name| plan.settings.alias(&name).unwrap_or_else(|| vec![name])) {
        if out.contains(&name) {
            continue;
        }
        if out.len() == MOST {
            return Err(InjectError::annotation(names::TEMPLATES, format!("more than {MOST} templates")));
        }
        out.push(name);
    }
    Ok(out)
}

/// A template of the settings takes the place of a built-in one of its name, unless it is a Go template, as a config
/// that was written for istiod has it.
fn one(plan: &Plan<'_>, name: &str, warnings: &mut Vec<String>) -> Result<Pod, InjectError> {
    let text = plan.settings.overlay(name);
    let is_go = text.as_deref().is_some_and(|text| text.contains("{{"));
    match (name, text) {
        ("sidecar" | "gateway", Some(_)) if is_go => {
            warnings.push(format!(
                "injection template {name:?} of the settings is a Go template; the built-in one is used"
            ));
            Ok(built_in(plan, name))
        }
        ("sidecar" | "gateway", None) => Ok(built_in(plan, name)),
        (_, Some(_)) if is_go => {
            Err(InjectError::template(name, "a Go template, which is not run; write it as a strategic-merge overlay"))
        }
        (_, Some(text)) => overlay(&text).map_err(|reason| InjectError::template(name, reason)),
        (_, None) => Err(InjectError::UnknownTemplate(name.to_owned())),
    }
}

fn built_in(plan: &Plan<'_>, name: &str) -> Pod {
    if name == "gateway" { gateway::gateway(plan) } else { sidecar::sidecar(plan) }
}

/// An overlay is a part of a Kubernetes object, so it is read as `kubectl` reads one: `defaultMode: 0400` is octal.
fn overlay(text: &str) -> Result<Pod, String> {
    match heddle_yaml::value(text, Schema::Yaml11, &Budget::ANNOTATION).map_err(|error| error.to_string())? {
        Value::Null => Ok(Pod::default()),
        value => Pod::parse(&value).map_err(|error| error.to_string()),
    }
}
