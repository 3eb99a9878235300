//! The table: what runtimes make of configurations. `select` gives these answers, the real runtimes do (see `real`), and
//! the book shows them.

use serde_json::json;
use wasm_bundle::{
    oci_spec::runtime::Spec,
    select::{Engine, Found, Program, Selection, Why},
};

/// A configuration with one file in its root file system, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    /// The runtime, or the name that crun is called by.
    pub(super) runtime: &'static str,
    /// Annotations as `NAME=VALUE`, with the short names below.
    pub(super) annotations: &'static [&'static str],
    /// The first of `process.args`.
    pub(super) program: &'static str,
    /// `process.cwd`.
    pub(super) cwd: &'static str,
    /// Path and kind of the file.
    pub(super) file: (&'static str, File),
    pub(super) selection: Selection,
    /// The rule that decides.
    pub(super) rule: &'static str,
    /// What the real runtime says, in part; nothing when it runs the program.
    pub(super) says: &'static str,
}

/// What the file is. All but [`Module0644`](File::Module0644) have the permissions 0755.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Module,
    Module0644,
    Component,
    Text,
    Elf,
    Script,
    Garbage,
}

impl File {
    pub(super) fn program(self) -> Option<Program> {
        Some(match self {
            Self::Module | Self::Module0644 => Program::Module,
            Self::Component => Program::Component,
            Self::Text => Program::Text,
            Self::Elf => Program::Elf,
            Self::Script => Program::Script,
            Self::Garbage => Program::Other,
        })
    }

    pub(super) fn mode(self) -> u32 {
        if self == Self::Module0644 { 0o644 } else { 0o755 }
    }

    /// As the book names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Module => "module, executable",
            Self::Module0644 => "module",
            Self::Component => "component",
            Self::Text => "text format",
            Self::Elf => "Linux program",
            Self::Script => "script",
            Self::Garbage => "something else",
        }
    }
}

impl Case {
    pub(super) fn spec(&self) -> Spec {
        let annotations: serde_json::Map<_, _> =
            self.annotations.iter().map(|text| annotation(text)).collect();
        let document = json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": 0, "gid": 0 }, "args": [self.program], "env": ["PATH=/bin"], "cwd": self.cwd,
            },
            "root": { "path": "rootfs" },
            "mounts": [
                { "destination": "/proc", "type": "proc", "source": "proc" },
                { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755", "size=64k"] },
            ],
            "annotations": annotations,
            "linux": {
                "namespaces": [
                    { "type": "pid" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" }, { "type": "network" },
                ],
            },
        });
        serde_json::from_value(document).unwrap()
    }

    /// What is at a path: the file, or nothing.
    pub(super) fn look(&self, path: &str) -> Found {
        let parts = |path: &'static str| path.split('/').filter(|part| !part.is_empty());
        let mut here: Vec<&str> = vec![];
        for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
            if part == ".." { here.pop().map_or((), |_| ()) } else { here.push(part) }
        }
        match self.file.1.program() {
            Some(program) if parts(self.file.0).eq(here) => Found::File { mode: self.file.1.mode(), program },
            _ => Found::Missing,
        }
    }
}

/// Name and value of an annotation, whose short names are `handler`, `variant` and `type`.
pub(super) fn annotation(text: &str) -> (String, serde_json::Value) {
    let (name, value) = text.split_once('=').unwrap();
    let name = match name {
        "handler" => "run.oci.handler",
        "variant" => "module.wasm.image/variant",
        "type" => "io.kubernetes.cri.container-type",
        other => other,
    };
    (name.to_owned(), value.into())
}

const WASM: Selection = Selection::Wasm(Engine::WasmEdge);
const NATIVE: Selection = Selection::Native;

const fn refused(why: Why) -> Selection {
    Selection::Refused(why)
}

/// A case with the file where the program's name says it is, and the working directory `/`.
const fn case(
    runtime: &'static str,
    annotations: &'static [&'static str],
    program: &'static str,
    file: File,
    selection: Selection,
    rule: &'static str,
    says: &'static str,
) -> Case {
    Case { runtime, annotations, program, cwd: "/", file: (program, file), selection, rule, says }
}

