//! Whose a token is: by its claims, or by the API server's answer.

use heddle_model::object::{Kind, ObjectRef};
use k8s_openapi::api::authentication::v1::{TokenReviewStatus, UserInfo};

use super::jwks::Claims;

/// The beginning of a service account's name as a user.
const USER: &str = "system:serviceaccount:";
/// The group of all service accounts.
const GROUP: &str = "system:serviceaccounts";
/// Where the API server says to which pod a token is bound.
const POD: (&str, &str) = ("authentication.kubernetes.io/pod-name", "authentication.kubernetes.io/pod-uid");

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bearer {
    pub namespace: String,
    pub service_account: String,
    /// The UID of the service account; empty if nobody says it.
    pub uid: String,
    /// The pod that it is bound to, with its UID.
    pub pod: Option<(ObjectRef, String)>,
}

impl Bearer {
    /// By the claims of a token whose signature was verified.
    pub(super) fn claimed(claims: &Claims) -> Result<Self, String> {
        let (namespace, service_account) = account(&claims.sub)?;
        let bound = &claims.bound;
        let pod = bound.pod.as_ref();
        let pod =
            pod.map(|pod| (ObjectRef::new(Kind::Pod, bound.namespace.clone(), pod.name.clone()), pod.uid.clone()));
        if pod.is_some() && bound.namespace != namespace {
            return Err("token: the pod and the service account are in different namespaces".into());
        }
        let uid = bound.service_account.as_ref().map(|account| account.uid.clone()).unwrap_or_default();
        Ok(Self { namespace, service_account, uid, pod })
    }

    /// By the API server's answer, which must be for one of `audiences`.
    pub(super) fn reviewed(status: TokenReviewStatus, audiences: &[String]) -> Result<Self, String> {
        if status.authenticated != Some(true) {
            return Err(format!("token: {}", status.error.unwrap_or_else(|| "the API server refused it".into())));
        }
        if !status.audiences.unwrap_or_default().iter().any(|audience| audiences.contains(audience)) {
            return Err("token: the API server does not confirm the audience".into());
        }
        let user: UserInfo = status.user.unwrap_or_default();
        if !user.groups.unwrap_or_default().iter().any(|group| group == GROUP) {
            return Err("token: it does not belong to a service account".into());
        }
        let (namespace, service_account) = account(user.username.as_deref().unwrap_or_default())?;
        let extra = user.extra.unwrap_or_default();
        let first = |key: &str| extra.get(key).and_then(|values| values.first()).cloned();
        let pod = first(POD.0).zip(first(POD.1));
        let pod = pod.map(|(name, uid)| (ObjectRef::new(Kind::Pod, namespace.clone(), name), uid));
        Ok(Self { namespace, service_account, uid: user.uid.unwrap_or_default(), pod })
    }
}

fn account(user: &str) -> Result<(String, String), String> {
    let names = user.strip_prefix(USER).and_then(|names| names.split_once(':'));
    let (namespace, name) = names.ok_or("token: it does not belong to a service account")?;
    Ok((namespace.into(), name.into()))
}

#[cfg(test)]
mod tests;
