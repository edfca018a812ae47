//! Certificates with which the controller itself serves: names of hosts, not of a workload.

use std::net::IpAddr;

use ring::rand::SecureRandom;
use time::OffsetDateTime;

use crate::authority::Authority;
use crate::error::SignError;
use crate::key::SigningKey;
use crate::lifetime::{Lifetime, Validity};
use crate::sign::{Chain, chain, leaf};
use crate::{der, oid};

/// The tags of these names among GeneralNames.
const DNS: u8 = 2;
const IP: u8 = 7;

/// The names under which clients reach the controller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServingNames {
    /// Host names, such as `istiod.istio-system.svc`.
    pub dns: Vec<String>,
    /// Addresses, such as loopback's where there is no cluster.
    pub ips: Vec<IpAddr>,
}

/// A certificate with its key.
pub struct Serving {
    /// The certificate and those that lead to the roots.
    pub chain: Chain,
    /// The private key, DER of PKCS #8. It is only ever in memory.
    pub key: Vec<u8>,
}

/// Makes a key and signs a certificate of a server for it.
///
/// # Errors
/// When a name is not a host's, or the authority's own certificate has expired.
pub fn serving(
    authority: &Authority,
    names: &ServingNames,
    lifetime: Lifetime,
    now: OffsetDateTime,
    random: &dyn SecureRandom,
) -> Result<Serving, SignError> {
    if names.dns.is_empty() && names.ips.is_empty() || !names.dns.iter().all(|name| is_host(name)) {
        return Err(SignError::Name);
    }
    let dns = names.dns.iter().map(|name| der::tagged(der::implicit(DNS), name.as_bytes()));
    let ips = names.ips.iter().map(|address| match address {
        IpAddr::V4(address) => der::tagged(der::implicit(IP), &address.octets()),
        IpAddr::V6(address) => der::tagged(der::implicit(IP), &address.octets()),
    });
    let names = dns.chain(ips).collect::<Vec<_>>();
    let (key, pkcs8) = SigningKey::generate(random).ok_or(SignError::Crypto)?;
    let validity = Validity::within(lifetime, now, &authority.validity)?;
    let leaf = leaf(authority, &key.public_key(), &names, &[oid::SERVER_AUTH], validity).ok_or(SignError::Crypto)?;
    Ok(Serving { chain: chain(authority, &leaf, validity), key: pkcs8 })
}

fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

impl std::fmt::Debug for Serving {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("chain", &self.chain).finish_non_exhaustive()
    }
}
