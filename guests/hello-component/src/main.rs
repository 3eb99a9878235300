//! Prints `Hello, World!` once; for `wasm32-wasip2` this is a component.

fn main() {
    println!("Hello, World!");
}
