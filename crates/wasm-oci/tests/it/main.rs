//! Integration tests of `wasm-oci`: one binary, one module for each noun.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archive;
mod bad_layout;
mod blob;
mod buildah;
mod collect;
mod consumer;
mod convert;
mod corpus;
mod engine;
mod faults;
mod formats;
mod index;
mod interface;
mod layout;
mod made;
mod pack;
mod peers;
mod properties;
mod schema;
mod sharing;
mod store;
mod strip;
mod umoci;
mod world;
mod zoo;
#[cfg(feature = "zstd")]
mod zstd;

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

#[test]
fn no_file_is_forgotten() {
    lab::assert_all_listed(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it"), include_str!("main.rs"));
}
