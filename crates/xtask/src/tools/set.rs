//! One set of tools: unpacked beside its place, moved there, tried, and only then visible.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::{Binding, Debian, Set, Tool};

use crate::apt::Apt;
use crate::debian::Root;
use crate::error::{At as _, Error, Result};
use crate::{paths, process};

/// Goes up when a set must be made anew although the table has not changed.
const RECIPE: u32 = 2;

/// Whether a set is there, as the table has it today.
pub(super) fn is_complete(set: &Set, prefix: &Path) -> bool {
    fs::read_to_string(stamp(set, prefix)).is_ok_and(|done| done == recipe(set, prefix))
        && set.tools.iter().all(|tool| tool.is_at(&tool.path_in(prefix)))
}

/// Gets a set from Debian.
pub(super) fn install(set: &Set, debian: &'static Debian, prefix: &Path) -> Result<()> {
    let work = prefix.join("work").join(set.name);
    let apt = Apt::open(&work, debian.suite).map_err(|error| by_hand(set, &error))?;
    if let Some(binding) = &debian.binds {
        check_binding(binding, debian.suite, apt.version(binding.package).as_deref())?;
    }
    let packages: Vec<_> = debian.packages.iter().copied().chain(["patchelf"]).collect();
    let archives = apt.fetch_all(&packages)?;

    let new = prefix.join(format!("{}.new", set.name));
    paths::fresh_dir(&new)?;
    let place = prefix.join(set.name).join("root");
    let root = Root::unpack(&archives, &new.join("root"))?;
    root.patch_libraries(&place)?;
    take_programs(&root, debian, &new.join("bin"), &place)?;
    copy_wasmedge(&root, &new)?;

    publish(set, prefix, &new)?;
    paths::remove_dir(&work)
}

/// Moves a set to its place, tries its tools there, and lets them be found.
pub(super) fn publish(set: &Set, prefix: &Path, new: &Path) -> Result<()> {
    let place = prefix.join(set.name);
    paths::remove_file(&stamp(set, prefix))?;
    unlink(&place, prefix)?;
    paths::replace_dir(new, &place)?;
    for tool in set.tools.iter().filter(|tool| !tool.proof.is_empty()) {
        println!("  {}", prove(tool, &place)?);
    }
    link(&place, prefix)?;
    paths::write(&stamp(set, prefix), recipe(set, prefix).as_bytes())
}

/// Runs a tool from its place; gives what it says about itself.
fn prove(tool: &Tool, place: &Path) -> Result<String> {
    let (program, args) = tool.proof.split_first().ok_or_else(|| Error::new("a tool without proof"))?;
    let said = process::capture(Command::new(place.join("bin").join(program)).args(args))?;
    match [tool.release, tool.feature].into_iter().find(|text| !said.contains(text)) {
        None => Ok(format!("{}: {}", tool.name, said.lines().next().unwrap_or_default().trim())),
        Some(text) => Err(Error::new(format!(
            "{} is not what the tests are made for: `{text}` is expected in `{}`",
            tool.name,
            said.trim()
        ))),
    }
}

/// Says in plain words that a suite has moved on.
fn check_binding(binding: &Binding, suite: &str, version: Option<&str>) -> Result<()> {
    let Binding { package, release, user, .. } = binding;
    let now = match version {
        Some(version) if version.starts_with(release) => return Ok(()),
        Some(version) => format!("now has {version}"),
        None => "has none".to_owned(),
    };
    Err(Error::new(format!(
        "{user} binds {package} {release}, but Debian {suite} {now}. The crate and the library must be of one \
         release: move `{user}` to the release that the suite has, and `binds` in crates/lab/src/table.rs with it"
    )))
}

fn take_programs(root: &Root, debian: &Debian, bin: &Path, place: &Path) -> Result<()> {
    fs::create_dir_all(bin).at(bin)?;
    for (program, name) in debian.programs {
        let taken = bin.join(name);
        fs::rename(root.program(program)?, &taken).at(&taken)?;
        root.patch_program(&taken, place)?;
    }
    Ok(())
}

/// Header and library of WasmEdge in a folder of their own: a linker that looked into the root would take its libc.
fn copy_wasmedge(root: &Root, new: &Path) -> Result<()> {
    let header = new.join("root/usr/include/wasmedge");
    if !header.is_dir() {
        return Ok(());
    }
    let libraries = root.libraries(&new.join("root"));
    copy_files(&header, &new.join("wasmedge/include/wasmedge"), "")?;
    copy_files(&libraries, &new.join("wasmedge/lib"), "libwasmedge.so")
}

