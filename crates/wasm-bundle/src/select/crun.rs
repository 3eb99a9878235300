//! crun's rules: `libcrun_configure_handler` and `wasm_can_handle_container` in its source.

use super::{Crun, Engine, Found, Program, Rule, Selection, Verdict, Version, View, Why, native, rule};

/// WebAssembly at all.
const WASM: Version = Version::new(1, 3, 0);
/// The pause container of Kubernetes is left alone.
const SANDBOX: Version = Version::new(1, 4, 0);
/// `wasm-smart` and `compat-smart`.
const SMART: Version = Version::new(1, 4, 4);
/// `wasm` as another name of every Wasm handler, and so `crun-wasm`.
const ALIAS: Version = Version::new(1, 7, 0);

pub(super) fn select(crun: &Crun, view: &View<'_>) -> Verdict {
    let annotation = view.annotation("run.oci.handler");
    let sandbox = view.annotation("io.kubernetes.cri.container-type") == Some("sandbox");
    if sandbox && crun.version >= SANDBOX {
        return native::execute(view, &rule::CRUN_SANDBOX);
    }
    let by_name = name(crun);
    if by_name.is_some() && annotation.is_some() {
        return Verdict::refused(&rule::CRUN_TWO, Why::TwoHandlers);
    }
    let named = by_name.map(|handler| (handler, &rule::CRUN_PROGRAM));
    if let Some((handler, rule)) = named.or(annotation.map(|handler| (handler, &rule::CRUN_HANDLER)))
        && let Some(chosen) = lookup(crun, handler)
    {
        return run(view, chosen, rule);
    }
    let (asked, rule) = asked(crun, view);
    match first(crun).filter(|_| asked) {
        Some(engine) => run(view, Chosen::Wasm(engine), rule),
        None if crun.engines.contains(&Engine::Spin) && view.program() == "/" => {
            run(view, Chosen::Wasm(Engine::Spin), &rule::CRUN_SPIN)
        }
        None => native::execute(view, if asked { &rule::CRUN_WITHOUT } else { rule }),
    }
}

/// What a handler's name stands for.
enum Chosen {
    Wasm(Engine),
    Other(&'static str),
}

/// The handler that crun's own name asks for.
fn name(crun: &Crun) -> Option<&str> {
    match crun.name.as_str() {
        "krun" if crun.krun => Some("krun"),
        name => name.strip_prefix("crun-").filter(|handler| !handler.is_empty()),
    }
}

/// The handler of this name, as far as it was compiled in.
fn lookup(crun: &Crun, handler: &str) -> Option<Chosen> {
    match handler {
        "krun" if crun.krun => Some(Chosen::Other("krun")),
        "dotnet" if crun.dotnet => Some(Chosen::Other("dotnet")),
        "wasm" if crun.version >= ALIAS => first(crun).map(Chosen::Wasm),
        name => Engine::CRUN
            .into_iter()
            .find(|engine| has(crun, *engine) && engine.to_string() == name)
            .map(Chosen::Wasm),
    }
}

/// The engine that has the name `wasm`: the first that was compiled in, and Spin is none of them.
fn first(crun: &Crun) -> Option<Engine> {
    Engine::CRUN.into_iter().filter(|engine| *engine != Engine::Spin).find(|engine| has(crun, *engine))
}

fn has(crun: &Crun, engine: Engine) -> bool {
    crun.version >= WASM && crun.engines.contains(&engine)
}

/// Whether the annotations ask for WebAssembly. `run.oci.handler` hides the other one, whatever its value.
fn asked(crun: &Crun, view: &View<'_>) -> (bool, &'static Rule) {
    let smart = || crun.version >= SMART && has_suffix(view.program());
    if let Some(handler) = view.annotation("run.oci.handler") {
        return match handler {
            "wasm" => (true, &rule::CRUN_HANDLER),
            "wasm-smart" => (smart(), &rule::CRUN_WASM_SMART),
            _ => (false, &rule::CRUN_HIDES),
        };
    }
    match view.annotation("module.wasm.image/variant") {
        Some("compat") => (true, &rule::CRUN_COMPAT),
        Some("compat-smart") => (smart(), &rule::CRUN_COMPAT_SMART),
        Some(_) => (false, &rule::CRUN_UNKNOWN),
        None => (false, &rule::CRUN_NONE),
    }
}

/// The end of the name counts. crun 1.21 takes small letters only; its source of 2026 compares them in any case, and
/// nobody should count on that.
fn has_suffix(program: &str) -> bool {
    program.ends_with(".wasm") || program.ends_with(".wat")
}

/// What becomes of the program in a handler: it is opened relative to the working directory, executable or not.
fn run(view: &View<'_>, chosen: Chosen, rule: &'static Rule) -> Verdict {
    let engine = match chosen {
        Chosen::Other(handler) => return Verdict::new(rule, Selection::Other(handler)),
        Chosen::Wasm(Engine::Spin) => return Verdict::new(rule, Selection::Wasm(Engine::Spin)),
        Chosen::Wasm(engine) => engine,
    };
    match view.found(view.program()) {
        Found::Missing => Verdict::refused(&rule::CRUN_OPEN, Why::Missing),
        Found::File { program: Program::Component, .. } => {
            Verdict::refused(&rule::CRUN_COMPONENT, Why::Component)
        }
        Found::Unknown | Found::File { program: Program::Module, .. } => {
            Verdict::new(rule, Selection::Wasm(engine))
        }
        Found::File { program: Program::Text, .. } if engine == Engine::Wasmer => {
            Verdict::new(rule, Selection::Wasm(engine))
        }
        Found::File { .. } => Verdict::refused(&rule::CRUN_OPEN, Why::NotWasm),
    }
}
