//! Which mutual TLS a workload demands: its PeerAuthentications, from the mesh's down to the port's.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    authn::{EffectiveMtls, MtlsMode, PeerAuthentication},
    labels::Labels,
};

/// The modes that bind the workloads of a namespace with these labels.
///
/// "Workload before namespace before root": policies of the root namespace with a selector bind nothing, and of
/// several at one level the oldest counts, as the list is ordered.
#[must_use]
pub fn effective(policies: &[Arc<PeerAuthentication>], root: &str, namespace: &str, labels: &Labels) -> EffectiveMtls {
    let inherited = of_namespace(policies, root, namespace);
    let chosen = policies.iter().find(|policy| {
        namespace != root
            && **policy.origin.namespace() == *namespace
            && selector(policy).is_some_and(|s| s.select(labels))
    });
    let Some(policy) = chosen else { return EffectiveMtls { default: inherited, ports: BTreeMap::new() } };
    let ports = policy.ports.iter().filter_map(|(port, mode)| Some((*port, (*mode)?))).collect();
    EffectiveMtls { default: policy.mode.unwrap_or(inherited), ports }
}

/// The mode of a namespace's workloads that no policy selects: what a client expects of a whole service.
#[must_use]
pub fn of_namespace(policies: &[Arc<PeerAuthentication>], root: &str, namespace: &str) -> MtlsMode {
    let level = |wanted: &str| {
        let whole = policies.iter().find(|p| **p.origin.namespace() == *wanted && selector(p).is_none());
        whole.and_then(|policy| policy.mode)
    };
    level(namespace).or_else(|| level(root)).unwrap_or_default()
}

fn selector(policy: &PeerAuthentication) -> Option<&Labels> {
    policy.selector.as_ref().filter(|labels| !labels.is_empty())
}

#[cfg(test)]
mod tests {
    use heddle_model::object::{Kind, ObjectRef, Origin};

    use super::*;

    fn policy(namespace: &str, app: Option<&str>, mode: Option<MtlsMode>) -> Arc<PeerAuthentication> {
        let object = Arc::new(ObjectRef::new(Kind::PeerAuthentication, namespace, "x"));
        let selector = app.map(|app| [("app", app)].into_iter().collect());
        let origin = Origin::new(object, 0);
        Arc::new(PeerAuthentication {
            origin,
            selector,
            mode,
            ports: [(80, Some(MtlsMode::Disable)), (81, None)].into(),
        })
    }

    #[test]
    fn the_nearest_policy_wins_and_unset_is_inherited() {
        use MtlsMode::{Disable, Permissive, Strict};
        let web: Labels = [("app", "web")].into_iter().collect();
        let all = [
            policy("root", None, Some(Strict)),
            policy("root", Some("web"), Some(Disable)),
            policy("shop", None, None),
            policy("shop", Some("web"), None),
            policy("open", None, Some(Permissive)),
        ];
        let of = |namespace: &str, labels: &Labels| effective(&all, "root", namespace, labels);
        assert_eq!(of("shop", &web).default, Strict);
        assert_eq!((of("shop", &web).of(80), of("shop", &web).of(81)), (Disable, Strict));
        assert_eq!(of("shop", &Labels::default()).of(80), Strict);
        assert_eq!(of("root", &web).of(80), Strict);
        assert_eq!(of("open", &web).default, Permissive);
        assert_eq!(effective(&[], "root", "shop", &web).default, Permissive);
    }
}
