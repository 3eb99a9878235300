//! What is wrong with a containerd configuration, for WebAssembly.

use toml_edit::{Item, TableLike, Value};

use super::{
    Config, Pattern, Program, Runtime, Version,
    containerd::{ANNOTATIONS, BASE, BINARY, SYSTEMD, lets_through, option},
    runtime::{RUNC_V2, is_runtime_type},
};
use crate::{Finding, Rule, label::is_label};

/// The rules of [`Config::lint`].
pub static RULES: [Rule; 14] = [
    DISABLED, DOMAIN, DEFAULT, NAME, TYPE, PROGRAM, OPTIONS, MISSING, OTHER, MALFORMED, WIDE, WHOLE, SANDBOX,
    CGROUP,
];

const DISABLED: Rule = Rule::new(
    "cri-disabled",
    "the CRI plugin is switched off, as Docker's package of containerd has it: a kubelet finds nobody",
    "take `cri` out of `disabled_plugins`",
);
const DOMAIN: Rule = Rule::new(
    "config-domain",
    "runtimes stand in the table of another version of the file, where containerd ignores them",
    "let containerd rewrite the file, with `containerd config migrate`, or move the tables",
);
const DEFAULT: Rule = Rule::new(
    "default-missing",
    "the default runtime has no table: containerd 1.x does not start the CRI plugin then",
    "add the table `runtimes.runc` with `runtime_type = \"io.containerd.runc.v2\"`",
);
const NAME: Rule = Rule::new(
    "handler-name",
    "no RuntimeClass can name the runtime",
    "give it a name of lower case letters, digits and `-`",
);
const TYPE: Rule = Rule::new(
    "runtime-type",
    "`runtime_type` is missing, or not of a form that containerd finds a shim by",
    "write `io.containerd.NAME.vN`, or the absolute path of the shim",
);
const PROGRAM: Rule = Rule::new(
    "shim-program",
    "an OCI runtime is named as the shim, or a shim as the OCI runtime",
    "crun and youki go into `BinaryName` under `io.containerd.runc.v2`; a shim goes into `runtime_type`",
);
const OPTIONS: Rule = Rule::new(
    "shim-options",
    "a Wasm shim has options that it does not read, such as `BinaryName`",
    "leave only `SystemdCgroup`; where the shim is, `runtime_type` says by its path",
);
const MISSING: Rule = Rule::new(
    "annotation-dropped",
    "an annotation that selects WebAssembly does not reach the runtime: `exec format error`",
    "add its whole name to `pod_annotations`",
);
const OTHER: Rule = Rule::new(
    "handler-dropped",
    "`run.oci.handler`, by which pods may select WebAssembly as well, does not reach the runtime",
    "add `run.oci.handler` to `pod_annotations`, or see to it that no pod uses it",
);
const MALFORMED: Rule = Rule::new(
    "annotation-pattern",
    "a pattern of `pod_annotations` is malformed, and so matches nothing",
    "write the whole name of the annotation",
);
const WIDE: Rule = Rule::new(
    "annotation-wide",
    "a pattern of `pod_annotations` lets pods set `run.oci.hooks.stdout`, by which crun writes to any file of the host",
    "write the whole names of the annotations that are needed",
);
const WHOLE: Rule = Rule::new(
    "crun-wasm",
    "the program is crun-wasm, which takes every container of a pod for WebAssembly and refuses `run.oci.handler`",
    "name crun itself, and select WebAssembly by annotation",
);
const SANDBOX: Rule = Rule::new(
    "youki-sandbox",
    "the annotation of a pod reaches its sandbox too, which youki takes for WebAssembly: no pod starts",
    "give it to containers alone: no `pod_annotations`, and the `base_runtime_spec` of `wasmctr node --runtime youki`",
);
const CGROUP: Rule = Rule::new(
    "systemd-cgroup",
    "`SystemdCgroup` is not what runc has: one of the two does not agree with the kubelet",
    "set it to the same value for every runtime",
);

impl Config {
    /// Finds what keeps WebAssembly from running, by [`RULES`](super::RULES); nothing is found in a sound file.
    ///
    /// Runtimes that have nothing to do with WebAssembly are looked at for what any runtime needs.
    #[must_use]
    pub fn lint(&self) -> Vec<Finding> {
        let mut findings = vec![];
        self.lint_plugin(&mut findings);
        for (name, runtime) in self.runtimes() {
            lint_runtime(name, runtime, &mut findings);
            self.lint_cgroup(name, runtime, &mut findings);
        }
        findings
    }

    /// The runtimes that are for WebAssembly, with what each starts.
    pub(crate) fn wasm_runtimes(&self) -> Vec<(String, Program)> {
        let of = |(name, runtime): (&str, &Item)| {
            let kind = runtime.as_table_like()?.get("runtime_type")?.as_str()?;
            if is_wasm_shim(file(kind)) {
                return Some((name.to_owned(), Program::Shim(kind.to_owned())));
            }
            let binary = option(runtime, BINARY)?.as_str()?;
            let is_wasm = is_oci(file(binary)) && file(binary) != "runc";
            is_wasm.then(|| (name.to_owned(), Program::Oci(binary.to_owned())))
        };
        self.runtimes().filter_map(of).collect()
    }

