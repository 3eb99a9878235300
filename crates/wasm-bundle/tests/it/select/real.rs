//! The cases on the real runtimes of the lab.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use wasm_bundle::{
    config_json,
    select::{Crun, Engine, Selection},
};

use super::cases::{CRUN, Case, File, SHIMS, YOUKI};
use crate::container::{Container, native};

/// What was seen of a case.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Wasm,
    Native,
    Refused,
}

#[test]
fn crun_agrees() {
    let Some(crun) = lab::need!("crun") else { return };
    let Some(()) = lab::need_root!() else { return };
    agree(&crun, CRUN, |case| case.runtime);
}

#[test]
fn crun_is_the_one_that_the_table_is_about() {
    let Some(crun) = lab::need!("crun") else { return };
    let version = std::process::Command::new(crun).arg("--version").output().unwrap();
    let found = Crun::from_version(&String::from_utf8(version.stdout).unwrap());
    assert_eq!(found, Some(Crun::new([Engine::WasmEdge])));
}

#[test]
fn runc_agrees() {
    let Some(runc) = lab::need!("runc") else { return };
    let Some(()) = lab::need_root!() else { return };
    let cases: Vec<_> = SHIMS.iter().copied().filter(|case| case.runtime == "runc").collect();
    agree(&runc, &cases, |_| "runc");
}

#[test]
fn youki_agrees() {
    let Some(youki) = lab::need!("youki") else { return };
    let Some(()) = lab::need_root!() else { return };
    let cases: Vec<_> = YOUKI.iter().copied().filter(|case| case.runtime == "youki").collect();
    agree(&youki, &cases, |_| "youki");
}

/// Runs every case, and tells all that differ.
fn agree(runtime: &Path, cases: &[Case], name: fn(&Case) -> &'static str) {
    let mut differ = vec![];
    for case in cases {
        let (seen, said) = run(runtime, case, name(case));
        let expected = match case.selection {
            Selection::Wasm(_) => Seen::Wasm,
            Selection::Native => Seen::Native,
            _ => Seen::Refused,
        };
        if seen != expected || !said.contains(case.says) {
            differ.push(format!("{case:?}\n  gave {seen:?}: {said}"));
        }
    }
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), cases.len(), differ.join("\n"));
}

/// Writes the bundle of a case and runs it.
fn run(runtime: &Path, case: &Case, name: &str) -> (Seen, String) {
    let container = Container::new(runtime);
    let rootfs = container.bundle().join("rootfs");
    fs::create_dir_all(rootfs.join("dev")).unwrap();
    for dir in ["proc", "d", case.cwd.trim_start_matches('/')] {
        fs::create_dir_all(rootfs.join(dir)).unwrap();
    }
    put(&rootfs, case.file.0, &content(case.file.1), case.file.1.mode());
    put(&rootfs, "interpreter", &native(), 0o755);
    fs::write(container.bundle().join("config.json"), config_json(&case.spec()).unwrap()).unwrap();
    // crun looks at the name that it is called by.
    let called = container.dir().join(name);
    symlink(runtime, &called).unwrap();

    // In the foreground youki sometimes waits for a container that has ended.
    let in_background = name == "youki";
    let output = if in_background { container.run_in_background() } else { container.run_as(&called) };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let seen = match &*out {
        out if out.contains("Hello, World!") => Seen::Wasm,
        out if out.contains("native") => Seen::Native,
        _ => Seen::Refused,
    };
    if !in_background {
        assert_eq!(seen == Seen::Refused, !output.status.success(), "{case:?}: {output:?}");
    }
    (seen, format!("{out}{err}"))
}

fn put(rootfs: &Path, path: &str, content: &[u8], mode: u32) {
    let path = rootfs.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

fn content(file: File) -> Vec<u8> {
    match file {
        File::Module | File::Module0644 => guests::HELLO.wasm(),
        File::Component => guests::COMPONENT.wasm(),
        File::Text => guests::HELLO.text.as_bytes().to_vec(),
        File::Elf => native(),
        File::Script => b"#!/interpreter\n".to_vec(),
        File::Garbage => b"neither one nor the other".to_vec(),
    }
}
