//! Signs the X.509-SVID of a workload.

use heddle_model::identity::Identity;
use time::OffsetDateTime;

use crate::authority::Authority;
use crate::certificate::{self, Certificate, Usage};
use crate::csr::Request;
use crate::error::SignError;
use crate::lifetime::{Lifetime, Validity};
use crate::{der, oid, pem};

/// The tag of a URI among GeneralNames.
const URI: u8 = 6;

/// A certificate and those that lead from it to the roots. All texts are PEM with a newline at their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The certificate that was signed.
    pub leaf: String,
    /// The signing certificate and those above it, without the root; empty where a root signs.
    pub intermediates: Vec<String>,
    /// All roots in one text.
    pub roots: String,
    /// For how long the leaf is valid.
    pub validity: Validity,
}

/// Signs a certificate for the identity with the request's public key; of the request's names it takes none.
///
/// # Errors
/// When the request is at fault, or the authority's own certificate has expired.
pub fn sign(
    authority: &Authority,
    csr: &[u8],
    identity: &Identity,
    lifetime: Lifetime,
    now: OffsetDateTime,
) -> Result<Chain, SignError> {
    let request = Request::parse(csr)?;
    let uri = der::tagged(der::implicit(URI), identity.to_string().as_bytes());
    let validity = Validity::within(lifetime, now, &authority.validity)?;
    let usages = [oid::SERVER_AUTH, oid::CLIENT_AUTH];
    let leaf = leaf(authority, request.public_key(), &[uri], &usages, validity).ok_or(SignError::Crypto)?;
    Ok(chain(authority, &leaf, validity))
}

impl Chain {
    /// The elements of `IstioCertificateResponse.cert_chain`. Root last, all of it as one element: clients take the
    /// last one for what they trust.
    #[must_use]
    pub fn elements(&self) -> Vec<String> {
        let leaf = std::iter::once(&self.leaf);
        leaf.chain(&self.intermediates).chain(std::iter::once(&self.roots)).cloned().collect()
    }
}

/// A certificate that signs no other: no subject, the names critical.
pub(crate) fn leaf(
    authority: &Authority,
    public_key: &[u8],
    names: &[Vec<u8>],
    usages: &[&[u8]],
    validity: Validity,
) -> Option<Vec<u8>> {
    let mut extensions = vec![
        certificate::key_usage(&[Usage::DigitalSignature, Usage::KeyEncipherment]),
        certificate::extended_key_usage(usages),
        certificate::basic_constraints(false),
    ];
    extensions.extend(authority.key_id.as_deref().map(certificate::authority_key_id));
    extensions.push(certificate::alternative_names(names));
    let certificate = Certificate {
        issuer: authority.subject.clone(),
        subject: certificate::no_name(),
        public_key: public_key.to_vec(),
        validity,
        extensions,
    };
    certificate.sign(&authority.key)
}

pub(crate) fn chain(authority: &Authority, leaf: &[u8], validity: Validity) -> Chain {
    Chain {
        leaf: pem::certificate(leaf),
        intermediates: authority.path(),
        roots: authority.roots.pem().to_owned(),
        validity,
    }
}
