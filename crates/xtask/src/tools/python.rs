//! Sets that pip gets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use lab::Set;

use crate::error::{At as _, Error, Result};
use crate::{paths, process};

/// Gets a package and what it depends on into the set's folder, and a program that runs it from there.
pub(super) fn install(set: &Set, package: &str, module: &str, prefix: &Path) -> Result<()> {
    let new = prefix.join(format!("{}.new", set.name));
    paths::fresh_dir(&new)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]);
    process::capture(pip.args(["--no-compile", "--target"]).arg(new.join("python")).arg(package)).map_err(
        |error| Error::new(format!("{error}\npython3 with pip is needed: `apt-get install python3-pip`")),
    )?;
    let place = prefix.join(set.name).join("python");
    fs::create_dir_all(new.join("bin")).at(&new)?;
    for tool in set.tools {
        let program = new.join("bin").join(tool.name);
        let script = format!("#!/bin/sh\nPYTHONPATH='{}' exec python3 -m {module} \"$@\"\n", place.display());
        paths::write(&program, script.as_bytes())?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).at(&program)?;
    }
    super::set::publish(set, prefix, &new)
}
