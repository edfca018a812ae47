//! The certificate authority: its storage, its renewal and its signatures.

mod folder;
mod keeper;
mod renewal;
mod root_cert;
mod secret;
mod signer;

pub(crate) use folder::issuer;
pub(crate) use keeper::Keeper;
pub(crate) use renewal::run as renew;
pub(crate) use root_cert::RootCerts;
pub(crate) use signer::Signer;
