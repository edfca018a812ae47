//! Which mutual TLS a workload demands: its PeerAuthentications, from the mesh's down to the port's.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    authn::{EffectiveMtls, MtlsMode, PeerAuthentication, PeerAuthentications},
    labels::Labels,
};

/// The modes that bind the workloads of a namespace with these labels.
///
/// "Workload before namespace before root": policies of the root namespace with a selector bind nothing, and of
/// several at one level the oldest counts, as the list is ordered.
pub(crate) fn effective(policies: &PeerAuthentications, root: &str, namespace: &str, labels: &Labels) -> EffectiveMtls {
    let inherited = of_namespace(policies, root, namespace);
    let own = of(policies, namespace).iter().filter(|_| namespace != root);
    let chosen = own.into_iter().find(|policy| selector(policy).is_some_and(|s| s.select(labels)));
    let Some(policy) = chosen else { return EffectiveMtls { default: inherited, ports: BTreeMap::new() } };
    let ports = policy.ports.iter().filter_map(|(port, mode)| Some((*port, (*mode)?))).collect();
    EffectiveMtls { default: policy.mode.unwrap_or(inherited), ports }
}

/// The mode of a namespace's workloads that no policy selects: what a client expects of a whole service.
pub(crate) fn of_namespace(policies: &PeerAuthentications, root: &str, namespace: &str) -> MtlsMode {
    let level =
        |wanted: &str| of(policies, wanted).iter().find(|p| selector(p).is_none()).and_then(|policy| policy.mode);
    level(namespace).or_else(|| level(root)).unwrap_or_default()
}

fn of<'a>(policies: &'a PeerAuthentications, namespace: &str) -> &'a [Arc<PeerAuthentication>] {
    policies.get(namespace).map(|list| list.as_slice()).unwrap_or_default()
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
        let mut by_namespace = PeerAuthentications::new();
        for policy in all {
            let list = by_namespace.entry(policy.origin.namespace().clone()).or_default();
            Arc::make_mut(list).push(policy);
        }
        let of = |namespace: &str, labels: &Labels| effective(&by_namespace, "root", namespace, labels);
        assert_eq!(of("shop", &web).default, Strict);
        assert_eq!((of("shop", &web).of(80), of("shop", &web).of(81)), (Disable, Strict));
        assert_eq!(of("shop", &Labels::default()).of(80), Strict);
        assert_eq!(of("root", &web).of(80), Strict);
        assert_eq!(of("open", &web).default, Permissive);
        assert_eq!(effective(&PeerAuthentications::new(), "root", "shop", &web).default, Permissive);
    }
}
