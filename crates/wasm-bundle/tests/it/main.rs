//! The crate from outside: bundles on disk, hostile input, and the real runtimes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_toml;
mod bad_yaml;
mod book;
mod bundle;
mod config;
mod container;
mod containerd;
mod cri;
mod doctor;
mod format;
mod hostile;
mod image;
mod kubernetes;
mod layers;
mod life;
mod like;
mod node;
mod peers;
mod problems;
mod properties;
mod runtimes;
mod schema;
mod schemas;
mod select;

#[test]
fn no_file_is_forgotten() {
    lab::assert_all_listed(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it"), include_str!("main.rs"));
}
