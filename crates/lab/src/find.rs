//! Where the tools are.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::table::{Need, Tool, tool};
use crate::{require, skip};

/// Folder that `cargo xtask lab` fills: `${XDG_CACHE_HOME:-~/.cache}/wasmctr/lab`.
#[must_use]
pub fn prefix() -> PathBuf {
    cache().join("lab")
}

/// Folder of everything that the project downloads: `${XDG_CACHE_HOME:-~/.cache}/wasmctr`.
#[must_use]
pub fn cache() -> PathBuf {
    let home = |name, rest: &str| {
        env::var_os(name).filter(|dir| !dir.is_empty()).map(|dir| Path::new(&dir).join(rest))
    };
    home("XDG_CACHE_HOME", "")
        .or_else(|| home("HOME", ".cache"))
        .unwrap_or_else(|| env::temp_dir().join("cache"))
        .join("wasmctr")
}

/// Path of a tool of the table: the lab's own copy, else one on `PATH` that can do what the tests need.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let (_, tool) = tool(name)?;
    Some(tool.path_in(&prefix())).filter(|path| tool.is_at(path)).or_else(|| on_path(tool))
}

/// [`find`], or `None` when the test `test` must be skipped, which is then recorded: [`need!`](crate::need!).
///
/// # Panics
///
/// When the tool is required, absent, and `CI` is set.
#[must_use]
pub fn need(name: &str, test: &str) -> Option<PathBuf> {
    let found = find(name);
    match tool(name) {
        Some((set, _)) if found.is_none() && set.need == Need::Optional => {
            skip(test, &format!("{name} is not here (`cargo xtask lab --with {}` gets it)", set.name));
            None
        }
        _ => require(found, name, "cargo xtask lab", test),
    }
}

/// `Some(())` when this process runs as root: [`need_root!`](crate::need_root!).
#[must_use]
pub fn root() -> Option<()> {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0).then_some(())
}

impl Tool {
    /// Its place in the lab under `prefix`.
    #[must_use]
    pub fn path_in(&self, prefix: &Path) -> PathBuf {
        match self.file {
            Some(file) => prefix.join(file),
            None => prefix.join("bin").join(self.name),
        }
    }

    /// Whether this is a file, or a folder when the tool is a folder of data.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path)
            .is_ok_and(|entry| if self.proof.is_empty() { entry.is_dir() } else { entry.is_file() })
    }
}

/// A copy on `PATH` that reports the feature which the tests need.
fn on_path(tool: &Tool) -> Option<PathBuf> {
    if tool.file.is_some() {
        return None;
    }
    let path: OsString = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(tool.name))
        .find(|program| is_program(program) && reports(program, &tool.proof[1..], tool.feature))
}

/// Whether the program says this text when it is asked for its version.
fn reports(program: &Path, args: &[&str], text: &str) -> bool {
    text.is_empty()
        || Command::new(program)
            .args(args)
            .output()
            .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(text))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_in_the_cache() {
        assert!(prefix().ends_with("wasmctr/lab"));
    }

    #[test]
    fn a_tool_without_the_feature_is_no_tool() {
        let shell =
            Tool { name: "sh", file: None, proof: &["sh", "-c", "echo +A"], release: "", feature: "+A" };
        assert!(on_path(&shell).is_some());
        assert!(on_path(&Tool { feature: "+B", ..shell }).is_none());
    }

    #[test]
    fn unknown_tools_are_not_found() {
        assert_eq!(find("sh"), None);
    }
}
