//! The road end to end with the two compiled guests: pack, inspect, bundle, run here and on the real crun.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::support::{Place, get_8080, lines, port_8080};

/// Packs, inspects and bundles a guest; the bundle is `bundle`.
fn bundled(place: &Place, guest: &Path, net: &str) {
    let image = "oci:layout:v1";
    place.wasmctr(&["pack", guest.to_str().unwrap(), "-o", image, "--format", "compat"]).ok();
    let name = guest.file_name().unwrap().to_str().unwrap();
    let report = place.wasmctr(&["inspect", image]).ok();
    for part in
        [&format!("entrypoint  [\"/{name}\"]"), "module.wasm.image/variant=compat", "compat, wasi/wasm"]
    {
        assert!(report.contains(part), "no {part:?} in {report}");
    }
    place.wasmctr(&["bundle", image, "bundle", "--runtime", "crun", "--net", net]).ok();
}

#[test]
fn hello_world_here() {
    let Some(guest) = guests::need!("hello-world") else { return };
    let place = Place::new();
    bundled(&place, &guest, "none");
    for location in ["bundle", "oci:layout:v1", guest.to_str().unwrap()] {
        let child = place.command(&["run", location]).stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(three_lines(Ended(child)), "Hello, World!\n".repeat(3), "{location}");
    }
}

#[test]
fn hello_world_on_crun() {
    let Some(guest) = guests::need!("hello-world") else { return };
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    bundled(&place, &guest, "none");
    let container = Container::start(&crun, &place, "hello");
    assert_eq!(three_lines(container.process), "Hello, World!\n".repeat(3));
}

#[test]
fn http_server_here() {
    let Some(guest) = guests::need!("http-server") else { return };
    let place = Place::new();
    bundled(&place, &guest, "host");
    let port = port_8080();
    for net in ["host", "listen:*:8080"] {
        let server = Ended(place.command(&["run", "--net", net, "bundle"]).spawn().unwrap());
        let answer = get_8080();
        drop(server);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nHello, World!"), "{answer}");
    }
    drop(port);
}

#[test]
fn http_server_here_has_no_network_by_itself() {
    let Some(guest) = guests::need!("http-server") else { return };
    let place = Place::new();
    bundled(&place, &guest, "host");
    let ran = place.wasmctr(&["run", "bundle"]);
    assert_eq!(ran.code, Some(134), "{ran:?}");
    assert!(ran.stderr.contains("Permission denied (os error 2)"), "{ran:?}");
}

#[test]
fn http_server_on_crun() {
    let Some(guest) = guests::need!("http-server") else { return };
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let place = Place::new();
    bundled(&place, &guest, "host");
    let port = port_8080();
    let container = Container::start(&crun, &place, "http");
    let answer = get_8080();
    drop(container);
    drop(port);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nHello, World!"), "{answer}");
}

/// Reads three lines of what never ends, and ends it.
fn three_lines(mut process: Ended) -> String {
    lines(process.0.stdout.take().unwrap(), 3)
}

/// A process that ends with the value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A container of the real crun, deleted with the value.
struct Container {
    process: Ended,
    _delete: Delete,
}

struct Delete {
    command: Command,
}

impl Drop for Delete {
    fn drop(&mut self) {
        let _ = self.command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

impl Container {
    fn start(crun: &Path, place: &Place, name: &str) -> Self {
        let root = place.path().join("crun");
        let id = format!("wasmctr-test-{name}-{}", std::process::id());
        let crun = |args: &[&str]| {
            let mut command = lab::container_command(crun);
            command.arg("--root").arg(&root).args(args).current_dir(place.path()).stdin(Stdio::null());
            command
        };
        let process = crun(&["run", "-b", "bundle", &id]).stdout(Stdio::piped()).spawn().unwrap();
        Self { process: Ended(process), _delete: Delete { command: crun(&["delete", "-f", &id]) } }
    }
}
