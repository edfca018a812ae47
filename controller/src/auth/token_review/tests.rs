//! What the API server's answers and tokens' claims make of a caller.

use k8s_openapi::api::authentication::v1::UserInfo;

use super::super::jwks::{Bound, Named};
use super::*;

fn status() -> TokenReviewStatus {
    let user = UserInfo {
        username: Some("system:serviceaccount:shop:web".into()),
        groups: Some(vec!["system:serviceaccounts".into(), "system:authenticated".into()]),
        extra: Some([(POD.0.to_owned(), vec!["web-1".to_owned()]), (POD.1.to_owned(), vec!["u".to_owned()])].into()),
        ..UserInfo::default()
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
    reviewed(status, &["istio-ca".into()])
}

#[test]
fn a_reviewed_token_names_service_account_and_pod() {
    let pod = Some((ObjectRef::new(Kind::Pod, "shop", "web-1"), "u".to_owned()));
    let bearer = Bearer { namespace: "shop".into(), service_account: "web".into(), pod };
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
    let bound = Bound { namespace: "bank".into(), pod: Some(Named { name: "web-1".into(), uid: "u".into() }) };
    let claims = Claims { exp: 0, sub: "system:serviceaccount:shop:web".into(), bound };
    assert!(bearer(&claims).is_err());
    let ours = Bound { namespace: "shop".into(), ..claims.bound.clone() };
    assert!(bearer(&Claims { bound: ours, ..claims }).is_ok());
}
