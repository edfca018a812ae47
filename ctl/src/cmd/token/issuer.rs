//! The key file of the local issuer. `heddled` and `heddlectl` share it. The one that starts first creates it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heddle_model::token::ISSUER_KEY_FILE;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The key as DER of PKCS #8. A missing key is created in the folder.
pub(super) fn key(folder: &Path) -> Result<Vec<u8>> {
    let path = folder.join(ISSUER_KEY_FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(folder, &path).with_context(|| format!("cannot create {}", path.display()))?;
            fs::read_to_string(&path)
        }
        read => read,
    };
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let key = decode(&text).with_context(|| format!("{} is not a private key in PEM", path.display()))?;
    let wrong = |_| anyhow::anyhow!("{} is not an ECDSA P-256 key in PKCS #8", path.display());
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &SystemRandom::new()).map_err(wrong)?;
    Ok(key)
}

/// Writes a new key under another name and links it to its path. A link never replaces a file, so only one of two
/// concurrent writers wins.
fn make(folder: &Path, path: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let made = made.map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    let fresh = folder.join(format!(".{ISSUER_KEY_FILE}.{}", std::process::id()));
    let _ = fs::remove_file(&fresh);
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(encode(made.as_ref()).as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

fn encode(der: &[u8]) -> String {
    let mut out = format!("{BEGIN}\n");
    let body = STANDARD.encode(der);
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = next;
    }
    out + END + "\n"
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.split_once(BEGIN)?.1.split_once(END)?.0;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}
