//! What tokens cost the API server, and when they end.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use heddle_model::object::{Kind, ObjectRef};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::*;
use crate::auth::accounts::{Account, Uids};
use crate::auth::testing::{ISSUER, Key, claims, invented};

/// An API server that publishes keys and reviews tokens.
#[derive(Default)]
struct Server {
    keys: Mutex<Vec<Value>>,
    /// The account (its UID) that each reviewed token belongs to; none is refused.
    account: Mutex<Option<&'static str>>,
    /// The UID of the account that exists.
    existing: Mutex<Option<&'static str>>,
    reviews: AtomicUsize,
    reads: AtomicUsize,
}

impl Server {
    fn answer(&self, path: &str) -> (u16, Value) {
        let answer = match path {
            "/.well-known/openid-configuration" => json!({"issuer": ISSUER}),
            "/openid/v1/jwks" => {
                self.reads.fetch_add(1, Ordering::Relaxed);
                json!({"keys": *self.keys.lock()})
            }
            "/apis/authentication.k8s.io/v1/tokenreviews" => {
                self.reviews.fetch_add(1, Ordering::Relaxed);
                let groups = ["system:serviceaccounts"];
                let user =
                    |uid: &str| json!({"username": "system:serviceaccount:shop:web", "uid": uid, "groups": groups});
                let status = match *self.account.lock() {
                    Some(uid) => json!({"authenticated": true, "audiences": ["istio-ca"], "user": user(uid)}),
                    None => json!({"error": "it is no token"}),
                };
                json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {}, "status": status})
            }
            "/api/v1/namespaces/shop/serviceaccounts/web" => match *self.existing.lock() {
                Some(uid) => serde_json::to_value(account(uid)).unwrap(),
                None => {
                    return (404, json!({"status": "Failure", "reason": "NotFound", "code": 404, "message": "none"}));
                }
            },
            other => panic!("{other}"),
        };
        (200, answer)
    }

    fn asked(&self) -> usize {
        self.reviews.load(Ordering::Relaxed)
    }
}

struct Fixture {
    server: Arc<Server>,
    tokens: Arc<Tokens>,
    accounts: Arc<Accounts>,
    pods: PodIndex,
    key: Key,
}

fn account(uid: &str) -> Account {
    serde_json::from_value(json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": {"namespace": "shop", "name": "web", "uid": uid},
    }))
    .unwrap()
}

/// A cluster with the account `web` and its pod.
fn start() -> Fixture {
    let (server, key) = (Arc::new(Server::default()), Key::new("one"));
    server.keys.lock().push(key.public());
    let answers = server.clone();
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let (status, answer) = answers.answer(request.uri().path());
        let response = Response::builder().status(status).body(Full::new(Bytes::from(answer.to_string())));
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    });
    let client = Client::new(service, "istio-system");
    let (pods, accounts, counts) = (PodIndex::default(), Accounts::new(client.clone()), Arc::<Counts>::default());
    pods.insert(Arc::new(ObjectRef::new(Kind::Pod, "shop", "web-1")), "pod", "web");
    let keys = KeyRing::new(counts.clone());
    tokio::spawn(keys.clone().follow(client.clone()));
    let index = (pods.clone(), accounts.clone());
    let tokens = Arc::new(Tokens::new(client, (keys, counts), index, vec!["istio-ca".into()]));
    let fixture = Fixture { server, tokens, accounts, pods, key };
    fixture.note(Event::InitDone);
    fixture.note(Event::Apply(account("account")));
    fixture
}

impl Fixture {
    fn note(&self, event: Event<Account>) {
        self.accounts.note(event, &mut Uids::new());
    }

    async fn ask(&self, token: &str) -> Result<String, String> {
        self.tokens.identity(token, "td").await.map(|identity| identity.to_string())
    }

    /// A token without a pod.
    fn unbound(&self) -> String {
        let mut claims = claims();
        claims["kubernetes.io"].as_object_mut().unwrap().remove("pod");
        self.key.sign(&claims)
    }
}

