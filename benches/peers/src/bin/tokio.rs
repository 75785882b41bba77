//! Echo on tokio's single-threaded runtime, written as its users write it: one task and one buffer
//! per connection. `bench-peer-tokio echo [--tls CERTIFICATE KEY]`. Prints "port N"; ends when
//! standard input does.

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::error::Error;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

fn main() -> Result<(), Box<dyn Error>> {
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
    Ok(runtime.block_on(serve(acceptor))?)
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

async fn serve(acceptor: Option<TlsAcceptor>) -> io::Result<()> {
    let listener = listen()?;
    println!("port {}", listener.local_addr()?.port());
    loop {
        let mut stream = accept(&listener).await?;
        match acceptor.clone() {
            Some(acceptor) => drop(tokio::spawn(async move {
                // A client that fails here is none of the other clients' business.
                if let Ok(mut stream) = acceptor.accept(stream).await
                    && echo(&mut stream).await.is_ok()
                {
                    let _ = stream.shutdown().await;
                }
            })),
            None => drop(tokio::spawn(async move { echo(&mut stream).await })),
        }
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(4096)
}

async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn echo(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..size]).await?;
        stream.flush().await?;
    }
}
