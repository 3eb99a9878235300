//! Answers `Hello, World!` to `GET /` on 0.0.0.0:8080, through WasmEdge's sockets.

use std::net::Ipv4Addr;

use warp::Filter as _;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let hello = warp::get().and(warp::path::end()).map(|| "Hello, World!");
    warp::serve(hello).run((Ipv4Addr::UNSPECIFIED, 8080)).await;
}
