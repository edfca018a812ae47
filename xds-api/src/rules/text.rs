//! Rules of texts and bytes.

/// Which texts are allowed.
#[derive(Debug)]
pub(super) struct Text {
    /// In characters; of bytes, and where a rule says so, in bytes.
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) most_bytes: usize,
    pub(super) pattern: Pattern,
    /// The only ones, if there are some.
    pub(super) only: &'static [&'static str],
    pub(super) never: &'static [&'static str],
    pub(super) or_empty: bool,
}

/// What a text must look like: each regular expression of the rules as a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Any,
    /// Without NUL and line breaks.
    Line,
    /// Without NUL.
    NoNul,
    /// A name of a header.
    HeaderName,
    /// A value of a header.
    HeaderValue,
    /// A path without query, fragment and final slash.
    PlainPath,
    /// A command of a format string.
    Command,
    /// A server name of TLS, whose wildcard is all of the first label.
    ServerName,
}

impl Text {
    pub(super) fn check(&self, text: &[u8]) -> Result<(), String> {
        if self.or_empty && text.is_empty() {
            return Ok(());
        }
        if text.len() > self.most_bytes {
            return Err(format!("has {} bytes, more than {}", text.len(), self.most_bytes));
        }
        // Most texts have no limit but that they must not be empty.
        if (self.least > 1 || self.most != usize::MAX) && !(self.least..=self.most).contains(&characters(text)) {
            return Err(format!("has {} characters, not from {} to {}", characters(text), self.least, self.most));
        }
        if self.least == 1 && text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        let is = |other: &&str| other.as_bytes() == text;
        if !self.only.is_empty() && !self.only.iter().any(is) || self.never.iter().any(is) {
            return Err(format!("is {:?}, which is not allowed", String::from_utf8_lossy(text)));
        }
        if self.pattern.fits(text) { Ok(()) } else { Err(self.pattern.reason().to_owned()) }
    }
}

impl Pattern {
    fn fits(self, text: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Line => !text.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')),
            Self::NoNul => !text.contains(&0),
            Self::HeaderName => {
                let name = text.strip_prefix(b":").unwrap_or(text);
                !name.is_empty() && name.iter().all(|byte| is_token(*byte))
            }
            Self::HeaderValue => !text.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127)),
            Self::PlainPath => {
                let (last, others) = text.split_last().unwrap_or((&0, &[]));
                let is_plain = |byte: &u8| !matches!(byte, b'?' | b'#');
                !others.is_empty() && others.iter().all(is_plain) && is_plain(last) && *last != b'/'
            }
            Self::Command => text.starts_with(b"%") && text.ends_with(b"%"),
            Self::ServerName => !text.strip_prefix(b"*.").unwrap_or(text).contains(&b'*'),
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Line => "holds NUL or a line break",
            Self::NoNul => "holds NUL",
            Self::HeaderName => "is not the name of a header",
            Self::HeaderValue => "holds control characters",
            Self::PlainPath => "is not a path without query and final slash",
            Self::Command => "is not a command of a format string",
            Self::ServerName => "has a wildcard that is not all of the first label",
        }
    }
}

/// Of UTF-8.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_|~`".contains(&byte)
}
