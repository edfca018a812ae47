//! `token create`: a token by which a workload proves who it is to `heddled`, signed by the local issuer.
//!
//! Whoever can read the issuer's key can be anybody in the mesh; it is in the authority's folder, where the key of the
//! root is, which can do the same.

mod issuer;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use heddle_model::identity::Identity;
use heddle_model::token::Claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints a new token.
    Create {
        /// Namespace of the workload.
        #[arg(long, short)]
        namespace: String,
        /// Service account of the workload.
        #[arg(long)]
        service_account: String,
        /// The authority's folder, `heddled --caDir`. The issuer's key is made there when it is missing.
        #[arg(long, value_name = "DIR")]
        ca_dir: PathBuf,
        /// Seconds for which the token is valid.
        #[arg(long, default_value_t = 24 * 3600, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..))]
        duration: i64,
    },
}

/// Does it.
pub(crate) fn run(command: &Command) -> Result<()> {
    let Command::Create { namespace, service_account, ca_dir, duration } = command;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    println!("{}", create(ca_dir, namespace, service_account, now, *duration)?);
    Ok(())
}

fn create(folder: &Path, namespace: &str, service_account: &str, now: i64, seconds: i64) -> Result<String> {
    ensure!(folder.is_dir() || !folder.exists(), "{} is not a folder", folder.display());
    // The trust domain is heddled's to say; only the names are checked here.
    Identity::new("cluster.local", namespace, service_account)?;
    let key = EncodingKey::from_ec_der(&issuer::key(folder)?);
    let claims = Claims::new(namespace, service_account, now, seconds);
    encode(&Header::new(Algorithm::ES256), &claims, &key).context("signing the token")
}

#[cfg(test)]
mod tests;
