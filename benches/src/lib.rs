//! The benches are the `.rs` files beside `Cargo.toml`: `cargo bench -p benches`.
