//! What the API server's answers and tokens' claims make of a caller.

use k8s_openapi::api::authentication::v1::UserInfo;

use super::*;
use crate::auth::jwks::{Bound, Named};

fn status() -> TokenReviewStatus {
    let user = UserInfo {
        username: Some("system:serviceaccount:shop:web".into()),
        uid: Some("7".into()),
        groups: Some(vec!["system:serviceaccounts".into(), "system:authenticated".into()]),
        extra: Some([(POD.0.to_owned(), vec!["web-1".to_owned()]), (POD.1.to_owned(), vec!["u".to_owned()])].into()),
    };
    TokenReviewStatus {
        authenticated: Some(true),
        audiences: Some(vec!["istio-ca".into()]),
        user: Some(user),
        ..TokenReviewStatus::default()
    }
}

fn changed(change: impl Fn(&mut TokenReviewStatus)) -> Result<Bearer, String> {
    let mut status = status();
    change(&mut status);
    Bearer::reviewed(status, &["istio-ca".into()])
}

#[test]
fn a_reviewed_token_names_service_account_and_pod() {
    let pod = Some((ObjectRef::new(Kind::Pod, "shop", "web-1"), "u".to_owned()));
    let bearer = Bearer { namespace: "shop".into(), service_account: "web".into(), uid: "7".into(), pod };
    assert_eq!(changed(|_| {}), Ok(bearer));
}

#[test]
fn only_an_authenticated_service_account_of_our_audience_counts() {
    assert!(changed(|status| status.authenticated = None).is_err());
    assert!(changed(|status| status.audiences = None).is_err(), "an API server that checks no audience");
    assert!(changed(|status| status.audiences = Some(vec!["vault".into()])).is_err());
    let user = |change: fn(&mut UserInfo)| changed(move |status| change(status.user.as_mut().unwrap()));
    assert!(user(|user| user.groups = None).is_err());
    assert!(user(|user| user.username = Some("system:node:n1".into())).is_err());
    assert!(changed(|status| status.user = None).is_err());
}

#[test]
fn a_token_bound_to_a_pod_of_another_namespace_is_refused() {
    let named = |name: &str| Some(Named { name: name.into(), uid: "u".into() });
    let bound = Bound { namespace: "bank".into(), pod: named("web-1"), service_account: named("web") };
    let claims =
        Claims { exp: 0, iss: String::new(), sub: "system:serviceaccount:shop:web".into(), bound: bound.clone() };
    assert!(Bearer::claimed(&claims).is_err());
    let ours = Claims { bound: Bound { namespace: "shop".into(), ..bound }, ..claims };
    assert_eq!(Bearer::claimed(&ours).unwrap().uid, "u");
}
