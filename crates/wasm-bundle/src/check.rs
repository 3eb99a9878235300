//! Which values may stand in a runtime configuration.

use std::path::{Component, Path};

use crate::{Error, Handler, Network, Result, Workload};

impl Workload {
    /// Checks every value: what passes can be written as a specification and is what the reading of one gives.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(program) = self.args.first() else {
            return Err(Error::NothingToRun { whose: "the workload" });
        };
        if program.is_empty() {
            return Err(Error::value("the program", program, "is empty"));
        }
        self.args.iter().try_for_each(|arg| no_nul("argument", arg))?;
        self.env.iter().try_for_each(|variable| env(variable))?;
        cwd(&self.cwd)?;
        self.hostname.iter().try_for_each(|name| hostname(name))?;
        for mount in &self.mounts {
            absolute("mount source", &mount.source)?;
            destination(&mount.destination)?;
        }
        if let Network::Path(path) = &self.network {
            absolute("network namespace", path)?;
        }
        self.resources.check()?;
        if let Some(namespace) = &self.user_namespace {
            namespace.check(self.uid, self.gid)?;
        }
        self.annotations.iter().try_for_each(|(name, value)| annotation(name, value))
    }
}

/// Whether runtimes mount there themselves, so that the user's mount would hide it or be hidden.
pub(crate) fn is_runtimes(destination: &Path) -> bool {
    // Where this leads the runtime finds out; for us it is a mount like any other, and refused.
    if destination.components().any(|part| part == Component::ParentDir) {
        return false;
    }
    let mut parts = destination.components().filter(|part| matches!(part, Component::Normal(_)));
    match parts.next().and_then(|part| part.as_os_str().to_str()) {
        None | Some("proc" | "sys") => true,
        Some("dev") => parts.next().is_none(),
        Some(_) => false,
    }
}

/// The path as text, which [`Workload::check`] has made sure of.
pub(crate) fn text(field: &'static str, path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| Error::value(field, &path.to_string_lossy(), "is not UTF-8"))?;
    no_nul(field, text).map(|()| text.to_owned())
}

fn no_nul(field: &'static str, text: &str) -> Result<()> {
    // Runtimes written in C would see the text end there.
    if text.contains('\0') { Err(Error::value(field, text, "has a NUL in it")) } else { Ok(()) }
}

fn env(variable: &str) -> Result<()> {
    no_nul("environment variable", variable)?;
    match variable.split_once('=') {
        Some(("", _)) | None => {
            Err(Error::value("environment variable", variable, "is not of the form NAME=VALUE"))
        }
        Some(_) => Ok(()),
    }
}

/// `/proc` as working directory is how runc was escaped (CVE-2024-21626).
fn cwd(path: &Path) -> Result<()> {
    absolute("cwd", path)?;
    if path.starts_with("/proc") {
        return Err(Error::value("cwd", &path.to_string_lossy(), "is in /proc"));
    }
    Ok(())
}

fn hostname(name: &str) -> Result<()> {
    /// What Linux takes.
    const BYTES: usize = 64;
    no_nul("hostname", name)?;
    match name.len() {
        0 => Err(Error::value("hostname", name, "is empty")),
        1..=BYTES => Ok(()),
        _ => Err(Error::value("hostname", name, "has more than 64 bytes")),
    }
}

fn destination(path: &Path) -> Result<()> {
    absolute("mount destination", path)?;
    if is_runtimes(path) {
        return Err(Error::value("mount destination", &path.to_string_lossy(), "belongs to the runtime"));
    }
    Ok(())
}

fn absolute(field: &'static str, path: &Path) -> Result<()> {
    let text = text(field, path)?;
    if !path.is_absolute() {
        return Err(Error::value(field, &text, "is not absolute"));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(Error::value(field, &text, "has `..` in it"));
    }
    Ok(())
}

fn annotation(name: &str, value: &str) -> Result<()> {
    no_nul("annotation", name)?;
    no_nul("annotation", value)?;
    if name.is_empty() {
        return Err(Error::value("annotation", name, "is empty"));
    }
    if Handler::owns(name) {
        return Err(Error::value("annotation", name, "is set by the handler"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use super::*;
    use crate::Mount;

    fn app() -> Workload {
        Workload::new(["/app.wasm"])
    }

    fn refused(workload: &Workload) -> String {
        workload.check().unwrap_err().to_string()
    }

    #[test]
    fn values_that_runtimes_would_not_take() {
        let cases = [
            (Workload::default(), "the workload names nothing to run"),
            (Workload::new([""]), r#"the program "" is empty"#),
            (Workload::new(["/a\0b"]), r#"argument "/a\0b" has a NUL in it"#),
            (app().env("A"), r#"environment variable "A" is not of the form NAME=VALUE"#),
            (app().env("=B"), r#"environment variable "=B" is not of the form NAME=VALUE"#),
            (app().env("A=\0"), r#"environment variable "A=\0" has a NUL in it"#),
            (app().cwd("a"), r#"cwd "a" is not absolute"#),
            (app().cwd(""), r#"cwd "" is not absolute"#),
            (app().cwd("/a/../b"), r#"cwd "/a/../b" has `..` in it"#),
            (app().cwd("/proc/self/fd/7"), r#"cwd "/proc/self/fd/7" is in /proc"#),
            (app().cwd("//proc"), r#"cwd "//proc" is in /proc"#),
            (app().hostname(""), r#"hostname "" is empty"#),
            (app().network(Network::Path("net".into())), r#"network namespace "net" is not absolute"#),
            (app().annotation("", "b"), r#"annotation "" is empty"#),
            (
                app().annotation("run.oci.handler", "krun"),
                r#"annotation "run.oci.handler" is set by the handler"#,
            ),
            (app().mount(Mount::new("data", "/data")), r#"mount source "data" is not absolute"#),
        ];
        for (workload, message) in cases {
            assert_eq!(refused(&workload), message);
        }
        assert!(refused(&app().hostname("h".repeat(65))).ends_with("has more than 64 bytes"));
    }

    #[test]
    fn the_runtimes_mounts_are_not_hidden() {
        for destination in ["/", "/proc", "/proc/self", "/sys/fs", "/dev", "//dev/", "/./proc"] {
            let message = refused(&app().mount(Mount::new("/data", destination)));
            assert!(message.ends_with("belongs to the runtime"), "{message}");
        }
        for destination in ["/data", "/dev/shm", "/processes", "/etc/hosts"] {
            app().mount(Mount::new("/data", destination)).check().unwrap();
        }
    }

    #[test]
    fn paths_must_be_text() {
        let path = Path::new(OsStr::from_bytes(b"/\xff"));
        assert!(refused(&app().cwd(path)).ends_with("is not UTF-8"));
        assert!(refused(&app().mount(Mount::new(path, "/data"))).ends_with("is not UTF-8"));
    }
}
