/// A rule by which a runtime selects.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Its name, which stays.
    pub id: &'static str,
    /// When it holds: everything before it in [`RULES`] of the same runtime did not.
    pub when: &'static str,
    /// What the runtime does then.
    pub then: &'static str,
    /// The release that it came with, when that is known to matter.
    pub since: Option<&'static str>,
    /// Where it stands in the runtime's source.
    pub source: &'static str,
}

impl Rule {
    const fn new(id: &'static str, when: &'static str, then: &'static str, source: &'static str) -> Self {
        Self { id, when, then, since: None, source }
    }

    const fn since(self, release: &'static str) -> Self {
        Self { since: Some(release), ..self }
    }
}

const CONFIGURE: &str = "crun custom-handler.c `libcrun_configure_handler`";
const CAN_HANDLE: &str = "crun handler-utils.c `wasm_can_handle_container`";
const HANDLERS: &str = "crun handlers/*.c";
const WORKLOAD: &str = "youki crates/youki/src/workload/*.rs";
const DEFAULT: &str = "youki libcontainer workload/default.rs";
const SHIM: &str = "runwasi containerd-shim-wasm executor and `can_handle`";
const SPIN: &str = "containerd-shim-spin source.rs";

pub(super) static NOTHING: Rule =
    Rule::new("no-args", "`process.args` is missing or empty", "nothing to run", "runtime-spec config.md");
pub(super) static CRUN_SANDBOX: Rule = Rule::new(
    "crun-sandbox",
    "`io.kubernetes.cri.container-type=sandbox`",
    "native, whatever else is said: it is the pause container",
    CONFIGURE,
)
.since("1.4");
pub(super) static CRUN_TWO: Rule = Rule::new(
    "crun-two-handlers",
    "called `crun-NAME`, and `run.oci.handler` is there",
    "error: invalid attempt to override already configured global handler",
    CONFIGURE,
);
pub(super) static CRUN_PROGRAM: Rule = Rule::new(
    "crun-program-name",
    "called `crun-NAME`, and a handler of that name (or with the other name `wasm`) was compiled in",
    "Wasm, without any annotation and whatever the program's name",
    "crun crun.c `fill_handler_from_argv0`",
)
.since("1.7");
pub(super) static CRUN_HANDLER: Rule = Rule::new(
    "crun-handler",
    "`run.oci.handler` is the name of a handler that was compiled in, or `wasm`",
    "that handler, whatever the program's name; `wasm` is the first of wasmedge, wasmer, wasmtime, wamr",
    CONFIGURE,
);
pub(super) static CRUN_WASM_SMART: Rule = Rule::new(
    "crun-wasm-smart",
    "`run.oci.handler=wasm-smart`",
    "Wasm when the program ends in `.wasm` or `.wat`, in small letters; else native",
    CAN_HANDLE,
)
.since("1.4.4");
pub(super) static CRUN_HIDES: Rule = Rule::new(
    "crun-handler-hides",
    "`run.oci.handler` is anything else",
    "native: `module.wasm.image/variant` is not looked at",
    CAN_HANDLE,
);
pub(super) static CRUN_COMPAT: Rule = Rule::new(
    "crun-compat",
    "`module.wasm.image/variant=compat`",
    "Wasm, whatever the program's name",
    CAN_HANDLE,
);
pub(super) static CRUN_COMPAT_SMART: Rule = Rule::new(
    "crun-compat-smart",
    "`module.wasm.image/variant=compat-smart`",
    "Wasm when the program ends in `.wasm` or `.wat`, in small letters; else native",
    CAN_HANDLE,
)
.since("1.4.4");
pub(super) static CRUN_SPIN: Rule = Rule::new(
    "crun-spin",
    "the program is `/`, and the handler spin was compiled in",
    "Spin",
    "crun handlers/spin.c",
)
.since("1.12");
pub(super) static CRUN_UNKNOWN: Rule = Rule::new(
    "crun-unknown-variant",
    "`module.wasm.image/variant` is anything else, `smart-compat` for one",
    "native",
    CAN_HANDLE,
);
pub(super) static CRUN_NONE: Rule =
    Rule::new("crun-no-annotation", "there is no annotation", "native", CAN_HANDLE);
pub(super) static CRUN_WITHOUT: Rule = Rule::new(
    "crun-without-engine",
    "Wasm is asked for, and no Wasm handler was compiled in",
    "native",
    CONFIGURE,
);
pub(super) static CRUN_OPEN: Rule = Rule::new(
    "crun-open",
    "a Wasm handler opens the program: relative to `cwd` unless it begins with `/`, executable or not",
    "error when it is not there or no module; the text format is read by wasmer only",
    HANDLERS,
);
pub(super) static CRUN_COMPONENT: Rule = Rule::new(
    "crun-component",
    "a Wasm handler gets a component",
    "error: no handler runs components",
    HANDLERS,
);

