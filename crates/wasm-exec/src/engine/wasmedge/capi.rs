//! WasmEdge's C API, as far as it is needed here, with owners for what it hands out: nothing unsafe is visible outside.
//!
//! The calls are those of `wasmedge_sys::ffi`, and only for what wasmedge-sdk lacks: it reaches neither the standard streams
//! nor the cancelling of a run, and its owners do not lend the pointers that those need.

use std::{ffi::CStr, fmt, ptr::NonNull};

use wasmedge_sys::ffi;

pub(super) use self::{
    call::Brake,
    executor::{Bounds, Executor},
    module::Module,
    wasi::{Replacement, Wasi},
};

mod call;
mod executor;
mod module;
mod wasi;

/// Why a call failed: WasmEdge's number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure(ffi::WasmEdge_Result);

impl Failure {
    /// Returns one of `ffi::WasmEdge_ErrCode_*`.
    pub(super) fn code(self) -> ffi::WasmEdge_ErrCode {
        // SAFETY: the function takes a value and reads nothing else.
        unsafe { ffi::WasmEdge_ResultGetCode(self.0) }
    }

    /// No result is there, although the call did not fail.
    fn nothing() -> Self {
        Self(ffi::WasmEdge_Result { Code: ffi::WasmEdge_ErrCode_RuntimeError })
    }

    fn check(result: ffi::WasmEdge_Result) -> Result<()> {
        if result.Code == ffi::WasmEdge_ErrCode_Success { Ok(()) } else { Err(Self(result)) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the function takes a value and reads nothing else.
        let message = unsafe { ffi::WasmEdge_ResultGetMessage(self.0) };
        // SAFETY: it is a constant of the library, with a NUL at its end.
        let message = unsafe { CStr::from_ptr(message) };
        f.write_str(&message.to_string_lossy())
    }
}

impl std::error::Error for Failure {}

pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Something that the library made and this side must delete.
struct Owned<T> {
    pointer: NonNull<T>,
    delete: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes ownership; `None` for a null pointer.
    ///
    /// # Safety
    ///
    /// Nobody else deletes what the pointer points to, and `delete` is the function for it.
    unsafe fn new(pointer: *mut T, delete: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        Some(Self { pointer: NonNull::new(pointer)?, delete })
    }

    fn as_ptr(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: as `new` demands; it happens once.
        unsafe { (self.delete)(self.as_ptr()) }
    }
}

/// Lends a name to a call; names are exports and functions of WASI, and shorter than a module.
fn string(name: &str) -> ffi::WasmEdge_String {
    ffi::WasmEdge_String { Length: name.len() as u32, Buf: name.as_ptr().cast() }
}
