//! The comparisons of WebSocket, in the clear and encrypted. The yardstick has the same loads without
//! WebSocket: what they cost when messages are nothing but bytes.

use super::{Peer, Recipe, Suite, Workload, peer};
use crate::link::Link;
use crate::table::Column;

/// WebSocket over TCP.
pub static WS: Suite = Suite {
    key: "ws",
    link: Link::WebSocket,
    peers: &[
        Peer {
            link: Some(Link::Plain),
            ..peer("raw-epoll", "raw epoll, no WebSocket (C)", Recipe::RawEpoll("65536"))
        },
        UWEBSOCKETS,
        BEAST,
        WEBSOCKETPP,
        LIBWEBSOCKETS,
        TUNGSTENITE,
        FASTWEBSOCKETS,
        NODE,
        WEBSOCKETS,
        PICOWS,
        peer("rust", "**cppserver** Rust", Recipe::Crate("bench-server-rust-ws")),
        peer("c", "**cppserver** C", Recipe::C("ws.c")),
        peer("cpp", "**cppserver** C++", Recipe::Cpp("ws.cpp")),
        peer("python", "**cppserver** Python", Recipe::Python("ws.py")),
    ],
    yardstick: "raw epoll",
    unit: "message",
    columns: COLUMNS,
    workloads: WORKLOADS,
};

/// WebSocket over TLS 1.3.
pub static WSS: Suite = Suite {
    key: "wss",
    link: Link::SecureWebSocket,
    peers: &[
        Peer {
            link: Some(Link::Tls),
            ..peer("raw-openssl", "raw epoll + OpenSSL, no WebSocket (C)", Recipe::RawOpenssl)
        },
        UWEBSOCKETS,
        BEAST,
        WEBSOCKETPP,
        LIBWEBSOCKETS,
        TUNGSTENITE,
        FASTWEBSOCKETS,
        NODE,
        WEBSOCKETS,
        PICOWS,
        peer("rust", "**cppserver** Rust", Recipe::Crate("bench-server-rust-ws")),
        peer("c", "**cppserver** C", Recipe::C("ws.c")),
        peer("cpp", "**cppserver** C++", Recipe::Cpp("ws.cpp")),
        peer("python", "**cppserver** Python", Recipe::Python("ws.py")),
    ],
    yardstick: "raw epoll + OpenSSL",
    unit: "message",
    columns: COLUMNS,
    workloads: WORKLOADS,
};

const COLUMNS: &[Column] = &[Column::IdleBytes, Column::OpenTime];

const WORKLOADS: &[Workload] = &[
    Workload::SinglePingPong,
    Workload::PingPong,
    Workload::Pipelined,
    Workload::Medium,
    Workload::Deflate,
    Workload::Multicast,
    Workload::Idle,
];

const UWEBSOCKETS: Peer = peer("uwebsockets", "uWebSockets (C++)", Recipe::Uwebsockets);

const BEAST: Peer = peer("beast", "Boost.Beast (C++)", Recipe::Beast);

const WEBSOCKETPP: Peer = peer("websocketpp", "websocketpp (C++)", Recipe::Websocketpp);

const LIBWEBSOCKETS: Peer = peer("libwebsockets", "libwebsockets (C)", Recipe::Libwebsockets);

const TUNGSTENITE: Peer = Peer {
    cannot: &["multicast", "deflate"],
    ..peer("tungstenite", "tokio-tungstenite (Rust)", Recipe::RustPeer("bench-peer-tungstenite"))
};

const FASTWEBSOCKETS: Peer = Peer {
    cannot: &["multicast", "deflate"],
    ..peer("fastwebsockets", "fastwebsockets (Rust)", Recipe::RustPeer("bench-peer-fastwebsockets"))
};

const NODE: Peer = peer("node", "ws (Node.js)", Recipe::NodeWs);

const WEBSOCKETS: Peer = peer(
    "websockets",
    "websockets (Python)",
    Recipe::PythonWith(&["websockets"], "websockets_echo.py"),
);

const PICOWS: Peer = Peer {
    cannot: &["deflate"],
    ..peer(
        "picows",
        "picows on uvloop (Python)",
        Recipe::PythonWith(&["picows", "uvloop"], "picows_echo.py"),
    )
};
