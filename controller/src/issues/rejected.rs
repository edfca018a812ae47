//! What proxies reject, as issues of the objects that the rejected resources came from.
//!
//! Every workload of the mesh can send a rejection, about any object that it sees, in words of its own. So the words
//! are bounded, escaped and quoted with the name of the proxy, and a single proxy of another namespace does not decide
//! about an object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use heddle_model::Text;
use heddle_model::issue::Issue;
use heddle_model::object::ObjectRef;
use heddle_serve::registry::Rejection;
use heddle_store::Selected;
use heddle_xds_api::TypeUrl;

/// The reason of an issue about a rejection.
pub(crate) const REJECTED: &str = "Rejected";
/// Proxies of so many namespaces decide about an object of another namespace.
const NAMESPACES: usize = 2;
/// The most characters of a proxy's words.
const QUOTED: usize = 300;

/// A proxy: its namespace and its name.
type ProxyName = (Text, Text);

/// The proxies that reject a resource of one type, with their words.
type Votes<'a> = BTreeMap<&'a ProxyName, &'a str>;

/// One issue for each object and type. It is an error if the rejections decide about the object, and otherwise a
/// warning.
pub(super) fn issues(rejections: &[Rejection], selected: &Selected, connected: &BTreeSet<ProxyName>) -> Vec<Issue> {
    let by_id: BTreeMap<String, &ProxyName> =
        connected.iter().map(|proxy| (format!("{}.{}", proxy.1, proxy.0), proxy)).collect();
    let mut votes: BTreeMap<(&Arc<ObjectRef>, TypeUrl), Votes<'_>> = BTreeMap::new();
    for rejection in rejections {
        // A proxy whose stream has just ended has no vote.
        let Some(proxy) = by_id.get(&rejection.proxy) else { continue };
        for object in &rejection.objects {
            votes.entry((object, rejection.type_url)).or_default().insert(proxy, &rejection.reason);
        }
    }
    let issue = |((object, type_url), votes): (&(&Arc<ObjectRef>, TypeUrl), &Votes<'_>)| {
        issue(object, *type_url, votes, (selected, connected.len()))
    };
    votes.iter().map(issue).collect()
}

fn issue(
    object: &Arc<ObjectRef>,
    type_url: TypeUrl,
    votes: &Votes<'_>,
    (selected, connected): (&Selected, usize),
) -> Issue {
    let count = votes.len();
    let concerned = votes.iter().find(|(proxy, _)| is_concerned(object, proxy, selected));
    let decides = concerned.is_some() || decide(votes, connected);
    // The words are those of a proxy that the object concerns most.
    let Some(((namespace, name), words)) = concerned.or_else(|| votes.iter().next()) else {
        return Issue::warning(object, "", REJECTED, "");
    };
    let (verb, keeps, them) = if count == 1 { ("rejects", "keeps", "its") } else { ("reject", "keep", "their") };
    let proxies = if connected == 1 { "proxy" } else { "proxies" };
    let message = format!(
        "{count} of {connected} {proxies} {verb} a resource of this object ({}) and {keeps} {them} last configuration; \
         {name}.{namespace} says: {}",
        type_url.short(),
        quoted(words)
    );
    if decides {
        Issue::error(object, "", REJECTED, message)
    } else {
        Issue::warning(
            object,
            "",
            REJECTED,
            format!("{message}; too few to decide, because none is of the object's namespace"),
        )
    }
}

/// Whether one rejection of a proxy decides: it is of the object's namespace, or the object selects it, as a Gateway
/// and its routes select the gateway.
fn is_concerned(object: &Arc<ObjectRef>, proxy: &ProxyName, selected: &Selected) -> bool {
    let (namespace, name) = proxy;
    let selects = || selected.get(object).into_iter().flatten();
    let is_selected = || selects().any(|one| (one.origin.namespace(), one.origin.name()) == (namespace, name));
    object.namespace == *namespace || is_selected()
}

