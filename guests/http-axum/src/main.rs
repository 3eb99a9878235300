//! Answers `Hello, World!` to `GET /` on 0.0.0.0:8080, through WASI 0.2's sockets.

use std::net::Ipv4Addr;

use axum::{Router, routing::get};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let hello = Router::new().route("/", get(|| async { "Hello, World!" }));
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080)).await?;
    axum::serve(listener, hello).await
}
