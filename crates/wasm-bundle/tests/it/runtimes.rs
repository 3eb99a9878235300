//! The bundles on the real runtimes of the lab.

use std::{fs, process::Output};

use wasm_bundle::{Handler, Mount, Network, Workload};

use crate::container::Container;

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn app() -> Workload {
    Workload::new(["/app.wasm"])
}

#[test]
fn crun_says_hello_with_either_handler() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    for handler in [Handler::Compat, Handler::CompatSmart] {
        let output = Container::new(&crun).run_guest(guests::HELLO, handler, &app());
        assert_eq!(stdout(&output), "Hello, World!\n", "{handler}: {output:?}");
        assert!(output.status.success(), "{handler}: {output:?}");
    }
}

#[test]
fn crun_takes_every_network() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    for network in [Network::Isolated, Network::Host, Network::Path("/proc/self/ns/net".into())] {
        let workload = app().network(network);
        let output = Container::new(&crun).run_guest(guests::HELLO, Handler::Compat, &workload);
        assert_eq!(stdout(&output), "Hello, World!\n", "{workload:?}: {output:?}");
    }
}

#[test]
fn crun_hands_on_what_the_workload_says() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let workload = app()
        .args(["app.wasm", "a b", "ä"])
        .env("MODE= x ")
        .env("EMPTY=")
        .user(1000, 1000)
        .hostname("h".repeat(64));
    let output = Container::new(&crun).run_guest(guests::ARGS_ENV, Handler::Compat, &workload);
    let lines: Vec<_> = stdout(&output).lines().collect();
    for line in ["app.wasm", "a b", "ä", "MODE= x ", "EMPTY="] {
        assert!(lines.contains(&line), "{line:?} in {output:?}");
    }
}

#[test]
fn crun_mounts_what_is_granted_and_no_more_than_that() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let container = Container::new(&crun);
    let data = container.dir().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file.txt"), "granted\n").unwrap();
    let workload = app().cwd("/made/when/missing").mount(Mount::new(&data, "/data"));
    let output = container.run_guest(guests::READ_FILE, Handler::Compat, &workload);
    assert_eq!(stdout(&output), "granted\n", "{output:?}");

    // crun loses the guest's exit code; what it wrote, or not, is there to see.
    for read_only in [true, false] {
        let container = Container::new(&crun);
        let workload = app().read_only_root(read_only);
        container.run_guest(guests::WRITE_FILE, Handler::Compat, &workload);
        assert_eq!(container.bundle().join("rootfs/out.txt").exists(), !read_only);
    }
}

#[test]
fn crun_does_not_write_to_our_bundles() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    let container = Container::new(&crun);
    container.run_guest(guests::HELLO, Handler::Compat, &app().cwd("/srv"));
    let names = |path: &str| -> Vec<_> {
        let mut names: Vec<_> =
            fs::read_dir(container.bundle().join(path)).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(""), ["config.json", "rootfs"]);
    assert_eq!(names("rootfs"), ["app.wasm", "dev", "proc", "srv"]);
    assert!(names("rootfs/dev").is_empty());
}