    fn lint_plugin(&self, findings: &mut Vec<Finding>) {
        let disabled = self.get(&["disabled_plugins"]).and_then(Item::as_array);
        let names = ["cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"];
        for plugin in disabled.into_iter().flatten().filter_map(Value::as_str) {
            if names.contains(&plugin) {
                findings.push(Finding::new(&DISABLED, "disabled_plugins", format!("{plugin:?}")));
            }
        }
        if self.has_other_domain() {
            let (version, plugin) = (self.version(), self.version().other_plugin());
            findings.push(Finding::new(&DOMAIN, plugin, format!("the file is of version {version}")));
        }
        let default = self.default_runtime();
        let mut names = self.runtimes().map(|(name, _)| name).peekable();
        let lists = names.peek().is_some();
        if self.version() == Version::V2 && self.is_whole() && lists && names.all(|name| name != default) {
            findings.push(Finding::new(&DEFAULT, "runtimes", format!("no {default:?}")));
        }
    }

    fn lint_cgroup(&self, name: &str, runtime: &Item, findings: &mut Vec<Finding>) {
        let (own, runc) = (option(runtime, SYSTEMD).and_then(Item::as_bool), self.runc_systemd());
        let default = |on: Option<bool>| on.unwrap_or(false);
        if runc.is_some() && default(own) != default(runc) {
            let found = format!("{}, runc has {}", default(own), default(runc));
            findings.push(Finding::new(&CGROUP, place(name), found));
        }
    }
}

fn place(name: &str) -> String {
    format!("runtimes.{name}")
}

fn lint_runtime(name: &str, runtime: &Item, findings: &mut Vec<Finding>) {
    let mut found = |rule, what: String| findings.push(Finding::new(rule, place(name), what));
    if !is_label(name) {
        found(&NAME, format!("{name:?}"));
    }
    let Some(table) = runtime.as_table_like() else {
        return found(&TYPE, "is no table".into());
    };
    let Some(kind) = table.get("runtime_type").and_then(Item::as_str) else {
        return found(&TYPE, "none".into());
    };
    let shim = file(kind);
    if is_oci(shim) {
        return found(&PROGRAM, format!("runtime_type = {kind:?}"));
    }
    if !is_runtime_type(kind) {
        return found(&TYPE, format!("{kind:?}"));
    }
    let binary = option(runtime, BINARY).and_then(Item::as_str).map(file);
    match (kind == RUNC_V2 || shim == "containerd-shim-runc-v2", binary) {
        (true, Some(binary)) if binary.starts_with("containerd-shim-") => {
            found(&PROGRAM, format!("{BINARY} = {binary:?}"));
        }
        (true, Some(binary)) if is_oci(binary) && binary != "runc" => lint_oci(name, binary, table, findings),
        (false, _) if is_wasm_shim(shim) => lint_shim(name, table, findings),
        _ => {}
    }
}

/// A runtime that selects WebAssembly by annotation.
fn lint_oci(name: &str, binary: &str, table: &dyn TableLike, findings: &mut Vec<Finding>) {
    let mut found = |rule, what: String| findings.push(Finding::new(rule, place(name), what));
    let patterns = table.get(ANNOTATIONS).and_then(Item::as_array);
    let patterns: Vec<&str> = patterns.into_iter().flatten().filter_map(Value::as_str).collect();
    if binary == "crun-wasm" {
        found(&WHOLE, format!("{BINARY} = {binary:?}"));
    } else if binary == "youki" {
        let selects = |pattern: &&str| Runtime::ANNOTATIONS.iter().any(|key| lets_through(pattern, key));
        if let Some(pattern) = patterns.iter().copied().find(selects) {
            found(&SANDBOX, format!("{ANNOTATIONS} has {pattern:?}"));
        } else if !table.contains_key(BASE) {
            found(&SANDBOX, format!("no {BASE}"));
        }
    } else {
        for (key, rule) in Runtime::ANNOTATIONS.into_iter().zip([&MISSING, &OTHER]) {
            if !patterns.iter().any(|pattern| lets_through(pattern, key)) {
                found(rule, format!("{key} is not let through"));
            }
        }
    }
    for pattern in patterns {
        if Pattern::parse(pattern).is_none() {
            found(&MALFORMED, format!("{pattern:?}"));
        } else if lets_through(pattern, "run.oci.hooks.stdout") {
            found(&WIDE, format!("{pattern:?}"));
        }
    }
}

fn lint_shim(name: &str, table: &dyn TableLike, findings: &mut Vec<Finding>) {
    let options = table.get("options").and_then(Item::as_table_like);
    for (key, _) in options.into_iter().flat_map(TableLike::iter).filter(|(key, _)| *key != SYSTEMD) {
        findings.push(Finding::new(&OPTIONS, place(name), format!("options.{key}")));
    }
}

/// The last part of a path, or all of a name.
fn file(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_oci(file: &str) -> bool {
    ["crun", "crun-wasm", "youki", "runc"].contains(&file)
}

/// The shims of runwasi and Spin, by name or path.
fn is_wasm_shim(shim: &str) -> bool {
    let name = shim.strip_prefix("io.containerd.").or_else(|| shim.strip_prefix("containerd-shim-"));
    let name = name.and_then(|name| name.split(['.', '-']).next());
    name.is_some_and(|name| ["wasmtime", "wasmedge", "wasmer", "wamr", "spin"].contains(&name))
}
