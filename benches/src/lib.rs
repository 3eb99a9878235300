//! What the benches share: what one writes by hand for wasmtime, clients of HTTP, and the comparison turn by turn. The benches themselves
//! are the `.rs` files beside `Cargo.toml`: `cargo bench -p benches`.

mod clients;
mod raw;
mod turns;

pub use clients::{Load, load};
pub use raw::{Raw, sink};
pub use turns::{Turns, is_bench, medians, ratio};
