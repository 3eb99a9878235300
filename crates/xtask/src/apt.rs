//! apt with a state of its own: it downloads from another suite, needs no root and sees nothing of the system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{At as _, Error, Result};
use crate::{mirror, paths, process};

/// The keys that sign Debian's suites; apt takes its own keyring where this file is not.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Settings of this machine that say how to reach a mirror; all others stay out, hooks above all.
const KEPT_SETTINGS: &[&str] = &["Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::ForceIPv"];

/// A suite, with an own state in a folder.
#[derive(Debug)]
pub(crate) struct Apt {
    dir: PathBuf,
    suite: &'static str,
}

impl Apt {
    /// Reads the list of packages of the suite; `dir` keeps the downloads of a run that was interrupted.
    pub(crate) fn open(dir: &Path, suite: &'static str) -> Result<Self> {
        for tool in ["apt-get", "apt-cache", "dpkg-deb"] {
            if process::on_path(tool).is_none() {
                return Err(Error::new(format!("{tool} is not here: this is not a Debian machine")));
            }
        }
        let apt = Self { dir: dir.to_path_buf(), suite };
        for folder in ["lists/partial", "cache/archives/partial"] {
            let folder = dir.join(folder);
            fs::create_dir_all(&folder).at(&folder)?;
        }
        paths::write(&dir.join("status"), b"")?;
        paths::write(&dir.join("sources"), source(&mirror::find()?, suite).as_bytes())?;
        let kept = process::capture(Command::new("apt-config").arg("dump")).unwrap_or_default();
        paths::write(&apt.configuration(), configure(dir, &kept).as_bytes())?;
        process::capture(apt.command("apt-get").args(["-qq", "update"]))?;
        process::capture(apt.command("apt-get").args(["-qq", "autoclean"]))?; // what an older run left
        Ok(apt)
    }

    /// Version of a package, if the suite has it.
    pub(crate) fn version(&self, package: &str) -> Option<String> {
        let text =
            process::capture(self.command("apt-cache").args(["show", "--no-all-versions", package])).ok()?;
        text.lines().find_map(|line| line.strip_prefix("Version: ")).map(str::to_owned)
    }

    /// Downloads packages and all that they depend on.
    pub(crate) fn fetch_all(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let options = ["-qq", "-y", "--no-install-recommends", "--download-only", "install"];
        process::capture(self.command("apt-get").args(options).args(packages))?;
        debs(&self.archives())
    }

    /// Downloads these packages alone.
    pub(crate) fn fetch(&self, packages: &[String]) -> Result<Vec<PathBuf>> {
        let archives = self.archives();
        process::capture(
            self.command("apt-get").args(["-qq", "download"]).args(packages).current_dir(&archives),
        )?;
        debs(&archives)
    }

    /// Names of all packages that a package depends on, however far.
    pub(crate) fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let hidden = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
        let text = process::capture(
            self.command("apt-cache")
                .args(["depends", "--recurse"])
                .args(hidden.map(|kind| format!("--no-{kind}")))
                .arg(package),
        )?;
        Ok(text.lines().filter(|line| !line.starts_with([' ', '<', '|'])).map(str::to_owned).collect())
    }

    /// The suite's code name.
    pub(crate) fn suite(&self) -> &'static str {
        self.suite
    }

    fn archives(&self) -> PathBuf {
        self.dir.join("cache/archives")
    }

    fn configuration(&self) -> PathBuf {
        self.dir.join("apt.conf")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("APT_CONFIG", self.configuration())
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

fn source(mirror: &str, suite: &str) -> String {
    let signed = if Path::new(KEYRING).is_file() { format!("[signed-by={KEYRING}] ") } else { String::new() };
    format!("deb {signed}{mirror} {suite} main\n")
}

/// Every place that apt writes to is in `dir`, and nothing is taken for installed.
fn configure(dir: &Path, settings: &str) -> String {
    let dir = dir.display();
    let mut text = format!(
        r#"Dir::Etc::Parts "/dev/null";
Dir::Etc::Main "/dev/null";
Dir::Etc::SourceList "{dir}/sources";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "{dir}";
Dir::State::Lists "{dir}/lists";
Dir::State::Status "{dir}/status";
Dir::Cache "{dir}/cache";
Dir::Log "{dir}";
APT::Sandbox::User "";
Debug::NoLocking "1";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
"#
    );
    for setting in settings.lines().filter(|line| KEPT_SETTINGS.iter().any(|kept| line.starts_with(kept))) {
        text.push_str(setting);
        text.push('\n');
    }
    text
}

/// The packages in a folder.
fn debs(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).at(dir)?;
    let mut debs: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "deb"))
        .collect();
    debs.sort();
    if debs.is_empty() {
        return Err(Error::new(format!("{}: apt downloaded nothing", dir.display())));
    }
    Ok(debs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_the_mirror_are_kept_and_hooks_are_not() {
        let settings =
            "Acquire::http::Proxy \"p\";\nAPT::Update::Post-Invoke:: \"rm\";\nAcquire::Languages:: \"de\";\n";
        let text = configure(Path::new("/d"), settings);
        assert!(text.contains("Dir::Cache \"/d/cache\";"));
        assert!(text.ends_with("Acquire::http::Proxy \"p\";\n"), "{text}");
        assert!(!text.contains("Post-Invoke"));
    }
}
