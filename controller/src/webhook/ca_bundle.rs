//! Writes the webhook configurations: the CA bundle for calls to heddled, and the failure policy.
//!
//! CA bundles are compared as sets of certificates, so that two control planes with the same root never overwrite each
//! other. `failurePolicy: Fail` is set only after the webhook has refused an invalid object.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use heddle_ca::Authority;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhook, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use kube::api::{DynamicObject, PostParams};
use kube::discovery::ApiResource;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::watch;

use super::counts::Counts;
use crate::cluster::reason;
use crate::pem;
use crate::source::kube::steady;

/// The suffix of injection webhooks.
const INJECTOR: &str = "sidecar-injector.istio.io";
/// The suffix of validation webhooks.
const VALIDATOR: &str = "validation.istio.io";
/// The label with the revision of a configuration or an object.
const REVISION: &str = "istio.io/rev";
/// The delay after a round that failed, or after a validation that does not work yet.
const PATIENCE: Duration = Duration::from_secs(2);

/// The input of the configurations.
pub(crate) struct Bundles {
    /// The connection.
    pub client: Client,
    /// The revision of this control plane.
    pub revision: String,
    /// The namespace of the control plane. The invalid object is created there, with a dry run.
    pub namespace: String,
    /// The roots.
    pub authority: watch::Receiver<Option<Arc<Authority>>>,
    /// The counters.
    pub counts: Arc<Counts>,
}

/// The configurations of this revision, by name.
#[derive(Default)]
struct Found {
    injecting: BTreeMap<String, MutatingWebhookConfiguration>,
    validating: BTreeMap<String, ValidatingWebhookConfiguration>,
}

impl Bundles {
    /// Writes until the process ends. Each replica does this, and all write the same.
    pub(crate) async fn run(mut self) {
        let ours = watcher::Config::default().labels(&format!("{REVISION}={}", self.revision));
        let injecting: Api<MutatingWebhookConfiguration> = Api::all(self.client.clone());
        let validating: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        let mut injecting = pin!(steady(watcher(injecting, ours.clone()), "MutatingWebhookConfiguration"));
        let mut validating = pin!(steady(watcher(validating, ours), "ValidatingWebhookConfiguration"));
        let mut found = Found::default();
        let mut done = true;
        loop {
            let wait = if done { Duration::MAX } else { PATIENCE };
            tokio::select! {
                event = injecting.next() => match event {
                    Some(event) => note(&mut found.injecting, event),
                    None => return,
                },
                event = validating.next() => match event {
                    Some(event) => note(&mut found.validating, event),
                    None => return,
                },
                changed = self.authority.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
            }
            done = self.write(&found).await;
        }
    }

    /// Writes what differs. Returns whether nothing is left to do.
    async fn write(&self, found: &Found) -> bool {
        let Some(roots) = self.authority.borrow().as_ref().map(|authority| authority.roots().pem().to_owned()) else {
            return true;
        };
        let mut done = true;
        for configuration in found.injecting.values() {
            let mut changed = configuration.clone();
            for webhook in changed.webhooks.iter_mut().flatten().filter(|webhook| webhook.name.ends_with(INJECTOR)) {
                self.put(&mut webhook.client_config, &roots);
            }
            done &= changed == *configuration || self.replace(changed).await;
        }
        for configuration in found.validating.values() {
            let mut changed = configuration.clone();
            for webhook in changed.webhooks.iter_mut().flatten().filter(|webhook| webhook.name.ends_with(VALIDATOR)) {
                self.put(&mut webhook.client_config, &roots);
            }
            if changed != *configuration {
                // The written configuration comes back as an event. Then the validation is tested.
                done &= self.replace(changed).await;
            } else if changed.webhooks.iter().flatten().any(|webhook| self.may_insist(webhook)) {
                done &= self.insist(changed).await;
            }
        }
        done
    }

    /// Sets `failurePolicy: Fail`, if the webhook refuses an invalid object.
    async fn insist(&self, mut configuration: ValidatingWebhookConfiguration) -> bool {
        if !self.refuses().await {
            return false;
        }
        for webhook in configuration.webhooks.iter_mut().flatten().filter(|webhook| self.may_insist(webhook)) {
            webhook.failure_policy = Some("Fail".into());
        }
        tracing::info!(configuration = configuration.name_any(), "validation works; the failure policy is now Fail");
        self.replace(configuration).await
    }

