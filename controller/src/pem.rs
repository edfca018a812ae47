//! PEM, as far as keys and certificates kept in files need it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One section of PEM with this label.
#[must_use]
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> =
        (0..body.len()).step_by(64).filter_map(|at| body.get(at..(at + 64).min(body.len()))).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The content of the first section with this label.
#[must_use]
pub(crate) fn decode(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_reads_back() {
        for length in [0, 1, 47, 48, 49, 200] {
            let der = vec![7; length];
            assert_eq!(decode(&encode("PRIVATE KEY", &der), "PRIVATE KEY"), Some(der));
        }
        assert_eq!(decode(&encode("A", b"x"), "B"), None);
        assert_eq!(decode("-----BEGIN A-----\n!\n-----END A-----", "A"), None);
    }
}
