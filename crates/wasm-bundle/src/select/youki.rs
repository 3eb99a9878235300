//! youki's rules: the executors of its `workload` module, and libcontainer's default executor.

use super::{Engine, Found, Program, Selection, Verdict, View, Why, Youki, native, rule};

pub(super) fn select(youki: &Youki, view: &View<'_>) -> Verdict {
    let engine = Engine::YOUKI.into_iter().find(|engine| youki.engines.contains(engine));
    let (asked, rule) =
        match (view.annotation("run.oci.handler"), view.annotation("module.wasm.image/variant")) {
            (Some(handler), _) => (handler == "wasm", &rule::YOUKI_HANDLER),
            (None, Some(variant)) => (variant == "compat", &rule::YOUKI_COMPAT),
            (None, None) => (false, &rule::YOUKI_NONE),
        };
    match engine {
        Some(engine) if asked => run(view, engine, rule),
        Some(_) => execute(view, rule),
        None => execute(view, &rule::YOUKI_WITHOUT),
    }
}

fn run(view: &View<'_>, engine: Engine, rule: &'static super::Rule) -> Verdict {
    let program = view.program();
    if engine != Engine::WasmEdge && !program.ends_with(".wasm") && !program.ends_with(".wat") {
        return Verdict::refused(&rule::YOUKI_SUFFIX, Why::Suffix);
    }
    // All but wasmer open `/app.wasm` as `app.wasm`, in the working directory.
    let path = if engine == Engine::Wasmer { program } else { program.strip_prefix('/').unwrap_or(program) };
    match view.found(path) {
        Found::Missing => Verdict::refused(&rule::YOUKI_CWD, Why::Missing),
        Found::File { program: Program::Component, .. } => {
            Verdict::refused(&rule::YOUKI_COMPONENT, Why::Component)
        }
        Found::Unknown | Found::File { program: Program::Module, .. } => {
            Verdict::new(rule, Selection::Wasm(engine))
        }
        Found::File { program: Program::Text, .. } if engine != Engine::WasmEdge => {
            Verdict::new(rule, Selection::Wasm(engine))
        }
        Found::File { .. } => Verdict::refused(rule, Why::NotWasm),
    }
}

/// The default executor wants a `PATH`, also for a program with a `/` in its name.
fn execute(view: &View<'_>, rule: &'static super::Rule) -> Verdict {
    match view.search_path() {
        None => Verdict::refused(&rule::YOUKI_PATH, Why::NoPath),
        Some(path) => native::of(view.in_path(view.program(), path), native::EVERYBODY, rule),
    }
}
