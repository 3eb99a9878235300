//! `wasmctr run --` as cargo's runner of a wasm target.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{Place, Ran};

const TARGET: &str = "wasm32-wasip1";

/// A compiler that has the target: the active one, or the one that `cargo xtask guests` has got.
fn rustc() -> Option<PathBuf> {
    let active = env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
    [active, lab::cache().join("wasm-toolchain/bin/rustc")].into_iter().find(|rustc| has_target(rustc))
}

fn has_target(rustc: &Path) -> bool {
    let asked = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let dir =
        asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let mut entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

#[test]
fn cargo_runs_and_tests_a_guest() {
    let found = lab::require(rustc(), "a compiler with wasm32-wasip1", "cargo xtask guests", &lab::here!());
    let Some(rustc) = found else { return };
    let place = Place::new();
    fs::create_dir(place.path().join("src")).unwrap();
    place.file(
        "Cargo.toml",
        "[package]\nname = \"guest\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    );
    place.file(
        "src/main.rs",
        r#"fn main() {
               let args: Vec<_> = std::env::args().collect();
               println!("{args:?}");
               std::process::exit(3);
           }

           #[test]
           fn passes() {
               assert!(cfg!(target_os = "wasi"));
           }
           "#,
    );
    let cargo = |args: &[&str]| {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(args).current_dir(place.path()).stdin(Stdio::null());
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "WASMCTR_ENGINE"] {
            cargo.env_remove(variable);
        }
        cargo.env("RUSTC", &rustc).env("CARGO_TARGET_DIR", place.path().join("target"));
        cargo.env("XDG_CACHE_HOME", place.cache_home());
        let runner = format!("{} run --", env!("CARGO_BIN_EXE_wasmctr"));
        Ran::of(cargo.env("CARGO_TARGET_WASM32_WASIP1_RUNNER", runner).output().unwrap())
    };
    let ran = cargo(&["run", "--quiet", "--offline", "--target", TARGET, "--", "--net", "", "a b"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(3), "[\"guest.wasm\", \"--net\", \"\", \"a b\"]\n"),
        "{ran:?}"
    );
    let tested = cargo(&["test", "--quiet", "--offline", "--target", TARGET]).ok();
    assert!(tested.contains("test result: ok. 1 passed"), "{tested}");
}
