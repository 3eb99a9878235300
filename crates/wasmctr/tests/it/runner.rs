//! `wasmctr run --` as cargo's runner of a wasm target.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{Place, Ran};

/// The targets, and the variable by which cargo is told the runner of each.
const TARGETS: [(&str, &str); 2] = [
    ("wasm32-wasip1", "CARGO_TARGET_WASM32_WASIP1_RUNNER"),
    ("wasm32-wasip2", "CARGO_TARGET_WASM32_WASIP2_RUNNER"),
];

#[test]
fn cargo_runs_and_tests_a_guest() {
    let found =
        lab::require(rustc(), "a compiler with the wasm targets", "cargo xtask guests", &lab::here!());
    let Some(rustc) = found else { return };
    let place = Place::new();
    fs::create_dir(place.path().join("src")).unwrap();
    place.file("Cargo.toml", "[package]\nname = \"guest\"\nedition = \"2021\"\n[workspace]\n");
    place.file(
        "src/main.rs",
        r#"fn main() {
               println!("{:?}", std::env::args().collect::<Vec<_>>());
               std::process::exit(if cfg!(target_env = "p1") { 3 } else { 1 });
           }

           #[test]
           fn passes() {
               assert!(cfg!(target_os = "wasi"));
           }

           #[test]
           #[ignore]
           fn fails() {
               panic!("as it should");
           }
           "#,
    );
    for (target, variable) in TARGETS {
        let cargo = |task: &str, args: &[&str]| {
            let mut cargo = cargo(&place, &rustc);
            cargo.args([task, "--quiet", "--offline", "--target", target, "--"]).args(args);
            cargo.env(variable, format!("{} run --", env!("CARGO_BIN_EXE_wasmctr")));
            Ran::of(cargo.output().unwrap())
        };
        let ran = cargo("run", &["--net", "", "a b"]);
        // WASI 0.2 has no other codes than 0 and 1 for a command.
        let code = if target == "wasm32-wasip1" { 3 } else { 1 };
        assert_eq!(ran.stdout, "[\"guest.wasm\", \"--net\", \"\", \"a b\"]\n", "{target}: {ran:?}");
        assert_eq!(ran.code, Some(code), "{target}: {ran:?}");
        let tested = cargo("test", &[]).ok();
        assert!(tested.contains("test result: ok. 1 passed"), "{target}: {tested}");
        let failed = cargo("test", &["--ignored"]);
        assert_eq!(failed.code, Some(134), "a panic ends a guest by a trap: {target}: {failed:?}");
    }
}

/// A compiler that has the targets: the active one, or the one that `cargo xtask guests` has got.
fn rustc() -> Option<PathBuf> {
    let active = env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
    let has_targets = |rustc: &PathBuf| TARGETS.iter().all(|(target, _)| has_std(rustc, target));
    [active, lab::cache().join("wasm-toolchain/bin/rustc")].into_iter().find(has_targets)
}

fn has_std(rustc: &Path, target: &str) -> bool {
    let asked = Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output();
    let dir =
        asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let mut entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

/// Cargo with nothing of what the caller says about compiling.
fn cargo(place: &Place, rustc: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "WASMCTR_ENGINE"] {
        cargo.env_remove(variable);
    }
    cargo.env("RUSTC", rustc).env("CARGO_TARGET_DIR", place.path().join("target"));
    cargo.env("XDG_CACHE_HOME", place.cache_home()).current_dir(place.path()).stdin(Stdio::null());
    cargo
}
