//! Integration tests of the command: one binary, one module for each subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod abi;
mod bad_input;
mod cache;
mod convert;
mod demo;
mod differential;
mod docs;
mod doctor;
mod flags;
mod handover;
mod inspect;
mod json;
mod k8s;
mod pack;
mod registry;
mod road;
mod rows;
mod run;
mod runner;
mod serve;
mod signals;
mod sockets;
mod store;
mod support;
mod validate;

#[test]
fn no_file_is_forgotten() {
    lab::assert_all_listed(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it"), include_str!("main.rs"));
}