impl Case {
    const fn at(self, cwd: &'static str, path: &'static str) -> Self {
        Self { cwd, file: (path, self.file.1), ..self }
    }
}

const FORMAT: &str = "Exec format error";
const EXEC_BIT: &str = "not executable";
const ENGINE: &str = "could not get wasmedge result from VM";
const GONE: &str = "No such file or directory";

/// crun 1.21 with WasmEdge.
#[rustfmt::skip]
pub(super) const CRUN: &[Case] = &[
    case("crun", &["variant=compat"], "/app.wasm", File::Module0644, WASM, "crun-compat", ""),
    case("crun", &["variant=compat"], "/app", File::Module, WASM, "crun-compat", ""),
    case("crun", &["variant=compat"], "app.wasm", File::Module, WASM, "crun-compat", ""),
    case("crun", &["variant=compat"], "./app.wasm", File::Module, WASM, "crun-compat", "").at("/", "/app.wasm"),
    case("crun", &["variant=compat"], "/d/../app.wasm", File::Module, WASM, "crun-compat", "").at("/", "/app.wasm"),
    case("crun", &["variant=compat"], "app.wasm", File::Module, WASM, "crun-compat", "").at("/sub", "/sub/app.wasm"),
    case("crun", &["variant=compat"], "app.wasm", File::Module, refused(Why::Missing), "crun-open", ENGINE).at("/sub", "/app.wasm"),
    case("crun", &["variant=compat"], "/app.wasm", File::Module, WASM, "crun-compat", "").at("/sub", "/app.wasm"),
    case("crun", &["variant=compat"], "/app.wasm", File::Module, refused(Why::Missing), "crun-open", ENGINE).at("/", "/other.wasm"),
    case("crun", &["variant=compat"], "/app.wasm", File::Component, refused(Why::Component), "crun-component", ENGINE),
    case("crun", &["variant=compat"], "/app.wat", File::Text, refused(Why::NotWasm), "crun-open", ENGINE),
    case("crun", &["variant=compat"], "/app.wasm", File::Garbage, refused(Why::NotWasm), "crun-open", ENGINE),
    case("crun", &["variant=compat"], "/pause", File::Elf, refused(Why::NotWasm), "crun-open", ENGINE),
    case("crun", &["variant=compat"], "/sidecar.sh", File::Script, refused(Why::NotWasm), "crun-open", ENGINE),
    case("crun", &["variant=compat-smart"], "/app.wasm", File::Module0644, WASM, "crun-compat-smart", ""),
    case("crun", &["variant=compat-smart"], "/app.WASM", File::Module, refused(Why::NotNative), "crun-compat-smart", FORMAT),
    case("crun", &["variant=compat-smart"], "/app.wat", File::Module, WASM, "crun-compat-smart", ""),
    case("crun", &["variant=compat-smart"], "/app", File::Module, refused(Why::NotNative), "crun-compat-smart", FORMAT),
    case("crun", &["variant=compat-smart"], "/app", File::Module0644, refused(Why::NotExecutable), "crun-compat-smart", EXEC_BIT),
    case("crun", &["variant=compat-smart"], "/app.wasm.bak", File::Module, refused(Why::NotNative), "crun-compat-smart", FORMAT),
    case("crun", &["variant=compat-smart"], "/sidecar", File::Elf, NATIVE, "crun-compat-smart", ""),
    case("crun", &["variant=compat-smart"], "/sidecar.sh", File::Script, NATIVE, "crun-compat-smart", ""),
    case("crun", &["variant=compat-smart"], "/sidecar.wasm", File::Elf, refused(Why::NotWasm), "crun-open", ENGINE),
    case("crun", &["variant=smart-compat"], "/app.wasm", File::Module, refused(Why::NotNative), "crun-unknown-variant", FORMAT),
    case("crun", &["variant=Compat"], "/app.wasm", File::Module, refused(Why::NotNative), "crun-unknown-variant", FORMAT),
    case("crun", &["variant="], "/app.wasm", File::Module, refused(Why::NotNative), "crun-unknown-variant", FORMAT),
    case("crun", &["variant=wasm"], "/sidecar", File::Elf, NATIVE, "crun-unknown-variant", ""),
    case("crun", &[], "/app.wasm", File::Module, refused(Why::NotNative), "crun-no-annotation", FORMAT),
    case("crun", &[], "/app.wasm", File::Module0644, refused(Why::NotExecutable), "crun-no-annotation", EXEC_BIT),
    case("crun", &[], "/sidecar", File::Elf, NATIVE, "crun-no-annotation", ""),
    case("crun", &[], "/sidecar.sh", File::Script, NATIVE, "crun-no-annotation", ""),
    case("crun", &[], "sidecar", File::Elf, NATIVE, "crun-no-annotation", "").at("/", "/bin/sidecar"),
    case("crun", &[], "sidecar", File::Elf, refused(Why::Missing), "crun-no-annotation", "not found in $PATH").at("/", "/sidecar"),
    case("crun", &[], "sub/sidecar", File::Elf, NATIVE, "crun-no-annotation", "").at("/", "/sub/sidecar"),
    case("crun", &[], "/sidecar", File::Elf, refused(Why::Missing), "crun-no-annotation", GONE).at("/", "/other"),
    case("crun", &["handler=wasm"], "/app.wasm", File::Module0644, WASM, "crun-handler", ""),
    case("crun", &["handler=wasm"], "/app", File::Module, WASM, "crun-handler", ""),
    case("crun", &["handler=wasm"], "/sidecar", File::Elf, refused(Why::NotWasm), "crun-open", ENGINE),
    case("crun", &["handler=wasm", "variant=nonsense"], "/app", File::Module, WASM, "crun-handler", ""),
    case("crun", &["handler=wasmedge"], "/app", File::Module0644, WASM, "crun-handler", ""),
    case("crun", &["handler=wasmtime"], "/app.wasm", File::Module, refused(Why::NotNative), "crun-handler-hides", FORMAT),
    case("crun", &["handler=wasmtime"], "/sidecar", File::Elf, NATIVE, "crun-handler-hides", ""),
    case("crun", &["handler=krun"], "/sidecar", File::Elf, NATIVE, "crun-handler-hides", ""),
    case("crun", &["handler="], "/app.wasm", File::Module, refused(Why::NotNative), "crun-handler-hides", FORMAT),
    case("crun", &["handler=wasm-smart"], "/app.wasm", File::Module0644, WASM, "crun-wasm-smart", ""),
    case("crun", &["handler=wasm-smart"], "/app.Wat", File::Module, refused(Why::NotNative), "crun-wasm-smart", FORMAT),
    case("crun", &["handler=wasm-smart"], "/app", File::Module, refused(Why::NotNative), "crun-wasm-smart", FORMAT),
    case("crun", &["handler=wasm-smart"], "/sidecar", File::Elf, NATIVE, "crun-wasm-smart", ""),
    case("crun", &["handler=wasm-smart", "variant=compat"], "/app", File::Module, refused(Why::NotNative), "crun-wasm-smart", FORMAT),
    case("crun", &["handler=bogus", "variant=compat"], "/app.wasm", File::Module, refused(Why::NotNative), "crun-handler-hides", FORMAT),
    case("crun", &["handler=bogus", "variant=compat-smart"], "/sidecar", File::Elf, NATIVE, "crun-handler-hides", ""),
    case("crun", &["handler=compat"], "/app.wasm", File::Module, refused(Why::NotNative), "crun-handler-hides", FORMAT),
    case("crun", &["type=sandbox", "variant=compat"], "/pause", File::Elf, NATIVE, "crun-sandbox", ""),
    case("crun", &["type=sandbox", "variant=compat"], "/app.wasm", File::Module, refused(Why::NotNative), "crun-sandbox", FORMAT),
    case("crun", &["type=sandbox", "handler=wasm"], "/pause", File::Elf, NATIVE, "crun-sandbox", ""),
    case("crun", &["type=container", "variant=compat"], "/app.wasm", File::Module, WASM, "crun-compat", ""),
    case("crun-wasm", &[], "/app.wasm", File::Module0644, WASM, "crun-program-name", ""),
    case("crun-wasm", &[], "/app", File::Module, WASM, "crun-program-name", ""),
    case("crun-wasm", &["variant=compat"], "/app.wasm", File::Module, WASM, "crun-program-name", ""),
    case("crun-wasm", &["variant=compat-smart"], "/sidecar", File::Elf, refused(Why::NotWasm), "crun-open", ENGINE),
    case("crun-wasm", &[], "/app.wasm", File::Module, refused(Why::Missing), "crun-open", ENGINE).at("/", "/other.wasm"),
    case("crun-wasm", &["handler=wasm"], "/app.wasm", File::Module, refused(Why::TwoHandlers), "crun-two-handlers", "invalid attempt to override"),
    case("crun-wasm", &["handler=bogus"], "/sidecar", File::Elf, refused(Why::TwoHandlers), "crun-two-handlers", "invalid attempt to override"),
    case("crun-wasm", &["type=sandbox"], "/pause", File::Elf, NATIVE, "crun-sandbox", ""),
    case("crun-wasm", &["type=sandbox", "handler=wasm"], "/pause", File::Elf, NATIVE, "crun-sandbox", ""),
    case("crun-wasmedge", &[], "/app", File::Module, WASM, "crun-program-name", ""),
    case("crun-wasmtime", &[], "/sidecar", File::Elf, NATIVE, "crun-no-annotation", ""),
    case("crun-wasmtime", &["variant=compat"], "/app.wasm", File::Module, WASM, "crun-compat", ""),
    case("crun-wasmtime", &["handler=wasm"], "/app.wasm", File::Module, refused(Why::TwoHandlers), "crun-two-handlers", "invalid attempt to override"),
];

