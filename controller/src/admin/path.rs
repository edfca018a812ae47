//! The path of a request, as Go's server reads it. `istioctl` asks for `//version`.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::{Parts, PathAndQuery};

/// The same request, without empty parts in its path.
pub(super) fn clean(request: Request) -> Request {
    if !request.uri().path().contains("//") {
        return request;
    }
    let (mut head, body) = request.into_parts();
    let (path, query) = (head.uri.path(), head.uri.query());
    let mut cleaned = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !part.is_empty()) {
        cleaned.push('/');
        cleaned.push_str(part);
    }
    if path.ends_with('/') {
        cleaned.push('/');
    }
    if let Some(query) = query {
        cleaned.push('?');
        cleaned.push_str(query);
    }
    let mut parts = Parts::default();
    parts.path_and_query = PathAndQuery::try_from(cleaned).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        head.uri = uri;
    }
    Request::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn empty_parts_are_left_out_and_the_rest_stays() {
        for (asked, expected) in [
            ("//version", "/version"),
            ("/debug//syncz?namespace=a//b", "/debug/syncz?namespace=a//b"),
            ("///debug//", "/debug/"),
            ("//", "/"),
            ("/ready?x=//", "/ready?x=//"),
        ] {
            let request = Request::get(format!("http://host{asked}")).body(Body::empty()).unwrap();
            let uri = clean(request).into_parts().0.uri;
            assert_eq!(uri.path_and_query().unwrap().as_str(), expected);
        }
    }
}