/// Whether rejections of other namespaces decide: those of several namespaces, or of half of several proxies.
fn decide(votes: &Votes<'_>, connected: usize) -> bool {
    let namespaces: BTreeSet<&Text> = votes.keys().map(|proxy| &proxy.0).collect();
    namespaces.len() >= NAMESPACES || (votes.len() > 1 && votes.len() * 2 >= connected)
}

/// A proxy's words, in quotes, without line breaks and other control characters.
fn quoted(words: &str) -> String {
    let end = words.char_indices().nth(QUOTED).map(|(end, _)| end);
    let shown: String = words[..end.unwrap_or(words.len())].chars().map(plain).collect();
    format!("\"{}{}\"", shown.trim(), if end.is_some() { "…" } else { "" })
}

/// Control characters and marks of direction could make a terminal show another text. A quote would end the words.
fn plain(letter: char) -> char {
    match letter {
        '"' => '\'',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => ' ',
        letter if letter.is_control() => ' ',
        letter => letter,
    }
}

#[cfg(test)]
mod tests {
    use heddle_model::issue::Severity;
    use heddle_model::object::Kind;

    use super::*;

    fn rule() -> Arc<ObjectRef> {
        Arc::new(ObjectRef::new(Kind::DestinationRule, "shop", "web"))
    }

    /// What is said of a rule in the namespace `shop`, of which these of these proxies reject a cluster.
    fn judged(rejecting: &[&str], connected: &[&str]) -> (Severity, String) {
        let name = |id: &&str| id.split_once('.').map(|(name, namespace)| (namespace.into(), name.into())).unwrap();
        let rejection = |id: &&str| Rejection {
            proxy: (*id).into(),
            type_url: TypeUrl::Cluster,
            reason: format!("{id} says\n\u{1b}[31m\"no\" {}", "x".repeat(1000)),
            objects: vec![rule()],
        };
        let rejections: Vec<Rejection> = rejecting.iter().map(rejection).collect();
        let issues = issues(&rejections, &Selected::new(), &connected.iter().map(name).collect());
        assert_eq!((issues.len(), &issues[0].object), (1, &rule()));
        (issues[0].severity, issues[0].message.clone())
    }

    #[test]
    fn one_proxy_of_another_namespace_does_not_decide() {
        let (severity, message) = judged(&["m.evil"], &["m.evil", "a.shop", "b.shop"]);
        assert_eq!(severity, Severity::Warning);
        assert!(message.starts_with("1 of 3 proxies rejects a resource of this object (cds)"), "{message}");
        assert_eq!(judged(&["m.evil"], &["m.evil"]).0, Severity::Warning, "a single proxy is not many");
        let many = ["m.evil", "n.evil", "a.shop", "b.shop", "c.shop"];
        assert_eq!(judged(&["m.evil", "n.evil"], &many).0, Severity::Warning);
    }

    #[test]
    fn the_own_namespace_several_namespaces_or_half_of_the_mesh_decide() {
        let all = ["a.shop", "b.pay", "c.cart", "d.cart", "e.cart"];
        assert_eq!(judged(&["a.shop"], &all).0, Severity::Error);
        assert_eq!(judged(&["b.pay", "c.cart"], &all).0, Severity::Error);
        assert_eq!(judged(&["c.cart", "d.cart", "e.cart"], &all).0, Severity::Error);
        let (_, message) = judged(&["b.pay", "a.shop"], &all);
        assert!(message.contains("a.shop says: \"a.shop says"), "{message}");
    }

    #[test]
    fn the_words_of_a_proxy_are_bounded_and_quoted() {
        let (_, message) = judged(&["a.shop"], &["a.shop"]);
        assert!(message.contains("a.shop says: \"a.shop says  [31m'no' xxx") && message.ends_with("x…\""), "{message}");
        assert!(message.len() < 600 && !message.chars().any(char::is_control), "{message}");
    }
}