const WASMTIME: Selection = Selection::Wasm(Engine::Wasmtime);

/// youki 0.7; those called `youki` are run by the real one, which has wasmtime.
#[rustfmt::skip]
pub(super) const YOUKI: &[Case] = &[
    case("youki", &["variant=compat"], "/app.wasm", File::Module0644, WASMTIME, "youki-compat", ""),
    case("youki", &["variant=compat"], "app.wasm", File::Module, WASMTIME, "youki-compat", ""),
    case("youki", &["variant=compat"], "/app.wat", File::Text, WASMTIME, "youki-compat", ""),
    case("youki", &["variant=compat"], "/app", File::Module, refused(Why::Suffix), "youki-suffix", ""),
    case("youki", &["variant=compat"], "/app.WASM", File::Module, refused(Why::Suffix), "youki-suffix", ""),
    case("youki", &["variant=compat"], "/app.wasm", File::Module, refused(Why::Missing), "youki-cwd", "").at("/sub", "/app.wasm"),
    case("youki", &["variant=compat"], "/app.wasm", File::Module, WASMTIME, "youki-compat", "").at("/sub", "/sub/app.wasm"),
    case("youki", &["variant=compat"], "/app.wasm", File::Module, refused(Why::Missing), "youki-cwd", "").at("/", "/other.wasm"),
    case("youki", &["variant=compat"], "/app.wasm", File::Component, refused(Why::Component), "youki-component", ""),
    case("youki", &["variant=compat"], "/pause.wasm", File::Elf, refused(Why::NotWasm), "youki-compat", ""),
    case("youki", &["variant=compat", "type=sandbox"], "/pause", File::Elf, refused(Why::Suffix), "youki-suffix", ""),
    case("youki", &["variant=compat-smart"], "/app.wasm", File::Module, refused(Why::NotNative), "youki-compat", ""),
    case("youki", &["variant=compat-smart"], "/sidecar", File::Elf, NATIVE, "youki-compat", ""),
    case("youki", &["handler=wasm"], "/app.wasm", File::Module0644, WASMTIME, "youki-handler", ""),
    case("youki", &["handler=wasm", "variant=nonsense"], "/app.wasm", File::Module, WASMTIME, "youki-handler", ""),
    case("youki", &["handler=wasmtime"], "/app.wasm", File::Module, refused(Why::NotNative), "youki-handler", ""),
    case("youki", &["handler=wasm-smart", "variant=compat"], "/app.wasm", File::Module, refused(Why::NotNative), "youki-handler", ""),
    case("youki", &["handler=bogus", "variant=compat"], "/sidecar", File::Elf, NATIVE, "youki-handler", ""),
    case("youki", &[], "/sidecar", File::Elf, NATIVE, "youki-no-annotation", ""),
    case("youki", &[], "/app.wasm", File::Module0644, refused(Why::NotExecutable), "youki-no-annotation", ""),
    case("youki", &[], "/sidecar", File::Elf, refused(Why::Missing), "youki-no-annotation", "").at("/", "/other"),
    case("youki+wasmedge", &["variant=compat"], "/app", File::Module, WASM, "youki-compat", ""),
    case("youki+wasmedge", &["variant=compat"], "/app.wat", File::Text, refused(Why::NotWasm), "youki-compat", ""),
    case("youki+wasmedge", &["variant=compat"], "/app", File::Module, refused(Why::Missing), "youki-cwd", "").at("/sub", "/app"),
    case("youki+wasmer", &["variant=compat"], "/app.wasm", File::Module, Selection::Wasm(Engine::Wasmer), "youki-compat", "").at("/sub", "/app.wasm"),
    case("youki without", &["variant=compat"], "/app.wasm", File::Module, refused(Why::NotNative), "youki-without-engine", ""),
];

