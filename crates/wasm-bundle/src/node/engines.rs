//! CRI-O and podman, which have a table of runtimes of their own.

use toml_edit::Value;

use super::{Program, Runtime};
use crate::{Error, Result};

/// Writes a drop-in for CRI-O: `/etc/crio/crio.conf.d/50-wasm.conf`, read after `systemctl restart crio`.
///
/// CRI-O passes all annotations of a pod on. Where the runtime is crun, images of the platform `wasi/wasm` and
/// `wasi/wasm32` get the program `crun-wasm` beside it, which takes everything for WebAssembly: then no annotation is
/// needed, and `run.oci.handler` may not be there (CRI-O `docs/crio.conf.5.md`, crun `src/crun.c`).
///
/// # Errors
///
/// [`Error::Value`] for a shim: CRI-O has no containerd shims.
pub fn crio(runtimes: &[Runtime]) -> Result<String> {
    let mut text = String::new();
    for runtime in runtimes {
        let path = oci(runtime, "is a containerd shim, which CRI-O does not start")?;
        let name = runtime.name();
        text.push_str(&format!("[crio.runtime.runtimes.{name}]\nruntime_path = {}\n", quoted(path)));
        text.push_str("runtime_type = \"oci\"\n");
        if path == "crun" || path.ends_with("/crun") {
            let wasm = quoted(&format!("{path}-wasm"));
            text.push_str(&format!(
                "platform_runtime_paths = {{ \"wasi/wasm\" = {wasm}, \"wasi/wasm32\" = {wasm} }}\n"
            ));
        }
        text.push('\n');
    }
    Ok(trimmed(text))
}

/// Writes a drop-in for podman: `/etc/containers/containers.conf.d/50-wasm.conf`.
///
/// `podman run --platform wasi/wasm` then takes the first of the runtimes; podman's own default is a `crun-wasm`, which
/// many systems do not have. `--runtime NAME` chooses any of them (containers/common `containers.conf.5.md`).
///
/// # Errors
///
/// [`Error::Value`] for a shim: podman has no containerd shims.
pub fn podman(runtimes: &[Runtime]) -> Result<String> {
    let mut text = String::new();
    if let Some(first) = runtimes.first() {
        text.push_str("[engine.platform_to_oci_runtime]\n");
        for platform in ["wasi/wasm", "wasi/wasm32", "wasi/wasm64"] {
            text.push_str(&format!("\"{platform}\" = \"{}\"\n", first.name()));
        }
        text.push_str("\n[engine.runtimes]\n");
    }
    for runtime in runtimes {
        let path = oci(runtime, "is a containerd shim, which podman does not start")?;
        text.push_str(&format!("{} = [{}]\n", runtime.name(), quoted(path)));
    }
    Ok(text)
}

fn oci<'a>(runtime: &'a Runtime, why: &'static str) -> Result<&'a str> {
    match runtime.program() {
        Program::Oci(path) => Ok(path),
        Program::Shim(_) => Err(Error::value("runtime", runtime.name(), why)),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn trimmed(mut text: String) -> String {
    if text.ends_with("\n\n") {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtimes() -> Vec<Runtime> {
        ["crun", "mine=/opt/a\"b"].map(|text| text.parse().unwrap()).into()
    }

    #[test]
    fn documents_are_as_the_engines_want_them() {
        insta::assert_snapshot!(crio(&runtimes()).unwrap());
        insta::assert_snapshot!(podman(&runtimes()).unwrap());
        for text in [crio(&runtimes()).unwrap(), podman(&runtimes()).unwrap()] {
            text.parse::<toml_edit::DocumentMut>().unwrap();
        }
    }

    #[test]
    fn shims_are_containerds_alone() {
        let shim = ["wasmtime".parse().unwrap()];
        let message = "runtime \"wasmtime\" is a containerd shim, which CRI-O does not start";
        assert_eq!(crio(&shim).unwrap_err().to_string(), message);
        assert!(matches!(podman(&shim), Err(Error::Value { .. })));
    }
}