pub(super) static YOUKI_WITHOUT: Rule = Rule::new(
    "youki-without-engine",
    "no Wasm feature was compiled in",
    "native, whatever the annotations say",
    WORKLOAD,
);
pub(super) static YOUKI_HANDLER: Rule = Rule::new(
    "youki-handler",
    "`run.oci.handler` is there",
    "Wasm when it is `wasm`, else native; `module.wasm.image/variant` is not looked at, nor is the pause container known",
    WORKLOAD,
);
pub(super) static YOUKI_COMPAT: Rule = Rule::new(
    "youki-compat",
    "`module.wasm.image/variant` is there",
    "Wasm when it is `compat`, else native: `compat-smart` is not known",
    WORKLOAD,
);
pub(super) static YOUKI_NONE: Rule =
    Rule::new("youki-no-annotation", "there is no annotation", "native", WORKLOAD);
pub(super) static YOUKI_SUFFIX: Rule = Rule::new(
    "youki-suffix",
    "wasmer or wasmtime gets a program that does not end in `.wasm` or `.wat`",
    "error",
    WORKLOAD,
);
pub(super) static YOUKI_CWD: Rule = Rule::new(
    "youki-cwd",
    "WasmEdge or wasmtime opens the program: a `/` at its beginning is taken off, the rest is relative to `cwd`",
    "error when it is not there: with another `cwd` than `/`, `/app.wasm` is not found",
    WORKLOAD,
);
pub(super) static YOUKI_COMPONENT: Rule =
    Rule::new("youki-component", "a Wasm engine gets a component", "error: none runs components", WORKLOAD);
pub(super) static YOUKI_PATH: Rule = Rule::new(
    "youki-path",
    "a native program, and `process.env` has no `PATH`",
    "error: PATH environment variable is not set",
    DEFAULT,
);

pub(super) static SHIM_LAYERS: Rule = Rule::new(
    "shim-layers",
    "the image's architecture is `wasm` and its layers have types that the shim takes",
    "Wasm, whatever the program's name; annotations are never looked at",
    SHIM,
);
pub(super) static SHIM_LINUX: Rule = Rule::new(
    "shim-linux",
    "the program may be executed by everybody and is ELF or begins with `#!`",
    "native: sidecars and the pause container work",
    SHIM,
);
pub(super) static SHIM_MAGIC: Rule = Rule::new(
    "shim-magic",
    "the file before `#` in the program's name, in `PATH` or relative to `cwd`, is Wasm or text format",
    "Wasm; the part behind `#` is the function, `_start` without one; anything else is an error",
    SHIM,
);
pub(super) static SHIM_COMPONENT: Rule = Rule::new(
    "shim-component",
    "the program is a component, and the shim's engine is not wasmtime",
    "error",
    "runwasi containerd-shim-*/src",
);
pub(super) static SPIN_LAYERS: Rule = Rule::new(
    "spin-layers",
    "the image is a Spin application: layers of the types that the shim takes",
    "Spin, whatever the program's name",
    SPIN,
);
pub(super) static SPIN_MANIFEST: Rule = Rule::new(
    "spin-manifest",
    "any other image",
    "Spin, with `/spin.toml`; error when that is missing. The program should be `/`",
    SPIN,
);
pub(super) static RUNC: Rule =
    Rule::new("runc", "always", "native: runc has no handlers", "runc libcontainer/standard_init_linux.go");

/// Every rule, in the order in which a runtime asks.
pub static RULES: &[&Rule] = &[
    &NOTHING,
    &CRUN_SANDBOX,
    &CRUN_TWO,
    &CRUN_PROGRAM,
    &CRUN_HANDLER,
    &CRUN_WASM_SMART,
    &CRUN_HIDES,
    &CRUN_COMPAT,
    &CRUN_COMPAT_SMART,
    &CRUN_SPIN,
    &CRUN_UNKNOWN,
    &CRUN_NONE,
    &CRUN_WITHOUT,
    &CRUN_OPEN,
    &CRUN_COMPONENT,
    &YOUKI_WITHOUT,
    &YOUKI_HANDLER,
    &YOUKI_COMPAT,
    &YOUKI_NONE,
    &YOUKI_SUFFIX,
    &YOUKI_CWD,
    &YOUKI_COMPONENT,
    &YOUKI_PATH,
    &SHIM_LAYERS,
    &SHIM_LINUX,
    &SHIM_MAGIC,
    &SHIM_COMPONENT,
    &SPIN_LAYERS,
    &SPIN_MANIFEST,
    &RUNC,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut ids: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