const SPIN: Selection = Selection::Wasm(Engine::Spin);

/// The shims of containerd, and runc.
#[rustfmt::skip]
pub(super) const SHIMS: &[Case] = &[
    case("wasmtime shim", &[], "/app.wasm", File::Module0644, WASMTIME, "shim-magic", ""),
    case("wasmtime shim", &[], "/app", File::Module, WASMTIME, "shim-magic", ""),
    case("wasmtime shim", &[], "/app.wasm#run", File::Module, WASMTIME, "shim-magic", "").at("/", "/app.wasm"),
    case("wasmtime shim", &[], "app.wasm", File::Module, WASMTIME, "shim-magic", "").at("/sub", "/sub/app.wasm"),
    case("wasmtime shim", &[], "app.wasm", File::Module, refused(Why::Missing), "shim-magic", "").at("/sub", "/app.wasm"),
    case("wasmtime shim", &[], "/app.wat", File::Text, WASMTIME, "shim-magic", ""),
    case("wasmtime shim", &[], "/app.wasm", File::Component, WASMTIME, "shim-magic", ""),
    case("wasmtime shim", &[], "/app.wasm", File::Garbage, refused(Why::NotWasm), "shim-magic", ""),
    case("wasmtime shim", &[], "/pause", File::Elf, NATIVE, "shim-linux", ""),
    case("wasmtime shim", &[], "/sidecar.sh", File::Script, NATIVE, "shim-linux", ""),
    case("wasmtime shim", &[], "sidecar", File::Elf, NATIVE, "shim-linux", "").at("/", "/usr/bin/sidecar"),
    case("wasmtime shim", &["variant=compat", "handler=wasm"], "/pause", File::Elf, NATIVE, "shim-linux", ""),
    case("wasmtime shim, Wasm layers", &[], "anything", File::Garbage, WASMTIME, "shim-layers", ""),
    case("wasmedge shim", &[], "/app.wasm", File::Module, WASM, "shim-magic", ""),
    case("wasmedge shim", &[], "/app.wasm", File::Component, refused(Why::Component), "shim-component", ""),
    case("spin shim", &[], "/", File::Garbage, SPIN, "spin-manifest", "").at("/", "/spin.toml"),
    case("spin shim", &[], "/", File::Module, refused(Why::NoApplication), "spin-manifest", "").at("/", "/app.wasm"),
    case("spin shim", &[], "/pause", File::Elf, NATIVE, "shim-linux", ""),
    case("spin shim, Wasm layers", &[], "/", File::Garbage, SPIN, "spin-layers", ""),
    case("runc", &["variant=compat"], "/app.wasm", File::Module, refused(Why::NotNative), "runc", "exec format error"),
    case("runc", &["variant=compat"], "/app.wasm", File::Module0644, refused(Why::NotExecutable), "runc", "permission denied"),
    case("runc", &["variant=compat"], "/sidecar", File::Elf, NATIVE, "runc", ""),
    case("runc", &[], "/sidecar", File::Elf, refused(Why::Missing), "runc", "no such file").at("/", "/other"),
];
