//! The examples are the `.rs` files beside `Cargo.toml`: `cargo run -p examples --example run`.
//!
//! Here are the chapters of the book that are about the library, so that `cargo test --doc` compiles and runs their code.

#[cfg(doctest)]
#[doc = include_str!("../../book/src/embed.md")]
struct Embed;

#[cfg(doctest)]
#[doc = include_str!("../../book/src/engine.md")]
struct Engine;
