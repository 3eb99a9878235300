//! Integration tests of `wasm_oci::registry`: one binary, one module for each concern.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::too_many_lines, reason = "a table of cases is long")]

mod astray;
mod auth;
mod broken;
mod busy;
mod case;
mod delivered;
mod documents;
mod leaks;
mod memory;
mod moves;
mod peers;
mod proxies;
mod tls;
mod together;
mod tokens;
mod uploads;
mod whole;

use std::time::Duration;

use test_registry::Registry as Server;
use wasm_oci::{
    Artifact, Format, Pack, Reference,
    registry::{Options, Registry},
};

/// The hello guest in this format.
fn hello(format: Format) -> Artifact {
    Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap().build(format).unwrap()
}

/// A name in the server.
fn name(server: &Server, rest: &str) -> Reference {
    format!("{}/{rest}", server.host()).parse().unwrap()
}

/// Options that do not make a test wait.
fn quick() -> Options {
    let mut options = Options::default();
    options.backoff = Duration::from_millis(5);
    options.retry_after = Duration::from_millis(40);
    options.timeouts.connect = Duration::from_secs(1);
    options.timeouts.answer = Duration::from_millis(700);
    options.timeouts.window = Duration::from_millis(400);
    options.retries = 2;
    options
}

fn client() -> Registry {
    Registry::new(quick()).unwrap()
}

#[test]
fn no_file_is_forgotten() {
    lab::assert_all_listed(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/registry"), include_str!("main.rs"));
}