/// Copies the files of a folder whose names begin like this; links stay links.
fn copy_files(from: &Path, to: &Path, start: &str) -> Result<()> {
    fs::create_dir_all(to).at(to)?;
    for entry in
        fs::read_dir(from).at(from)?.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(start))
    {
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        match fs::read_link(&source) {
            Ok(target) => symlink(target, &copy).at(&copy)?,
            Err(_) => fs::copy(&source, &copy).map(drop).at(&copy)?,
        }
    }
    Ok(())
}

/// What a set shows to the outside, each with its name in the prefix.
fn shown(place: &Path, prefix: &Path) -> Vec<(PathBuf, PathBuf)> {
    let programs = fs::read_dir(place.join("bin")).into_iter().flatten().flatten();
    let programs = programs.map(|program| (program.path(), prefix.join("bin").join(program.file_name())));
    let wasmedge = (place.join("wasmedge"), prefix.join("wasmedge"));
    programs.chain([wasmedge].into_iter().filter(|(dir, _)| dir.is_dir())).collect()
}

fn link(place: &Path, prefix: &Path) -> Result<()> {
    let bin = prefix.join("bin");
    fs::create_dir_all(&bin).at(&bin)?;
    for (target, name) in shown(place, prefix) {
        paths::remove_file(&name)?;
        symlink(target, &name).at(&name)?;
    }
    Ok(())
}

fn unlink(place: &Path, prefix: &Path) -> Result<()> {
    shown(place, prefix).iter().try_for_each(|(_, name)| paths::remove_file(name))
}

fn stamp(set: &Set, prefix: &Path) -> PathBuf {
    prefix.join(format!("{}.stamp", set.name))
}

/// All that makes a set what it is; programs hold absolute paths, so the place is part of it.
fn recipe(set: &Set, prefix: &Path) -> String {
    format!("recipe {RECIPE}\n{}\n{set:#?}\n", prefix.display())
}

/// What to install where apt cannot get it.
fn by_hand(set: &Set, error: &Error) -> Error {
    let tools = set.tools.iter().map(|tool| format!("{} {} {}", tool.name, tool.release, tool.feature));
    let tools: Vec<_> = tools.map(|tool| tool.trim_end().to_owned()).collect();
    Error::new(format!("{error}\ninstall these yourself and put them on PATH: {}", tools.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_suite_that_moved_on_is_told_with_the_crate() {
        let binding = lab::SETS.iter().find_map(|set| match &set.source {
            lab::Source::Debian(debian) => debian.binds.as_ref(),
            _ => None,
        });
        let binding = binding.unwrap();
        assert!(check_binding(binding, "forky", Some("0.17.1-1+b1")).is_ok());
        let error = check_binding(binding, "forky", Some("0.18.0-1")).unwrap_err().to_string();
        assert!(error.starts_with(
            "wasmedge-sdk 0.17.1 binds libwasmedge0 0.17.1, but Debian forky now has 0.18.0-1."
        ));
        let error = check_binding(binding, "forky", None).unwrap_err().to_string();
        assert!(error.contains("but Debian forky has none."));
    }

    /// A folder with scripts in the place of a set's programs, which say this.
    fn scripts(set: &Set, dir: &Path, say: impl Fn(&Tool) -> String) {
        paths::fresh_dir(&dir.join("bin")).unwrap();
        for tool in set.tools {
            let program = dir.join("bin").join(tool.name);
            fs::write(&program, format!("#!/bin/sh\necho '{}'\n", say(tool))).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn a_set_is_visible_when_its_tools_have_proved_themselves() {
        let set = lab::tool("crun").unwrap().0;
        let prefix = std::env::temp_dir().join(format!("xtask-set-{}", std::process::id()));
        let (new, crun) = (prefix.join("new"), prefix.join("bin/crun"));

        scripts(set, &new, |tool| format!("{} {}", tool.release, tool.feature));
        publish(set, &prefix, &new).unwrap();
        assert!(is_complete(set, &prefix) && crun.is_file());

        scripts(set, &new, |tool| tool.release.to_owned());
        let error = publish(set, &prefix, &new).unwrap_err().to_string();
        assert!(
            error.starts_with("crun is not what the tests are made for: `+WASM:wasmedge` is expected"),
            "{error}"
        );
        assert!(!is_complete(set, &prefix) && !crun.exists());
        fs::remove_dir_all(&prefix).unwrap();
    }

    #[test]
    fn nothing_is_complete_in_an_empty_prefix() {
        for set in lab::SETS {
            assert!(!is_complete(set, Path::new("/nonexistent")));
        }
    }
}
