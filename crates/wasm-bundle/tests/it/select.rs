//! `select` on every case, and the real runtimes on the same: they agree.

mod book;
mod cases;
mod real;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wasm_bundle::{
    oci_spec::runtime::Spec,
    select::{
        Crun, Engine, Found, Program, RULES, Runtime, Selection, Shim, Verdict, Version, Why, Youki, select,
    },
};

use self::cases::{CRUN, Case, File, SHIMS, YOUKI};

/// The runtime of a case, by the name that it is called.
fn runtime(name: &str) -> Runtime {
    let shim = |engine| Shim::new(engine);
    match name {
        "youki" => Runtime::Youki(Youki::new([Engine::Wasmtime])),
        "youki+wasmedge" => Runtime::Youki(Youki::new([Engine::WasmEdge])),
        "youki+wasmer" => Runtime::Youki(Youki::new([Engine::Wasmtime, Engine::Wasmer])),
        "youki without" => Runtime::Youki(Youki::new([])),
        "wasmtime shim" => Runtime::Runwasi(shim(Engine::Wasmtime)),
        "wasmedge shim" => Runtime::Runwasi(shim(Engine::WasmEdge)),
        "wasmtime shim, Wasm layers" => Runtime::Runwasi(shim(Engine::Wasmtime).wasm_layers(true)),
        "spin shim" => Runtime::Spin { wasm_layers: false },
        "spin shim, Wasm layers" => Runtime::Spin { wasm_layers: true },
        "runc" => Runtime::Runc,
        crun => Runtime::Crun(Crun::new([Engine::WasmEdge]).name(crun)),
    }
}

/// The answer of `select`, with the case's file as the only one.
fn answer(case: &Case) -> Verdict {
    select(&runtime(case.runtime), &case.spec(), &|path| case.look(path))
}

fn check(cases: &[Case]) {
    for case in cases {
        let verdict = answer(case);
        assert_eq!((verdict.selection, verdict.rule.id), (case.selection, case.rule), "{case:?}");
    }
}

#[test]
fn crun() {
    assert!(CRUN.len() >= 40, "{}", CRUN.len());
    check(CRUN);
}

#[test]
fn youki() {
    check(YOUKI);
}

#[test]
fn shims() {
    check(SHIMS);
}

#[test]
fn every_rule_has_a_case() {
    // What no build of the table has is tried below.
    let elsewhere = ["crun-spin", "crun-without-engine", "no-args", "youki-path"];
    let met: BTreeSet<_> =
        [CRUN, YOUKI, SHIMS].concat().iter().map(|case| case.rule).chain(elsewhere).collect();
    let rules: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(met, rules);
}

fn spec(annotations: &Value, program: &str) -> Spec {
    let process = json!({ "user": {}, "cwd": "/", "args": [program], "env": ["PATH=/bin"] });
    let document = json!({ "ociVersion": "1.0.2", "process": process, "annotations": annotations });
    serde_json::from_value(document).unwrap()
}

fn module(_: &str) -> Found {
    Found::File { mode: 0o755, program: Program::Module }
}

/// A build and its answer to a configuration, without a look at the program.
fn of(crun: Crun, annotations: &Value, program: &str) -> (Selection, &'static str) {
    let verdict = select(&Runtime::Crun(crun), &spec(annotations, program), &|_| Found::Unknown);
    (verdict.selection, verdict.rule.id)
}

fn with(mut crun: Crun, change: fn(&mut Crun)) -> Crun {
    change(&mut crun);
    crun
}

