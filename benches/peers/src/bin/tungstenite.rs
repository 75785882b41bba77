//! WebSocket echo on tokio-tungstenite, as its own example does it: what has arrived is forwarded,
//! and flushed when there is nothing more. `bench-peer-tungstenite echo [--tls CERTIFICATE KEY]`.
//! Prints "port N"; ends when standard input does.

use cppserver_bench_peers::streams::{Serve, run};
use futures_util::{StreamExt, TryStreamExt, future};
use std::error::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::accept_async;

#[derive(Clone)]
struct Echo;

impl Serve for Echo {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(socket) = accept_async(stream).await else { return };
        let (write, read) = socket.split();
        // How the connection ends is none of the other clients' business.
        let _ = read
            .try_filter(|message| future::ready(message.is_text() || message.is_binary()))
            .forward(write)
            .await;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    run(Echo)
}
