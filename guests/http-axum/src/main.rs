//! Answers `Hello, World!` to `GET /` on 0.0.0.0:8080, through WASI 0.2's sockets.

use std::{io, net::Ipv4Addr, time::Duration};

use axum::{Router, routing::get};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, time::sleep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let hello = Router::new().route("/", get(|| async { "Hello, World!" }));
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080)).await?;
    // `axum::serve` would do, but for one thing: it sends the head and the body apart, and WASI's sockets have no
    // `TCP_NODELAY`, so that the body would wait for the client to acknowledge the head: 44 ms.
    let mut http = http1::Builder::new();
    http.writev(false);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let hello = TowerToHyperService::new(hello.clone());
                tokio::spawn(http.serve_connection(TokioIo::new(stream), hello));
            }
            // Who has gone before it was accepted, or too many connections: the next one may do.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}
