//! A started service with a log, and its end.

use std::sync::Arc;
use std::thread;

use cppserver::{Client, Server, Service, SocketOption, TlsContext};

use super::log::Log;
use super::probe::{Probe, ServerProbe, ServiceProbe};

/// A running service and what is called back in it.
pub struct World {
    pub log: Arc<Log>,
    pub service: Service,
}

impl World {
    /// With one loop.
    pub fn new() -> World {
        World::with_threads(1)
    }

    pub fn with_threads(threads: usize) -> World {
        let log = Log::new();
        let service = Service::with_threads(threads).expect("there are descriptors");
        service.start(ServiceProbe::new(&log)).expect("a new service starts");
        World { log, service }
    }

    /// A handler of a server that writes into the log.
    pub fn server_probe(&self) -> ServerProbe {
        ServerProbe::new(&self.log)
    }

    /// A handler of a session or a client that writes into the log.
    pub fn probe(&self, name: &'static str) -> Probe {
        Probe::new(&self.log, name)
    }

    /// A server on this machine, not started.
    pub fn server(&self) -> Server {
        Server::tcp(&self.service, "127.0.0.1", 0).expect("the address is good")
    }

    /// A server on a port that the system chose.
    #[track_caller]
    pub fn serve(&self, probe: ServerProbe) -> Server {
        let server = self.server();
        server.start(probe).expect("a free port can be listened on");
        server
    }

    /// A client of a server on this machine, not connected.
    pub fn client(&self, port: u16) -> Client {
        Client::tcp(&self.service, "127.0.0.1", port).expect("the address is good")
    }

    /// An encrypted server on a port that the system chose.
    #[track_caller]
    pub fn serve_tls(&self, context: &TlsContext, probe: ServerProbe) -> Server {
        let server = Server::tls(&self.service, context, "127.0.0.1", 0).expect("it is good");
        server.start(probe).expect("a free port can be listened on");
        server
    }

    /// The same with deadlines that a slow machine does not meet.
    #[track_caller]
    pub fn serve_tls_patiently(&self, context: &TlsContext, probe: ServerProbe) -> Server {
        let server = Server::tls(&self.service, context, "127.0.0.1", 0).expect("it is good");
        for deadline in [SocketOption::CloseTimeout, SocketOption::HandshakeTimeout] {
            server.set_option(deadline, 60_000).expect("a minute is allowed");
        }
        server.start(probe).expect("a free port can be listened on");
        server
    }

    /// An encrypted client of a server on this machine, not connected.
    pub fn tls_client(&self, context: &TlsContext, port: u16) -> Client {
        Client::tls(&self.service, context, "localhost", port).expect("the address is good")
    }

    /// An encrypted client that connects.
    #[track_caller]
    pub fn connect_tls(&self, context: &TlsContext, port: u16, probe: Probe) -> Client {
        let client = self.tls_client(context, port);
        client.connect(probe).expect("a new client connects");
        client
    }

    /// A client that connects.
    #[track_caller]
    pub fn connect(&self, port: u16, probe: Probe) -> Client {
        let client = self.client(port);
        client.connect(probe).expect("a new client connects");
        client
    }

    /// A WebSocket server on a port that the system chose.
    #[track_caller]
    pub fn serve_ws(&self, probe: ServerProbe) -> Server {
        self.serve_ws_with(&[], probe)
    }

    /// The same with options.
    #[track_caller]
    pub fn serve_ws_with(&self, options: &[(SocketOption, i64)], probe: ServerProbe) -> Server {
        let server = Server::websocket(&self.service, "127.0.0.1", 0).expect("it is good");
        for (option, value) in options {
            server.set_option(*option, *value).expect("the value is good");
        }
        server.start(probe).expect("a free port can be listened on");
        server
    }

    /// A WebSocket client of a server on this machine, not connected.
    pub fn ws_client(&self, port: u16) -> Client {
        let address = format!("ws://127.0.0.1:{port}/path?query");
        Client::websocket(&self.service, &address).expect("the address is good")
    }

    /// A WebSocket client that connects.
    #[track_caller]
    pub fn connect_ws(&self, port: u16, probe: Probe) -> Client {
        let client = self.ws_client(port);
        client.connect(probe).expect("a new client connects");
        client
    }

    /// Stops the service, and judges everything that was called back.
    #[track_caller]
    pub fn finish(self) -> Arc<Log> {
        self.service.stop().expect("the service is started");
        self.log.check();
        Arc::clone(&self.log)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() {
            // The test has failed; its threads need not disturb the others, nor block this one.
            let service = self.service.clone();
            thread::spawn(move || service.stop());
        }
    }
}
