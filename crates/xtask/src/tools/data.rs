//! Sets of data: folders out of Debian packages.

use std::fs;
use std::path::Path;
use std::process::Command;

use lab::{Folder, Set};

use crate::apt::Apt;
use crate::error::{At as _, Error, Result};
use crate::{paths, process};

/// Gets a set's folders, each out of its package alone.
pub(super) fn install(set: &Set, suite: &'static str, folders: &[Folder], prefix: &Path) -> Result<()> {
    let work = prefix.join("work").join(set.name);
    let apt = Apt::open(&work, suite).map_err(|error| by_hand(folders, prefix, set, &error))?;
    for (folder, tool) in folders.iter().zip(set.tools) {
        let version = apt.version(folder.package);
        check_release(folder.package, tool.release, suite, version.as_deref())?;
        println!("  {}: {} {}", tool.name, folder.package, version.unwrap_or_default());
    }
    let packages: Vec<_> = folders.iter().map(|folder| folder.package.to_owned()).collect();
    let (root, new) = (work.join("root"), prefix.join(format!("{}.new", set.name)));
    paths::fresh_dir(&root)?;
    paths::fresh_dir(&new)?;
    for package in apt.fetch(&packages)? {
        process::capture(Command::new("dpkg-deb").arg("-x").args([package.as_path(), &root]))?;
    }
    for (folder, tool) in folders.iter().zip(set.tools) {
        let taken = root.join(folder.path);
        fs::rename(&taken, new.join(tool.name)).at(&taken)?;
    }
    super::set::publish(set, prefix, &new)?;
    paths::remove_dir(&work)
}

/// Says in plain words that a suite has moved on.
fn check_release(package: &str, release: &str, suite: &str, version: Option<&str>) -> Result<()> {
    match version {
        Some(version) if version.starts_with(release) => Ok(()),
        Some(version) => Err(Error::new(format!(
            "the tests read {package} {release}, but Debian {suite} has {version}: move them and \
             crates/lab/src/table.rs to it"
        ))),
        None => Err(Error::new(format!("Debian {suite} has no package {package}"))),
    }
}

/// What to do where apt cannot get it.
fn by_hand(folders: &[Folder], prefix: &Path, set: &Set, error: &Error) -> Error {
    let places = folders.iter().zip(set.tools).map(|(folder, tool)| {
        format!("{} of the package {} as {}", folder.path, folder.package, tool.path_in(prefix).display())
    });
    Error::new(format!("{error}\nput these there yourself: {}", places.collect::<Vec<_>>().join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_moved_on_is_told() {
        let check = |version| check_release("spec-dev", "1.1.0", "trixie", version);
        assert!(check(Some("1.1.0-2")).is_ok());
        let error = check(Some("1.2.0-1")).unwrap_err().to_string();
        assert!(error.starts_with("the tests read spec-dev 1.1.0, but Debian trixie has 1.2.0-1"), "{error}");
        assert_eq!(check(None).unwrap_err().to_string(), "Debian trixie has no package spec-dev");
    }

    #[test]
    fn without_apt_the_places_are_named() {
        let set = lab::tool("image-spec").unwrap().0;
        let lab::Source::Data { folders, .. } = &set.source else { panic!("no data") };
        let error = by_hand(folders, Path::new("/lab"), set, &Error::new("no apt")).to_string();
        assert!(error.starts_with("no apt\nput these there yourself: usr/share/"), "{error}");
        assert!(error.ends_with(
            " of the package golang-github-opencontainers-specs-dev as /lab/schemas/runtime-spec"
        ));
    }
}
