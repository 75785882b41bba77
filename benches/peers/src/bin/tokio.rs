//! Echo on tokio's single-threaded runtime, written as its users write it: one task and one buffer
//! per connection. `bench-peer-tokio echo [--tls CERTIFICATE KEY]`. Prints "port N"; ends when
//! standard input does.

use cppserver_bench_peers::streams::{Serve, run};
use std::error::Error;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

#[derive(Clone)]
struct Echo;

impl Serve for Echo {
    async fn serve<S>(self, mut stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if echo(&mut stream).await.is_ok() {
            // Says close_notify; the client may be gone.
            let _ = stream.shutdown().await;
        }
    }
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

fn main() -> Result<(), Box<dyn Error>> {
    run(Echo)
}
