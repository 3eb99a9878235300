use std::ptr;

use wasmedge_sys::ffi;

use super::{Failure, Owned, Result};

/// A module that was parsed and validated.
pub(crate) struct Module(pub(super) Owned<ffi::WasmEdge_ASTModuleContext>);

// SAFETY: it belongs to no thread.
unsafe impl Send for Module {}
// SAFETY: all that is done with it after `parse` is to make instances of it, for which the library takes it as const.
unsafe impl Sync for Module {}

impl Module {
    /// Parses and validates.
    pub(crate) fn parse(wasm: &[u8]) -> Result<Self> {
        // Without a configuration the proposals are the library's own choice and the interpreter runs the code: machine
        // code that a file brings along is ignored.
        // SAFETY: null is allowed.
        let loader = unsafe { ffi::WasmEdge_LoaderCreate(ptr::null()) };
        // SAFETY: just made, and this is the function for it.
        let loader = unsafe { Owned::new(loader, ffi::WasmEdge_LoaderDelete) };
        let loader = loader.ok_or_else(Failure::nothing)?;
        let length = u32::try_from(wasm.len()).map_err(|_| Failure::nothing())?;
        let mut module = ptr::null_mut();
        let bytes = ffi::WasmEdge_Bytes { Length: length, Buf: wasm.as_ptr() };
        // SAFETY: the bytes are there during the call, which copies what it keeps.
        let parsed = unsafe { ffi::WasmEdge_LoaderParseFromBytes(loader.as_ptr(), &raw mut module, bytes) };
        // SAFETY: just made or null, and this is the function for it.
        let module = unsafe { Owned::new(module, ffi::WasmEdge_ASTModuleDelete) };
        Failure::check(parsed)?;
        let module = Self(module.ok_or_else(Failure::nothing)?);
        module.validate()?;
        Ok(module)
    }

    fn validate(&self) -> Result<()> {
        // SAFETY: null is allowed.
        let validator = unsafe { ffi::WasmEdge_ValidatorCreate(ptr::null()) };
        // SAFETY: just made, and this is the function for it.
        let validator = unsafe { Owned::new(validator, ffi::WasmEdge_ValidatorDelete) };
        let validator = validator.ok_or_else(Failure::nothing)?;
        // SAFETY: both are alive.
        Failure::check(unsafe { ffi::WasmEdge_ValidatorValidate(validator.as_ptr(), self.0.as_ptr()) })
    }
}