    /// Whether this is our validation webhook without `failurePolicy: Fail`.
    fn may_insist(&self, webhook: &ValidatingWebhook) -> bool {
        self.is_called(&webhook.client_config) && webhook.failure_policy.as_deref() != Some("Fail")
    }

    /// Writes the CA bundle, unless the webhook calls another control plane, which may have another root.
    fn put(&self, client: &mut WebhookClientConfig, roots: &str) {
        if self.is_called(client) {
            put(&mut client.ca_bundle, roots);
        }
    }

    fn is_called(&self, client: &WebhookClientConfig) -> bool {
        client.service.as_ref().is_none_or(|service| service.namespace == self.namespace)
    }

    /// Whether the webhook itself refuses a Gateway without servers. Nothing is stored.
    async fn refuses(&self) -> bool {
        let resource = ApiResource {
            group: "networking.istio.io".into(),
            version: "v1".into(),
            api_version: "networking.istio.io/v1".into(),
            kind: "Gateway".into(),
            plural: "gateways".into(),
        };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let name = format!("heddled-validates-{}", self.revision);
        let mut object = DynamicObject::new(&name, &resource).data(json!({"spec": {}}));
        object.labels_mut().insert(REVISION.into(), self.revision.clone());
        let parameters = PostParams { dry_run: true, ..PostParams::default() };
        match api.create(&parameters, &object).await {
            Err(kube::Error::Api(status)) => {
                status.message.contains("admission webhook") && status.message.contains("spec.servers")
            }
            _ => false,
        }
    }

    /// Writes the configuration and returns whether it is stored. If another writer was faster, its version comes as an
    /// event.
    async fn replace<K>(&self, configuration: K) -> bool
    where
        K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
    {
        let (name, api): (String, Api<K>) = (configuration.name_any(), Api::all(self.client.clone()));
        match api.replace(&name, &PostParams::default(), &configuration).await {
            Ok(_) => {
                self.counts.patched.add(1);
                tracing::info!(configuration = name, "wrote a webhook configuration");
                true
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => true,
            Err(error) => {
                self.counts.unpatched.add(1);
                tracing::error!(configuration = name, error = reason(&error), "cannot write a webhook configuration");
                false
            }
        }
    }
}

fn note<K: Resource>(known: &mut BTreeMap<String, K>, event: Event<K>) {
    match event {
        Event::Init => known.clear(),
        Event::InitDone => {}
        Event::InitApply(object) | Event::Apply(object) => _ = known.insert(object.name_any(), object),
        Event::Delete(object) => _ = known.remove(&object.name_any()),
    }
}

/// Writes the roots, unless the same certificates are there in any order.
fn put(bundle: &mut Option<ByteString>, roots: &str) {
    let has = bundle.as_ref().map(|bundle| certificates(&String::from_utf8_lossy(&bundle.0)));
    if has.as_ref() != Some(&certificates(roots)) {
        *bundle = Some(ByteString(roots.as_bytes().to_vec()));
    }
}

fn certificates(text: &str) -> BTreeSet<Option<Vec<u8>>> {
    let ends = "-----END CERTIFICATE-----";
    let one = |section: &str| pem::decode(&format!("{section}{ends}"), "CERTIFICATE");
    text.split_inclusive(ends).filter_map(|section| section.strip_suffix(ends)).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_with_the_same_certificates_stays_as_it_is() {
        let (one, two) = (pem::encode("CERTIFICATE", b"one"), pem::encode("CERTIFICATE", b"two"));
        let theirs = ByteString(format!("# a note\n{two}\n{one}").into_bytes());
        let mut bundle = Some(theirs.clone());
        put(&mut bundle, &format!("{one}{two}"));
        assert_eq!(bundle, Some(theirs));
        for other in [None, Some(ByteString(one.clone().into_bytes())), Some(ByteString(b"nonsense".to_vec()))] {
            let mut bundle = other;
            put(&mut bundle, &format!("{one}{two}"));
            assert_eq!(bundle, Some(ByteString(format!("{one}{two}").into_bytes())));
        }
    }
}
