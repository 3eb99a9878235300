//! Every example runs to its end by itself, and says something.
//!
//! `cargo test` builds the examples beside its own programs; `cargo test --test it` alone does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod kubernetes;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One test for each example, with the text that it prints if all is well.
macro_rules! examples {
    ($($name:ident says $says:literal $(after $guest:literal)?;)*) => {
        $(
            #[test]
            fn $name() {
                $(if guests::need!($guest).is_none() { return })?
                let printed = output_of(stringify!($name));
                assert!(printed.contains($says), "{printed}");
            }
        )*

        const ALL: &[&str] = &[$(stringify!($name)),*];
    };
}

examples! {
    cancel says "three at once: signal 2";
    capture says "overflowed: true";
    convert says "not in an artifact: the file /etc/app.toml";
    inspect_for says "crun: no, only an image of tar layers can be unpacked to a bundle";
    limits says "stopped: too much output";
    manifests says "0 findings";
    network says "exit code 0 with connect:127.0.0.1:" after "probe-component";
    pack says "wasi/wasm has";
    precompile says "loaded";
    push_pull says "pulled      ";
    run says "Hello, World!";
    run_component says "Hello, World!" after "hello-component";
    serve says "the service: stopped: signal 15" after "http-component";
    sizes says "| hello-world |" after "hello-world";
    sockets_alone says "the guest said: Hello, wasmtime!";
    two_engines says "modest: exit code 0";
}

/// Each file has a test above, is in the manifest, and begins with what it is for and how to run it.
#[test]
fn no_example_is_forgotten() {
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(ROOT).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("//! "), "{name} does not say what it is for");
            assert!(
                text.contains(&format!("//! `cargo run -p examples --example {name}")),
                "{name}: no command"
            );
            assert!(manifest.contains(&format!("path = \"{name}.rs\"")), "{name} is not in Cargo.toml");
            found.insert(name);
        }
    }
    assert_eq!(found, ALL.iter().map(|name| (*name).to_owned()).collect());
}

fn output_of(name: &str) -> String {
    let program = program(name);
    let mut child = Command::new(&program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; `cargo build --examples` makes it", program.display()));
    wait(&mut child);
    let output = child.wait_with_output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{}\n{stdout}{stderr}", output.status);
    stdout
}

/// The program is in `examples`, beside the directory that this test is in.
fn program(name: &str) -> PathBuf {
    let this = env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().join("examples").join(name).with_extension(env::consts::EXE_EXTENSION)
}

/// Nothing that an example prints fills a pipe.
fn wait(child: &mut Child) {
    let patience = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > patience {
            child.kill().unwrap();
            panic!("the example does not end");
        }
        thread::sleep(Duration::from_millis(10));
    }
}
