use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use wasm_bundle::select::Crun;

/// A container runtime of this machine that can run WebAssembly.
#[derive(Debug)]
pub(crate) struct Runtime {
    /// `crun` or `youki`.
    pub(crate) name: &'static str,
    /// How it is known that it can.
    pub(crate) evidence: String,
}

impl Runtime {
    /// Looks through `PATH` for a crun or youki with a Wasm engine; crun is asked first.
    pub(crate) fn find() -> Option<Self> {
        crun().or_else(youki)
    }
}

/// crun tells what it was built with: `+WASM:wasmedge` in its version.
fn crun() -> Option<Runtime> {
    let text = crun_version()?;
    let feature = text.split_whitespace().find(|word| word.starts_with("+WASM:"))?;
    let version = text.lines().next().unwrap_or("crun");
    Some(Runtime { name: "crun", evidence: format!("{version} has {feature}") })
}

/// The build of the crun on `PATH`.
pub(crate) fn crun_build() -> Option<Crun> {
    Crun::from_version(&crun_version()?)
}

fn crun_version() -> Option<String> {
    let output = Command::new(program("crun")?).arg("--version").stdin(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// youki does not tell. The annotation's name is in its program only when one of the Wasm features was on: the code that
/// reads it is theirs.
fn youki() -> Option<Runtime> {
    youki_has_wasm(&program("youki")?)
        .then(|| Runtime { name: "youki", evidence: "youki was built with a Wasm feature".to_owned() })
}

/// Whether a youki was built with one of its Wasm features.
pub(crate) fn youki_has_wasm(program: &Path) -> bool {
    const ANNOTATION: &[u8] = b"module.wasm.image/variant";
    let program = fs::read(program).unwrap_or_default();
    program.windows(ANNOTATION.len()).any(|window| window == ANNOTATION)
}

/// Finds a program as a shell does.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(name)).find(|program| is_executable(program))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
