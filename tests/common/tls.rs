//! Certificates of the tests, and the other end of an encrypted connection: rustls over a blocking
//! socket, with the socket at hand for what TLS forbids.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use cppserver::TlsContext;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};
use socket2::{Domain, Socket, Type};

use super::peer;

/// A client of the tests.
pub type TlsPeer = StreamOwned<ClientConnection, TcpStream>;

/// The path of a file of the test certificates.
pub fn certificate(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("certs").join(name)
}

pub fn read_certificate(name: &str) -> Vec<u8> {
    fs::read(certificate(name)).expect("the file is part of the repository")
}

/// A server with the certificate for localhost.
pub fn server_context() -> TlsContext {
    let context = TlsContext::new();
    context
        .set_certificate_files(certificate("server.pem"), certificate("server.key"), None)
        .expect("the files are good");
    context
}

/// A client that trusts the authority of the tests.
pub fn client_context() -> TlsContext {
    let context = TlsContext::new();
    context.add_authority_file(certificate("ca.pem")).expect("the file is good");
    context
}

fn client_config() -> ClientConfig {
    tls_client_config(rustls::ALL_VERSIONS)
}

/// The settings of a peer that speaks these versions and trusts the authority of the tests.
pub fn tls_client_config(versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate("ca.pem")).unwrap()).unwrap();
    ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Connects to an encrypted server of this machine, through the handshake.
#[track_caller]
pub fn tls_connect(port: u16) -> TlsPeer {
    tls_connect_with(port, |_| {}).expect("the handshake succeeds")
}

/// The same with other settings.
pub fn tls_connect_with(
    port: u16,
    change: impl FnOnce(&mut ClientConfig),
) -> std::io::Result<TlsPeer> {
    let mut config = client_config();
    change(&mut config);
    shake_hands(peer::connect(port), config)
}

fn shake_hands(socket: TcpStream, config: ClientConfig) -> std::io::Result<TlsPeer> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Connects with the least room for what it has not read.
pub fn tls_connect_with_small_buffer(port: u16) -> TlsPeer {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    let socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(super::DEADLINE)).unwrap();
    shake_hands(socket, client_config()).expect("the handshake succeeds")
}

/// Accepts an encrypted connection, through the handshake.
#[track_caller]
pub fn tls_accept(listener: &TcpListener) -> StreamOwned<ServerConnection, TcpStream> {
    let chain = vec![CertificateDer::from_pem_file(certificate("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate("server.key")).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let connection = ServerConnection::new(Arc::new(config)).unwrap();
    let mut stream = StreamOwned::new(connection, peer::accept(listener));
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).expect("the handshake succeeds");
    }
    stream
}
