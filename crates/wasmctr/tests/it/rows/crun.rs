//! Section 5.2.2: a bundle by hand, on crun.

use std::{fs::File, process::Stdio};

use super::{Runtime, assert_hello, eventually, ran, unique};
use crate::support::{Place, get_8080, port_8080};

/// `crun run`, curl, `crun kill … SIGKILL`, and delete: the walkthrough's steps, with a bundle that nobody edited.
#[test]
fn a_server_in_the_background_is_killed_and_deleted() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    let guest = guest.to_str().unwrap();
    place.wasmctr(&["pack", guest, "-o", "oci:layout:v1"]).ok();
    place.wasmctr(&["bundle", "oci:layout:v1", "bundle", "--runtime", "crun", "--net", "host"]).ok();

    let container = unique("wasm-demo-app");
    let crun = Runtime { program: &crun, place: &place, container: container.clone() };
    let _port = port_8080();
    let log = File::create(place.path().join("log")).unwrap();
    let mut run = crun.call(&["run", "--detach", "-b", "bundle", &container]);
    assert!(run.stdout(log).stderr(Stdio::inherit()).status().unwrap().success());
    assert_hello(&get_8080());
    let state = || ran(&mut crun.call(&["state", &container])).ok();
    assert!(state().contains(r#""status": "running""#), "{}", state());

    ran(&mut crun.call(&["kill", &container, "SIGKILL"])).ok();
    eventually("the container is stopped", || state().contains(r#""status": "stopped""#));
    ran(&mut crun.call(&["delete", &container])).ok();
    assert_eq!(ran(&mut crun.call(&["list", "--quiet"])).ok(), "");
}
