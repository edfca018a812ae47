//! The product page, as HTML.

use std::fmt::Write as _;

use serde_json::Value;

use crate::outbound::Answer;

/// The page's look; it asks for nothing from elsewhere.
const STYLE: &str = include_str!("page/style.css");

/// What the page shows.
pub(crate) struct Content<'a> {
    /// The instance that made the page.
    pub(crate) served_by: &'a str,
    /// Who asked for it, by certificate.
    pub(crate) caller: Option<&'a str>,
    /// Who is logged in.
    pub(crate) user: Option<&'a str>,
    /// What details answered.
    pub(crate) details: &'a Answer,
    /// What reviews answered.
    pub(crate) reviews: &'a Answer,
}

/// The page. Writing to a String cannot fail, hence the results that are dropped here and below.
pub(crate) fn render(content: &Content<'_>) -> String {
    let details = body(content.details);
    let reviews = body(content.reviews);
    let title = details.as_ref().map_or("A book", |book| text(&book["title"]));
    let mut html = String::with_capacity(8 << 10);
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · Bookinfo</title><style>{STYLE}</style></head><body>\
         <header><b>Bookinfo</b>{session}</header><main>",
        title = escape(title),
        session = session(content.user),
    );
    match &details {
        Some(book) => html.push_str(&describe(book)),
        None => html.push_str(&sorry("The book's details", content.details)),
    }
    html.push_str("<h2>What readers say</h2>");
    match &reviews {
        Some(reviews) => html.push_str(&readers(reviews)),
        None => html.push_str(&sorry("The reviews", content.reviews)),
    }
    html.push_str(&hops(content, details.as_ref(), reviews.as_ref()));
    html.push_str("</main></body></html>\n");
    html
}

fn session(user: Option<&str>) -> String {
    match user {
        Some(user) => format!("<span>{} · <a href=\"/logout\">log out</a></span>", escape(user)),
        None => "<form action=\"/login\"><input name=\"user\" placeholder=\"jason\" aria-label=\"user\" \
                 required><button>log in</button></form>"
            .to_owned(),
    }
}

fn describe(book: &Value) -> String {
    let mut html = format!(
        "<section class=\"book\"><div class=\"cover\" aria-hidden=\"true\"></div><div><h1>{}</h1><p \
            class=\"by\">{}</p><dl>",
        escape(text(&book["title"])),
        escape(text(&book["author"])),
    );
    for field in ["type", "pages", "publisher", "year", "language"] {
        let value = match &book[field] {
            Value::String(value) => value.clone(),
            other => other.to_string(),
        };
        let _ = write!(html, "<div><dt>{field}</dt><dd>{}</dd></div>", escape(&value));
    }
    html.push_str("</dl></div></section>");
    html
}

fn readers(reviews: &Value) -> String {
    let mut html = String::new();
    for review in reviews["reviews"].as_array().into_iter().flatten() {
        let _ = write!(
            html,
            "<blockquote><p>{}</p><footer>{}{}</footer></blockquote>",
            escape(text(&review["text"])),
            escape(text(&review["reviewer"])),
            stars(&review["rating"]),
        );
    }
    html
}

fn stars(rating: &Value) -> String {
    let Some(stars) = rating["stars"].as_u64() else {
        return match rating {
            Value::Null => String::new(),
            _ => " <em>ratings are not available just now</em>".to_owned(),
        };
    };
    let stars = usize::try_from(stars).unwrap_or(0).min(5);
    format!(
        " <span class=\"stars {}\" role=\"img\" aria-label=\"{stars} of 5 stars\">{}<i>{}</i></span>",
        escape(text(&rating["color"])),
        "★".repeat(stars),
        "★".repeat(5 - stars),
    )
}

/// Who served what, to whom: the point of the sample.
fn hops(content: &Content<'_>, details: Option<&Value>, reviews: Option<&Value>) -> String {
    let mut html = "<aside><h3>Who served this page</h3><ul>".to_owned();
    let mut hop = |name: &str, caller: Option<&str>| {
        let _ = write!(html, "<li><code>{}</code>", escape(name));
        if let Some(caller) = caller {
            let _ = write!(html, " called by <code>{}</code>", escape(caller));
        }
        html.push_str("</li>");
    };
    hop(content.served_by, content.caller);
    for answer in [details, reviews].into_iter().flatten() {
        hop(text(&answer["podname"]), answer["caller"].as_str());
    }
    if let Some(rated) = reviews.and_then(|reviews| reviews["ratedBy"].as_str()) {
        hop(rated, None);
    }
    html.push_str("</ul></aside>");
    html
}

fn sorry(what: &str, answer: &Answer) -> String {
    format!("<p class=\"sorry\">{what} cannot be had just now ({}).</p>", answer.status)
}

fn body(answer: &Answer) -> Option<Value> {
    let whole = answer.status.is_success().then_some(&answer.body)?;
    serde_json::from_slice(whole).ok()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
