// Echo or multicast on Node.js with the package ws: ws_echo.js echo|multicast|deflate [--tls CERTIFICATE KEY]. Prints
// "port N"; ends when standard input does.

"use strict";

const fs = require("fs");
const http = require("http");
const https = require("https");
const { WebSocketServer } = require("ws");

const BACKLOG = 4096;
const [mode, option, certificate, key] = process.argv.slice(2);

const server =
  option === "--tls"
    ? https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) })
    : http.createServer();
const deflate = { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 };
const sessions = new WebSocketServer({ server, perMessageDeflate: mode === "deflate" && deflate });

sessions.on("connection", (session) => {
  // How a connection ends is none of the other clients' business.
  session.on("error", () => {});
  session.on("message", (data, binary) => {
    if (mode === "multicast") {
      for (const receiver of sessions.clients) receiver.send(data, { binary });
    } else {
      session.send(data, { binary });
    }
  });
});

server.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => {
  console.log(`port ${server.address().port}`);
});
process.stdin.on("end", () => process.exit(0)).resume();
