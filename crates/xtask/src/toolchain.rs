//! A compiler with the wasm targets: the active one, else Debian's in a folder of the cache.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::Apt;
use crate::debian::Root;
use crate::error::{At as _, Error, Result};
use crate::guests::TARGETS;
use crate::{paths, process};

/// Suites to try, the calmer first.
const SUITES: &[&str] = &["forky", "sid"];

/// The linkers that rustc calls; every toolchain of rustup carries them.
const LINKERS: &[&str] = &["rust-lld", "wasm-component-ld", "gcc-ld"];

/// A compiler that has every target of the guests.
#[derive(Debug)]
pub(crate) enum Rustc {
    /// The one that compiles the workspace.
    Active,
    /// Debian's, this program.
    Debian(PathBuf),
}

/// Finds a compiler, or gets one.
pub(crate) fn find() -> Result<Rustc> {
    let active = env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    if has_targets(&active) {
        return Ok(Rustc::Active);
    }
    let place = lab::cache().join("wasm-toolchain");
    let debian = place.join("bin/rustc");
    if is_complete(&place) {
        return Ok(Rustc::Debian(debian));
    }
    let _lock = paths::lock(&place.with_extension("lock"))?;
    if is_complete(&place) {
        return Ok(Rustc::Debian(debian)); // by the run that was waited for
    }
    if may_call_rustup() && add_targets() && has_targets(&active) {
        return Ok(Rustc::Active);
    }
    let mut failures = String::new();
    for suite in SUITES {
        match install(suite, &active, &place) {
            Ok(()) => return Ok(Rustc::Debian(debian)),
            Err(error) => failures.push_str(&format!("\n{suite}: {error}")),
        }
    }
    Err(Error::new(format!(
        "no compiler with the targets {}: `rustup target add` them, or let Debian's be downloaded:{failures}",
        TARGETS.join(" ")
    )))
}

/// Whether a compiler has the standard library of every target.
fn has_targets(rustc: &Path) -> bool {
    TARGETS.iter().all(|target| {
        let asked =
            process::capture(Command::new(rustc).args(["--print", "target-libdir", "--target", target]));
        asked.is_ok_and(|dir| holds_std(Path::new(dir.trim())))
    })
}

fn holds_std(dir: &Path) -> bool {
    let mut entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

/// rustup downloads, which a machine may forbid.
fn may_call_rustup() -> bool {
    process::on_path("rustup").is_some()
        && env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0")
}

fn add_targets() -> bool {
    println!("guests: rustup target add {}", TARGETS.join(" "));
    process::run(Command::new("rustup").args(["target", "add"]).args(TARGETS)).is_ok()
}

/// The stamp is written last, and the linkers are still where they were.
fn is_complete(place: &Path) -> bool {
    let linkers = fs::read_to_string(place.join("complete")).unwrap_or_default();
    !linkers.is_empty() && Path::new(linkers.trim()).join(LINKERS[0]).is_file()
}

/// Gets Debian's compiler: unpacked beside its place, tried, moved there.
fn install(suite: &'static str, active: &Path, place: &Path) -> Result<()> {
    println!("guests: getting rustc with {} of Debian {suite}", TARGETS.join(" and "));
    let linkers = linkers(active)?;
    let work = place.with_extension("work").join(suite);
    let archives = download(&Apt::open(&work, suite)?)?;
    let new = place.with_extension("new");
    paths::fresh_dir(&new)?;
    let root = Root::unpack(&archives, &new.join("root"))?;
    let sysroot = new.join("root/usr/lib/rustlib");
    for unused in ["wasm32-unknown-unknown", "src", "etc"] {
        paths::remove_dir(&sysroot.join(unused))?;
    }
    link_linkers(&linkers, &sysroot.join(host(active)?).join("bin"))?;
    write_wrapper(&root, &new, place)?;
    paths::replace_dir(&new, place)?;
    if !has_targets(&place.join("bin/rustc")) {
        return Err(Error::new("this compiler does not have the targets"));
    }
    paths::write(&place.join("complete"), linkers.as_os_str().as_encoded_bytes())?;
    paths::remove_dir(&place.with_extension("work"))
}

/// The compiler, its shared libraries, and the standard libraries of its host and of wasm.
fn download(apt: &Apt) -> Result<Vec<PathBuf>> {
    let (rustc, wasm) = (apt.version("rustc"), apt.version("libstd-rust-dev-wasm32"));
    if rustc.is_none() || rustc != wasm {
        let suite = apt.suite();
        return Err(Error::new(format!(
            "rustc ({rustc:?}) and its wasm library ({wasm:?}) of {suite} differ"
        )));
    }
    let needed = ["rustc", "libstd-rust-dev", "libstd-rust-dev-wasm32"].map(str::to_owned);
    let libraries = apt.dependencies("libstd-rust-dev")?.into_iter().filter(|name| is_library(name));
    let mut packages: Vec<_> = libraries.chain(needed).collect();
    packages.sort();
    packages.dedup();
    apt.fetch(&packages)
}

/// A package of shared libraries, going by its name.
fn is_library(package: &str) -> bool {
    let is_other = ["-dev", "-data", "-bin"].iter().any(|end| package.ends_with(end));
    package.starts_with("lib") && !is_other && !package.contains("gconv")
}

/// A program that starts the compiler with the loader and the libraries it came with; what it starts uses the system's.
fn write_wrapper(root: &Root, new: &Path, place: &Path) -> Result<()> {
    let installed = place.join("root");
    let (loader, libraries) = (root.loader(&installed), root.libraries(&installed));
    let script = format!(
        "#!/bin/sh\nexec '{}' --library-path '{}' '{}' \"$@\"\n",
        loader.display(),
        libraries.display(),
        installed.join("usr/bin/rustc").display()
    );
    let program = new.join("bin/rustc");
    fs::create_dir_all(new.join("bin")).at(&program)?;
    fs::write(&program, script).at(&program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).at(&program)
}

fn link_linkers(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).at(to)?;
    for linker in LINKERS {
        let link = to.join(linker);
        paths::remove_dir(&link)?;
        symlink(from.join(linker), &link).at(&link)?;
    }
    Ok(())
}

/// Folder of the active toolchain's linkers.
fn linkers(active: &Path) -> Result<PathBuf> {
    let sysroot = process::capture(Command::new(active).args(["--print", "sysroot"]))?;
    let dir = Path::new(sysroot.trim()).join("lib/rustlib").join(host(active)?).join("bin");
    if dir.join(LINKERS[0]).is_file() {
        return Ok(dir);
    }
    Err(Error::new(format!("{}: no {}, which every toolchain of rustup carries", dir.display(), LINKERS[0])))
}

fn host(rustc: &Path) -> Result<String> {
    let version = process::capture(Command::new(rustc).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Error::new("rustc -vV does not name its host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_known_by_their_names() {
        for name in ["libllvm21", "libc6", "libstd-rust-1.97"] {
            assert!(is_library(name), "{name}");
        }
        for name in ["libc6-dev", "libc-bin", "libc-gconv-modules-extra", "gcc-16-base"] {
            assert!(!is_library(name), "{name}");
        }
    }

    #[test]
    fn an_unfinished_toolchain_is_not_complete() {
        assert!(!is_complete(Path::new("/nonexistent")));
    }
}
