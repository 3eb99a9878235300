//! The rules of containerd-shim-wasm, which runwasi's shims and containerd-shim-spin are made of.

use super::{Engine, Found, Program, Selection, Shim, Verdict, View, Why, native::EVERYBODY, rule};

/// Where a shim looks for a program without a `/`: its own environment, which containerd hands on. This is what systemd
/// gives a service.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(super) fn runwasi(shim: &Shim, view: &View<'_>) -> Verdict {
    if shim.wasm_layers {
        return Verdict::new(&rule::SHIM_LAYERS, Selection::Wasm(shim.engine));
    }
    if is_linux(view) {
        return Verdict::new(&rule::SHIM_LINUX, Selection::Native);
    }
    // `path#function`: what is called is no matter here.
    let path = view.program().split('#').next().unwrap_or_default();
    let found = match view.in_path(path, PATH) {
        // As written, then: relative to the working directory.
        Found::Missing | Found::File { .. } => view.found(path),
        Found::Unknown => Found::Unknown,
    };
    match found {
        Found::Unknown => Verdict::new(&rule::SHIM_MAGIC, Selection::Wasm(shim.engine)),
        Found::Missing => Verdict::refused(&rule::SHIM_MAGIC, Why::Missing),
        Found::File { program: Program::Component, .. } if shim.engine != Engine::Wasmtime => {
            Verdict::refused(&rule::SHIM_COMPONENT, Why::Component)
        }
        Found::File { program: Program::Module | Program::Component | Program::Text, .. } => {
            Verdict::new(&rule::SHIM_MAGIC, Selection::Wasm(shim.engine))
        }
        Found::File { .. } => Verdict::refused(&rule::SHIM_MAGIC, Why::NotWasm),
    }
}

pub(super) fn spin(wasm_layers: bool, view: &View<'_>) -> Verdict {
    if wasm_layers {
        return Verdict::new(&rule::SPIN_LAYERS, Selection::Wasm(Engine::Spin));
    }
    if is_linux(view) {
        return Verdict::new(&rule::SHIM_LINUX, Selection::Native);
    }
    match view.found("/spin.toml") {
        Found::Missing => Verdict::refused(&rule::SPIN_MANIFEST, Why::NoApplication),
        _ => Verdict::new(&rule::SPIN_MANIFEST, Selection::Wasm(Engine::Spin)),
    }
}

/// Whether the program is one of Linux: executable, ELF or a script.
fn is_linux(view: &View<'_>) -> bool {
    let found = view.in_path(view.program(), PATH);
    matches!(found, Found::File { mode, program } if mode & EVERYBODY != 0 && program.is_native())
}
