use std::sync::Arc;
use crate::error::Result;
use rustls::crypto::CryptoProvider; use rustls::pki_types::CertificateDer;
use rustls::client::danger::ServerCertVerifier; use rustls::server::danger::ClientCertVerifier;
#[derive(Clone, Copy, Debug, PartialEq, Eq)] pub(crate) enum VerifyMode { None, Peer, Require }
pub(crate) type VerifyCallback = Arc<dyn Fn(&[u8], &Result<()>) -> bool + Send + Sync>;
#[derive(Clone)] pub(crate) struct Policy { pub mode: VerifyMode, pub names: bool, pub legacy: bool, pub depth: Option<usize>, pub callback: Option<VerifyCallback> }
pub(crate) fn server_verifier(_: &Policy, _: &[CertificateDer<'static>], _: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> { todo!() }
pub(crate) fn client_verifier(_: &Policy, _: &[CertificateDer<'static>], _: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>> { todo!() }
