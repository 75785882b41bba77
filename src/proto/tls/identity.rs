use std::sync::Arc;
use rustls::sign::CertifiedKey;
use crate::error::Result;
#[derive(Debug)] pub(crate) struct Identity { pub(crate) key: Arc<CertifiedKey> }
impl Identity { pub(crate) fn new(_: &[u8], _: &[u8], _: &mut dyn FnMut() -> Option<String>) -> Result<Identity> { todo!() } }
#[derive(Debug)] pub(crate) struct Identities(pub(crate) Vec<Arc<Identity>>);
impl rustls::server::ResolvesServerCert for Identities { fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> { Some(self.0[0].key.clone()) } }
impl rustls::client::ResolvesClientCert for Identities { fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> { None } fn has_certs(&self) -> bool { true } }
