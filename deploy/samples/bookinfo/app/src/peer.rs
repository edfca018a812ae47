//! Who called: the peer's SPIFFE id, as the sidecar reports it.

use http::HeaderMap;

/// The header in which a sidecar tells the application whose certificate it verified.
const XFCC: &str = "x-forwarded-client-cert";

/// The SPIFFE id of the nearest caller: the last element's `URI`, as each hop adds one to the end.
pub(crate) fn spiffe_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get_all(XFCC).iter().next_back()?.to_str().ok()?;
    let last = value.rsplit(',').next()?;
    let uri = last.split(';').find_map(|pair| pair.trim().strip_prefix("URI="))?;
    Some(uri.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(xfcc: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(XFCC), http::HeaderValue::from_static(xfcc))])
    }

    #[test]
    fn the_last_element_is_the_nearest_caller() {
        let headers =
            headers("By=spiffe://a/x;Hash=1;URI=spiffe://a/gateway,By=spiffe://a/y;Hash=2;URI=spiffe://a/productpage");
        assert_eq!(spiffe_id(&headers).as_deref(), Some("spiffe://a/productpage"));
    }

    #[test]
    fn a_plain_caller_has_none() {
        assert_eq!(spiffe_id(&HeaderMap::new()), None);
        assert_eq!(spiffe_id(&headers("By=spiffe://a/x;Hash=1")), None);
    }
}
