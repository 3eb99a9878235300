//! Sets that cargo compiles.

use std::path::Path;
use std::process::Command;

use lab::Set;

use crate::error::{Error, Result};
use crate::{paths, process};

/// Gets a set by `cargo install`; an interrupted run goes on where it stopped.
pub(super) fn install(set: &Set, install: &[&str], system: &[&str], prefix: &Path) -> Result<()> {
    let missing: Vec<_> = system.iter().copied().filter(|package| !is_installed(package)).collect();
    if !missing.is_empty() {
        return Err(Error::new(format!("install these on the system first: {}", missing.join(" "))));
    }
    let work = prefix.join("work").join(set.name);
    let new = prefix.join(format!("{}.new", set.name));
    paths::fresh_dir(&new)?;
    let mut cargo = process::cargo();
    process::run(cargo.arg("install").args(install).arg("--root").arg(&new).arg("--target-dir").arg(&work))?;
    super::set::publish(set, prefix, &new)?;
    paths::remove_dir(&work)
}

/// Whether Debian's package manager has a package; true where there is none to ask.
fn is_installed(package: &str) -> bool {
    process::on_path("dpkg-query").is_none()
        || process::capture(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]))
            .is_ok_and(|status| status == "installed")
}
