use std::{sync::Arc, time::Duration};

#[cfg(feature = "wasmtime")]
use anyhow::Context;
use anyhow::anyhow;
use clap::{Args, ValueEnum};
#[cfg(feature = "wasmtime")]
use wasm_exec::{CompilerProcess, Pooling, WasmtimeBuilder, WasmtimeEngine};
use wasm_exec::{Engine, Limits};

use crate::{Failure, ending::FAILED, handover, limits::seconds};

/// The flag that chooses the engine.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// The engine [default: the one that this program is built with]
    #[arg(long, value_enum, value_name = "NAME", env = "WASMCTR_ENGINE")]
    engine: Option<Name>,
    /// Compile in a process of its own, which is ended after this many seconds: for modules of strangers
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    compile_timeout: Option<Duration>,
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
pub(crate) struct Chosen {
    name: &'static str,
    compile_timeout: Option<Duration>,
}

impl Choice {
    /// Returns the engine that was chosen, if this program has it. If another program has it, that one takes the place
    /// of this one: so nothing may have been read yet, standard input above all.
    pub(crate) fn here(&self) -> Result<Chosen, Failure> {
        let built_in = Chosen { compile_timeout: self.compile_timeout, ..Chosen::built_in() };
        let Some(name) = self.engine.map(Name::as_str) else { return Ok(built_in) };
        if wasm_exec::engines().contains(&name) {
            return Ok(Chosen { name, ..built_in });
        }
        if name == Name::Wasmedge.as_str() {
            return Err(handover::to_wasmedge());
        }
        let failure = Failure::new(FAILED, anyhow!("this program has the engine `{}` only", built_in.name));
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
        let name = wasm_exec::engines().first().copied().unwrap_or_default();
        Self { name, compile_timeout: None }
    }

    /// Makes the engine.
    #[cfg(feature = "wasmtime")]
    pub(crate) fn make(self, code: Code) -> Result<Arc<dyn Engine>, Failure> {
        Ok(Arc::new(self.builder(code)?.build()?))
    }

    /// Makes the engine for a program of which so many instances are to run at once, with places that are kept for them.
    /// Where that cannot be they are made one by one, which is slower.
    #[cfg(feature = "wasmtime")]
    pub(crate) fn make_for(
        self,
        code: Code,
        wasm: &[u8],
        limits: &Limits,
        instances: u32,
    ) -> Result<Arc<dyn Engine>, Failure> {
        if !Pooling::suffices_for(limits) {
            return self.make(code);
        }
        let pooling = Pooling::for_program(wasm, instances)?;
        let error = match self.builder(code)?.pooling(pooling).build() {
            Ok(engine) => return Ok(Arc::new(engine)),
            Err(error) => error,
        };
        let engine = self.make(code)?;
        let error = anyhow!(error).context(format!("cannot keep room for {instances} instances at once"));
        Failure::from(error)
            .note("each request takes longer, as its instance gets its memory from the system")
            .help("`--concurrency` says for how many instances there is to be room")
            .warn(&mut anstream::stderr().lock());
        Ok(engine)
    }

    #[cfg(feature = "wasmtime")]
    fn builder(self, code: Code) -> Result<WasmtimeBuilder, Failure> {
        let builder = WasmtimeEngine::builder().fuel(code.counts_fuel).interruptible(code.interruptible);
        let Some(time) = self.compile_timeout else { return Ok(builder) };
        let this = std::env::current_exe().context("cannot find this program, to compile with")?;
        let compiler = CompilerProcess::new(this).arg(COMPILE_FOR_PARENT);
        Ok(builder.compile_in(compiler.time(time)))
    }

    /// The same; WasmEdge interprets, and nothing is ignored that somebody asked for.
    #[cfg(not(feature = "wasmtime"))]
    pub(crate) fn make(self, code: Code) -> Result<Arc<dyn Engine>, Failure> {
        if self.compile_timeout.is_some() {
            let failure = Failure::new(FAILED, anyhow!("`{}` does not compile, it interprets", self.name));
            return Err(failure.help("leave `--compile-timeout` out"));
        }
        Ok(Arc::new(wasm_exec::WasmedgeEngine::builder().fuel(code.counts_fuel).build()?))
    }

    /// The same; WasmEdge keeps no places.
    #[cfg(not(feature = "wasmtime"))]
    pub(crate) fn make_for(
        self,
        code: Code,
        _: &[u8],
        _: &Limits,
        _: u32,
    ) -> Result<Arc<dyn Engine>, Failure> {
        self.make(code)
    }
}

/// What the code of a guest has to do beside what the guest does. The default is what `wasmctr run` takes by itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Code {
    /// Count what it computes, for [`wasm_exec::Limits::fuel`].
    pub(crate) counts_fuel: bool,
    /// Look whether it is to end. Without it a guest that computes ends with this process. WasmEdge always does.
    #[cfg_attr(not(feature = "wasmtime"), expect(dead_code, reason = "WasmEdge interprets"))]
    pub(crate) interruptible: bool,
}

/// The argument by which this program is a compiler and nothing else.
#[cfg(feature = "wasmtime")]
pub(crate) const COMPILE_FOR_PARENT: &str = "compile-for-parent";
