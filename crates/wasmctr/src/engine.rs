use std::sync::Arc;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use wasm_exec::Engine;

use crate::{Failure, ending::FAILED, handover};

/// The flag that chooses the engine.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// The engine [default: the one that this program is built with]
    #[arg(long, value_enum, value_name = "NAME", env = "WASMCTR_ENGINE")]
    engine: Option<Name>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// Built into `wasmctr`
    Wasmtime,
    /// In the program `wasmctr-wasmedge`, which takes over
    Wasmedge,
}

/// An engine that this program has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen(&'static str);

impl Choice {
    /// Returns the engine that was chosen, if this program has it. If another program has it, that one takes the place
    /// of this one: so nothing may have been read yet, standard input above all.
    pub(crate) fn here(&self) -> Result<Chosen, Failure> {
        let Some(name) = self.engine.map(Name::as_str) else { return Ok(Chosen::built_in()) };
        if wasm_exec::engines().contains(&name) {
            return Ok(Chosen(name));
        }
        if name == Name::Wasmedge.as_str() {
            return Err(handover::to_wasmedge());
        }
        let failure =
            Failure::new(FAILED, anyhow!("this program has the engine `{}` only", Chosen::built_in().0));
        Err(failure.help(format!("`wasmctr` has `{name}`")))
    }
}

impl Name {
    fn as_str(self) -> &'static str {
        match self {
            Self::Wasmtime => "wasmtime",
            Self::Wasmedge => "wasmedge",
        }
    }
}

impl Chosen {
    /// The engine that this program is built with: wasmtime, or WasmEdge in `wasmctr-wasmedge`.
    pub(crate) fn built_in() -> Self {
        Self(wasm_exec::engines().first().copied().unwrap_or_default())
    }

    /// Makes the engine; only one that counts what guests compute has [`wasm_exec::Limits::fuel`].
    pub(crate) fn make(self, counts_fuel: bool) -> wasm_exec::Result<Arc<dyn Engine>> {
        match self.0 {
            #[cfg(feature = "wasmtime")]
            "wasmtime" if counts_fuel => {
                Ok(Arc::new(wasm_exec::WasmtimeEngine::builder().fuel(true).build()?))
            }
            #[cfg(not(feature = "wasmtime"))]
            "wasmedge" if counts_fuel => {
                Ok(Arc::new(wasm_exec::WasmedgeEngine::builder().fuel(true).build()?))
            }
            name => wasm_exec::engine(name),
        }
    }
}
