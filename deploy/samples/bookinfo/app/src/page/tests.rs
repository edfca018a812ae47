//! Tests of the pages.

use http::StatusCode;
use hyper::body::Bytes;

use super::*;

fn answer(status: u16, body: &'static str) -> Answer {
    Answer { status: StatusCode::from_u16(status).unwrap(), body: Bytes::from_static(body.as_bytes()) }
}

fn page(reviews: &Answer) -> String {
    let details = answer(200, r#"{"title":"A <b> & c","author":"x","podname":"details-v1"}"#);
    render(&Content { served_by: "productpage-v1", caller: None, user: None, details: &details, reviews })
}

#[test]
fn stars_have_the_colour_of_the_version() {
    let reviews = answer(
        200,
        r#"{"podname":"reviews-v3","reviews":[{"reviewer":"J","text":"t","rating":{"stars":4,"color":"red"}}]}"#,
    );
    let html = page(&reviews);
    assert!(html.contains("class=\"stars red\""), "{html}");
    assert!(html.contains("★★★★<i>★</i>"), "{html}");
    assert!(html.contains("<code>reviews-v3</code>"), "{html}");
}

#[test]
fn what_services_say_is_escaped() {
    let html = page(&answer(200, r#"{"reviews":[]}"#));
    assert!(html.contains("A &lt;b&gt; &amp; c"), "{html}");
}

#[test]
fn a_failing_service_leaves_the_rest_of_the_page() {
    let html = page(&answer(503, "no"));
    assert!(html.contains("The reviews cannot be had just now (503"), "{html}");
    assert!(html.contains("<h1>"), "{html}");
}
