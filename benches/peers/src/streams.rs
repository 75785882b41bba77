//! What the servers on tokio have in common: a listener, TLS, and the end with standard input.

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::error::Error;
use std::future::Future;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Serves one connection from its first byte to its last, encrypted or not.
pub trait Serve: Clone + Send + 'static {
    /// The stream is ready for data.
    fn serve<S>(self, stream: S) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static;
}

/// Serves connections on tokio's single-threaded runtime, one task for each, until standard input
/// ends. Prints "port N". The arguments are `MODE [--tls CERTIFICATE KEY]`.
pub fn run(serve: impl Serve) -> Result<(), Box<dyn Error>> {
    std::thread::spawn(|| {
        let mut buffer = [0; 64];
        while matches!(io::stdin().read(&mut buffer), Ok(size) if size > 0) {}
        std::process::exit(0);
    });
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let acceptor = match &arguments[..] {
        [option, certificate, key] if option == "--tls" => Some(acceptor(certificate, key)?),
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    Ok(runtime.block_on(accept(acceptor, serve))?)
}

/// With tickets that the server need not remember, as OpenSSL makes them by default.
fn acceptor(certificate: &str, key: &str) -> Result<TlsAcceptor, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.ticketer = Ticketer::new()?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(acceptor: Option<TlsAcceptor>, serve: impl Serve) -> io::Result<()> {
    let listener = listen()?;
    println!("port {}", listener.local_addr()?.port());
    loop {
        let (stream, serve) = (accept_one(&listener).await?, serve.clone());
        match acceptor.clone() {
            Some(acceptor) => drop(tokio::spawn(async move {
                // A client that fails here is none of the other clients' business.
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve.serve(stream).await;
                }
            })),
            None => drop(tokio::spawn(serve.serve(stream))),
        }
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(4096)
}

async fn accept_one(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
