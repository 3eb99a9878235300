//! Section 5.2.2 on youki, which the lab compiles with wasmtime: a guest without sockets stands in for the server.

use std::fs::{self, File};

use super::{Runtime, eventually, ran, unique};
use crate::support::Place;

#[test]
fn a_guest_in_the_background_is_killed_and_deleted() {
    let Some(guest) = guests::need!("hello-world") else { return };
    let Some(youki) = lab::need!("youki") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    place.wasmctr(&["pack", guest.to_str().unwrap(), "-o", "oci:layout:v1"]).ok();
    place.wasmctr(&["bundle", "oci:layout:v1", "bundle", "--runtime", "youki"]).ok();

    let container = unique("wasm-demo-app");
    let youki = Runtime { program: &youki, place: &place, container: container.clone() };
    let log = place.path().join("log");
    // Not `run`: in the foreground it sometimes waits for a container that has ended.
    let mut create = youki.call(&["create", "-b", "bundle", &container]);
    let created = create.stdout(File::create(&log).unwrap()).status().unwrap();
    assert!(created.success());
    ran(&mut youki.call(&["start", &container])).ok();
    let lines = || fs::read_to_string(&log).unwrap();
    eventually("two lines", || lines().starts_with("Hello, World!\nHello, World!\n"));

    ran(&mut youki.call(&["kill", &container, "SIGKILL"])).ok();
    let state = || ran(&mut youki.call(&["state", &container])).ok();
    eventually("the container is stopped", || state().contains(r#""status": "stopped""#));
    ran(&mut youki.call(&["delete", &container])).ok();
    assert_ne!(ran(&mut youki.call(&["state", &container])).code, Some(0));
}
