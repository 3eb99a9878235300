//! The examples are the `.rs` files beside `Cargo.toml`: `cargo run -p examples --example run`.
