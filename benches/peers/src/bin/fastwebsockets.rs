//! WebSocket echo on fastwebsockets and hyper, as its own example does it.
//! `bench-peer-fastwebsockets echo [--tls CERTIFICATE KEY]`. Prints "port N"; ends when standard
//! input does.

use bytes::Bytes;
use cppserver_bench_peers::streams::{Serve, run};
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{FragmentCollector, OpCode, WebSocketError};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::error::Error;
use tokio::io::{AsyncRead, AsyncWrite};

#[derive(Clone)]
struct Echo;

impl Serve for Echo {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // How the connection ends is none of the other clients' business.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service_fn(begin))
            .with_upgrades()
            .await;
    }
}

async fn begin(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, socket) = upgrade(&mut request)?;
    tokio::spawn(echo(socket));
    Ok(response)
}

async fn echo(socket: UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(socket.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    run(Echo)
}