#[tokio::test]
async fn a_token_of_a_pod_costs_no_review() {
    let cluster = start();
    assert_eq!(cluster.ask(&cluster.key.sign(&claims())).await.unwrap(), "spiffe://td/ns/shop/sa/web");
    assert_eq!(cluster.server.asked(), 0);
}

#[tokio::test]
async fn invented_tokens_of_unknown_issuers_get_few_reviews() {
    let cluster = start();
    for number in 0..3000 {
        cluster.ask(&invented(&json!({"iss": format!("https://{number}")}))).await.unwrap_err();
    }
    assert!((1..100).contains(&cluster.server.asked()), "{}", cluster.server.asked());
    // They take nothing from a token that the API server signed.
    *cluster.server.account.lock() = Some("account");
    cluster.ask(&cluster.unbound()).await.unwrap();
}

#[tokio::test]
async fn invented_tokens_of_our_issuer_get_one_read_of_the_keys() {
    let cluster = start();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..300 {
        let (tokens, token) = (cluster.tokens.clone(), invented(&json!({"iss": ISSUER, "jti": number})));
        calls.spawn(async move { tokens.identity(&token, "td").await });
    }
    assert!(calls.join_all().await.iter().all(Result::is_err));
    assert_eq!(cluster.server.asked(), 0);
    assert!(cluster.server.reads.load(Ordering::Relaxed) <= 3);
}

#[tokio::test]
async fn a_token_of_a_new_key_waits_for_the_key() {
    let (cluster, new) = (start(), Key::new("two"));
    cluster.ask(&cluster.key.sign(&claims())).await.unwrap();
    cluster.server.keys.lock().push(new.public());
    cluster.ask(&new.sign(&claims())).await.unwrap();
    assert_eq!(cluster.server.asked(), 0);
}

#[tokio::test]
async fn a_refusal_is_kept_for_a_while() {
    let cluster = start();
    let token = cluster.unbound();
    for _ in 0..3 {
        cluster.ask(&token).await.unwrap_err();
    }
    assert_eq!(cluster.server.asked(), 1);
}

#[tokio::test]
async fn an_answer_ends_with_the_account() {
    let cluster = start();
    *cluster.server.account.lock() = Some("account");
    let (unbound, bound) = (cluster.unbound(), cluster.key.sign(&claims()));
    for _ in 0..3 {
        cluster.ask(&unbound).await.unwrap();
        cluster.ask(&bound).await.unwrap();
    }
    assert_eq!(cluster.server.asked(), 1);
    *cluster.server.account.lock() = None;
    cluster.note(Event::Delete(account("account")));
    cluster.ask(&unbound).await.unwrap_err();
    cluster.ask(&bound).await.unwrap_err();
}

#[tokio::test]
async fn an_answer_does_not_hold_for_a_new_account_of_the_same_name() {
    let cluster = start();
    *cluster.server.account.lock() = Some("account");
    let (unbound, bound) = (cluster.unbound(), cluster.key.sign(&claims()));
    cluster.ask(&unbound).await.unwrap();
    *cluster.server.account.lock() = None;
    cluster.note(Event::Apply(account("another")));
    cluster.ask(&unbound).await.unwrap_err();
    cluster.ask(&bound).await.unwrap_err();
}

/// The API server keeps its own answers for a while.
#[tokio::test]
async fn an_accepted_token_of_an_account_that_is_gone_is_refused() {
    let cluster = start();
    *cluster.server.account.lock() = Some("account");
    let unbound = cluster.unbound();
    cluster.note(Event::Delete(account("account")));
    cluster.ask(&unbound).await.unwrap_err();
    *cluster.server.existing.lock() = Some("another");
    cluster.note(Event::Apply(account("another")));
    cluster.ask(&unbound).await.unwrap_err();
    // The watch may be late.
    *cluster.server.existing.lock() = Some("account");
    cluster.ask(&unbound).await.unwrap();
}

#[tokio::test]
async fn an_answer_ends_with_the_pod() {
    let cluster = start();
    let bound = cluster.key.sign(&claims());
    cluster.ask(&bound).await.unwrap();
    cluster.pods.remove(&ObjectRef::new(Kind::Pod, "shop", "web-1"));
    cluster.ask(&bound).await.unwrap_err();
}
