//! Code that was generated before. All of this engine's `unsafe` is here.
#![expect(
    unsafe_code,
    reason = "native code is trusted by whoever loads it; `Precompiled` says why it may be"
)]

use std::{
    fs::File,
    hash::{Hash, Hasher},
    os::{fd::AsRawFd, unix::fs::FileExt},
};

use wasmtime::{Module, component::Component};

use super::{Compiled, NAME};
use crate::{Contents, Error, Precompiled, Result};

/// Wraps what `engine` generated.
pub(super) fn wrap(code: Vec<u8>) -> Precompiled {
    // SAFETY: its callers pass on what wasmtime has just returned, in this process or in a child, which is
    // a program that whoever made the engine vouches for (`CompilerProcess`), through a pipe that nobody else has.
    unsafe { Precompiled::from_bytes(NAME, code) }
}

/// Makes what the code was generated of. wasmtime refuses what another release or configuration made.
pub(super) fn load(engine: &wasmtime::Engine, code: &Precompiled) -> Result<Compiled> {
    let refused = |source| Error::Precompiled { engine: NAME, source };
    if code.engine() != NAME {
        return Err(refused(format!("{} made it", code.engine()).into()));
    }
    let compiled = match code.contents() {
        Contents::Bytes(bytes) => copied(engine, bytes),
        Contents::File(file) => mapped(engine, file).or_else(|_| {
            // A file system that is mounted `noexec` has no code to map. Whatever else was wrong is wrong again.
            let mut bytes = vec![0; usize::try_from(file.metadata()?.len())?];
            file.read_exact_at(&mut bytes, 0)?;
            copied(engine, &bytes)
        }),
    };
    compiled.map_err(|error| refused(error.into()))
}

fn copied(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Compiled> {
    if wasmtime::Engine::detect_precompiled(code) == Some(wasmtime::Precompiled::Component) {
        // SAFETY: as below.
        return Ok(Compiled::Component(unsafe { Component::deserialize(engine, code) }?));
    }
    // SAFETY: the contract of `Precompiled`, whose contents this is: what wasmtime generated, unchanged. wasmtime reads
    // an ELF file, whose header says where everything is; what follows that does not matter.
    Ok(Compiled::Module(unsafe { Module::deserialize(engine, code) }?))
}

fn mapped(engine: &wasmtime::Engine, file: &File) -> wasmtime::Result<Compiled> {
    let module = file.try_clone()?;
    // SAFETY: as above, and nobody changes the file as long as the module lives.
    if let Ok(module) = unsafe { Module::deserialize_open_file(engine, module) } {
        return Ok(Compiled::Module(module));
    }
    // A component is opened by its path only: this is the path of an open file.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the same.
    Ok(Compiled::Component(unsafe { Component::deserialize_file(engine, path) }?))
}

/// Names what generated code depends on: target, features of the processor, settings, and the release of wasmtime.
///
/// The standard library's hashers may give other numbers in another release of Rust, so this takes all that is hashed.
pub(super) fn compatibility(engine: &wasmtime::Engine) -> String {
    let mut all = Everything(Vec::new());
    engine.precompile_compatibility_hash().hash(&mut all);
    wasm_oci::sha256(&all.0).digest().to_owned()
}

struct Everything(Vec<u8>);

impl Hasher for Everything {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks: `compatibility` takes the bytes.
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::wasmtime::config::Codegen;

    #[test]
    fn compatibility_is_the_configuration_and_not_the_engine() {
        let of = |config: &wasmtime::Config| compatibility(&wasmtime::Engine::new(config).unwrap());
        let ours = of(&Codegen::default().config());
        assert_eq!(ours.len(), 64);
        assert_eq!(ours, of(&Codegen::default().config()));
        assert_ne!(ours, of(&Codegen { fuel: true, ..Codegen::default() }.config()));
        assert_ne!(ours, of(&Codegen { interruptible: false, ..Codegen::default() }.config()));
        assert_ne!(ours, of(Codegen::default().config().cranelift_opt_level(wasmtime::OptLevel::None)));
    }

    #[test]
    fn code_of_another_configuration_is_an_error() {
        let wasm = wat::parse_str("(module)").unwrap();
        let [ours, other] = [false, true].map(|fuel| {
            let codegen = Codegen { fuel, ..Codegen::default() };
            wasmtime::Engine::new(&codegen.config()).unwrap()
        });
        let code = wrap(other.precompile_module(&wasm).unwrap());
        let error = load(&ours, &code).err().unwrap();
        assert_eq!(error.to_string(), "wasmtime cannot load the precompiled code");
        assert!(std::error::Error::source(&error).is_some());
        load(&ours, &wrap(ours.precompile_module(&wasm).unwrap())).unwrap();
    }
}