#[test]
fn builds_of_crun() {
    use Engine::{Spin, Wamr, WasmEdge, Wasmer, Wasmtime};
    let handler = |name: &str| json!({ "run.oci.handler": name });
    let compat = json!({ "module.wasm.image/variant": "compat" });
    let all = || Crun::new([Spin, Wamr, Wasmtime, Wasmer, WasmEdge]);
    let native = Selection::Native;
    for (crun, annotations, program, expected) in [
        // The first that was compiled in is `wasm`, whatever the order they are named in.
        (all(), &compat, "/a", (Selection::Wasm(WasmEdge), "crun-compat")),
        (Crun::new([Wamr, Wasmtime, Wasmer]), &compat, "/a", (Selection::Wasm(Wasmer), "crun-compat")),
        (Crun::new([Wamr, Wasmtime]), &handler("wasm"), "/a", (Selection::Wasm(Wasmtime), "crun-handler")),
        (Crun::new([Wamr]).name("crun-wasm"), &json!({}), "/a", (Selection::Wasm(Wamr), "crun-program-name")),
        (all(), &handler("wamr"), "/a", (Selection::Wasm(Wamr), "crun-handler")),
        // Spin has no other name, and takes `/` unasked.
        (Crun::new([Spin]), &compat, "/a", (native, "crun-without-engine")),
        (Crun::new([Spin]), &handler("spin"), "/a", (Selection::Wasm(Spin), "crun-handler")),
        (Crun::new([Spin]), &json!({}), "/", (Selection::Wasm(Spin), "crun-spin")),
        (all(), &json!({}), "/", (Selection::Wasm(Spin), "crun-spin")),
        (all(), &compat, "/", (Selection::Wasm(WasmEdge), "crun-compat")),
        // Debian's crun 1.28 has the name and no engine.
        (Crun::new([]).name("crun-wasm"), &json!({}), "/a", (native, "crun-no-annotation")),
        (Crun::new([]), &compat, "/a", (native, "crun-without-engine")),
        (Crun::new([]), &handler("wasm"), "/a", (native, "crun-without-engine")),
        // Handlers for something else.
        (
            with(all(), |crun| crun.krun = true),
            &handler("krun"),
            "/a",
            (Selection::Other("krun"), "crun-handler"),
        ),
        (
            with(all(), |crun| crun.krun = true).name("krun"),
            &json!({}),
            "/a",
            (Selection::Other("krun"), "crun-program-name"),
        ),
        (all().name("krun"), &json!({}), "/a", (native, "crun-no-annotation")),
        (
            with(all(), |crun| crun.dotnet = true),
            &handler("dotnet"),
            "/a",
            (Selection::Other("dotnet"), "crun-handler"),
        ),
        (all(), &handler("dotnet"), "/a", (native, "crun-handler-hides")),
        (all().name("crun-"), &json!({}), "/a", (native, "crun-no-annotation")),
    ] {
        assert_eq!(of(crun.clone(), annotations, program), expected, "{crun:?} {annotations} {program}");
    }
}

#[test]
fn old_releases_of_crun() {
    let old = |minor, patch| {
        let mut crun = Crun::new([Engine::WasmEdge]);
        crun.version = Version::new(1, minor, patch);
        crun
    };
    let compat = json!({ "module.wasm.image/variant": "compat" });
    let smart = json!({ "module.wasm.image/variant": "compat-smart" });
    let wasm_smart = json!({ "run.oci.handler": "wasm-smart" });
    let wasm = json!({ "run.oci.handler": "wasm" });
    let sandbox =
        json!({ "module.wasm.image/variant": "compat", "io.kubernetes.cri.container-type": "sandbox" });
    let (native, engine) = (Selection::Native, Selection::Wasm(Engine::WasmEdge));
    for (crun, annotations, expected) in [
        (old(2, 0), &compat, native),
        (old(3, 0), &compat, engine),
        (old(3, 0), &sandbox, engine),
        (old(4, 0), &sandbox, native),
        (old(4, 3), &smart, native),
        (old(4, 4), &smart, engine),
        (old(4, 3), &wasm_smart, native),
        (old(4, 4), &wasm_smart, engine),
        (old(6, 0), &wasm, engine),
        (old(6, 0).name("crun-wasm"), &json!({}), native),
        (old(7, 0).name("crun-wasm"), &json!({}), engine),
    ] {
        assert_eq!(of(crun.clone(), annotations, "/a.wasm").0, expected, "{crun:?} {annotations}");
    }
}

#[test]
fn youki_wants_a_path_to_execute() {
    let mut spec = spec(&json!({}), "/app");
    let mut process = spec.process().clone().unwrap();
    process.set_env(None);
    spec.set_process(Some(process));
    let verdict = select(&runtime("youki"), &spec, &|_| Found::Unknown);
    assert_eq!((verdict.selection, verdict.rule.id), (Selection::Refused(Why::NoPath), "youki-path"));
    assert_eq!(select(&runtime("crun"), &spec, &|_| Found::Unknown).selection, Selection::Native);
}

#[test]
fn a_configuration_without_a_program() {
    for process in
        [json!(null), json!({ "user": {}, "cwd": "/" }), json!({ "user": {}, "cwd": "/", "args": [] })]
    {
        let document = json!({ "ociVersion": "1.0.2", "process": process });
        let spec: Spec = serde_json::from_value(document).unwrap();
        for name in ["crun", "youki", "wasmtime shim", "spin shim", "runc"] {
            let verdict = select(&runtime(name), &spec, &module);
            assert_eq!(verdict.selection, Selection::Refused(Why::NothingToRun), "{name}");
        }
    }
}

#[test]
fn answers_can_be_read() {
    let wasm = Selection::Wasm(Engine::WasmEdge).to_string();
    assert_eq!(
        (wasm.as_str(), Selection::Native.to_string().as_str()),
        ("WebAssembly on wasmedge", "native program")
    );
    assert_eq!(Selection::Refused(Why::Missing).to_string(), "refused: the program is not there");
    assert!(Why::NotNative.help().contains("module.wasm.image/variant=compat"));
    assert_eq!(File::Elf.program(), Some(Program::Elf));
}
