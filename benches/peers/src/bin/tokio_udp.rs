//! Datagrams on tokio's single-threaded runtime, written as its users write it: one task that
//! receives and sends. `bench-peer-tokio-udp echo|burst|multicast`. Prints "port N"; ends when
//! standard input does. `c/datagrams.h` tells what it does.

use cppserver_bench_peers::{Mode, socket};
use std::io::{self, Read};
use tokio::net::UdpSocket;

fn main() -> io::Result<()> {
    std::thread::spawn(|| {
        let mut buffer = [0; 64];
        while matches!(io::stdin().read(&mut buffer), Ok(size) if size > 0) {}
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve())
}

async fn serve() -> io::Result<()> {
    let mode = Mode::from_arguments();
    let socket = UdpSocket::from_std(socket()?)?;
    println!("port {}", socket.local_addr()?.port());
    let mut buffer = vec![0; 65_536];
    loop {
        let (size, from) = socket.recv_from(&mut buffer).await?;
        let data = &buffer[..size];
        if mode == Mode::Echo {
            socket.send_to(data, from).await?;
        } else if let Some(job) = mode.job(data, from) {
            for _ in 0..job.left {
                socket.send_to(&job.data, job.to).await?;
            }
        }
    }
}
