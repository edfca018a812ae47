//! The certificate authority of the mesh, without IO: it signs, it does not listen, read files or look at the clock.
//!
//! A caller brings the key and certificates of the authority ([`Authority`]), the request of a workload, the identity
//! that the workload proved, and the time; [`sign`] answers with an X.509-SVID and the chain that goes with it.
//! Nothing in a request but its public key reaches a certificate, so nobody can ask for another's name.
//!
//! Certificates are written here and not by a library, because the issuer's name must be the very bytes of the signing
//! certificate's subject (a chain is found by comparing names), and because the SAN must be critical.

mod authority;
mod bundle;
mod certificate;
mod csr;
mod der;
mod error;
mod key;
mod lifetime;
mod load;
mod oid;
mod pem;
mod rotate;
mod serving;
mod sign;
mod svid;
#[cfg(test)]
mod tests;

pub use authority::{Authority, Files, self_signed};
pub use bundle::Bundle;
pub use csr::Request;
pub use error::{AuthorityError, BundleError, CsrError, KeyError, LifetimeError, RotateError, SignError, SvidError};
pub use lifetime::{Lifetime, Limits, Validity};
pub use load::{FILES, REVOCATIONS, load, secret_files};
pub use rotate::{renewal, renewed_root, replacement};
pub use serving::{Serving, ServingNames, serving};
pub use sign::{Chain, sign};
pub use svid::identity;
