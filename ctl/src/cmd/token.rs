//! `heddlectl token create`: creates a token with which a workload authenticates to `heddled`. The local issuer signs
//! it.
//!
//! The issuer's key can create a token of every workload, so it is as sensitive as the root's key. Both are in the same
//! folder.

mod issuer;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use heddle_model::identity::Identity;
use heddle_model::token::Claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a new token of a workload.
    ///
    /// heddled accepts the token if its flag `--caDir` names the same folder. Everybody who can read that folder can
    /// create a token of every workload.
    #[command(after_help = "\
Examples:
  heddlectl token create --ca-dir target/ca --namespace default --service-account bookinfo-productpage
  heddlectl token create --ca-dir target/ca -n default --service-account bookinfo-reviews --duration 3600")]
    Create {
        /// Set the namespace of the workload.
        #[arg(long, short)]
        namespace: String,
        /// Set the service account of the workload.
        #[arg(long)]
        service_account: String,
        /// Set the folder of the certificate authority, `heddled --caDir`. A missing issuer key is created there.
        #[arg(long, value_name = "DIR")]
        ca_dir: PathBuf,
        /// Set how long the token is valid, in seconds.
        #[arg(long, default_value_t = 24 * 3600, value_name = "SECONDS",
            value_parser = clap::value_parser!(i64).range(1..))]
        duration: i64,
    },
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> Result<()> {
    let Command::Create { namespace, service_account, ca_dir, duration } = command;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    println!("{}", create(ca_dir, namespace, service_account, now, *duration)?);
    Ok(())
}

fn create(folder: &Path, namespace: &str, service_account: &str, now: i64, seconds: i64) -> Result<String> {
    ensure!(folder.is_dir() || !folder.exists(), "{} is not a folder", folder.display());
    // Only heddled knows the trust domain. Here only the names are checked.
    Identity::new("cluster.local", namespace, service_account)?;
    let key = EncodingKey::from_ec_der(&issuer::key(folder)?);
    let claims = Claims::new(namespace, service_account, now, seconds);
    encode(&Header::new(Algorithm::ES256), &claims, &key).context("cannot sign the token")
}

#[cfg(test)]
mod tests;
