//! Integration tests of `wasm-oci`: one binary, one module for each noun.

mod bad_layout;
mod interface;
mod layout;
mod pack;
mod peers;
mod properties;

use wasm_oci::{Artifact, Format, Pack};

/// The hello guest as a compat image.
fn hello() -> Artifact {
    Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap().build(Format::Compat).unwrap()
}

/// The smallest module there is, as a compat image: no edit of a guest changes it.
fn empty() -> Artifact {
    let wasm = b"\0asm\x01\0\0\0".as_slice();
    Pack::new(wasm, "/empty.wasm").unwrap().build(Format::Compat).unwrap()
}

/// No test file is forgotten in the list above.
#[test]
fn every_file_is_a_module() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let this = include_str!("main.rs");
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".rs");
        assert!(
            ["main", "snapshots"].contains(&name) || this.contains(&format!("mod {name};")),
            "{name} is not listed"
        );
    }
}
