//! WasmEdge's C API, as far as it is needed here, with owners for what it hands out: nothing unsafe is visible outside.
//!
//! The calls are those of `wasmedge_sys::ffi`. What wasmedge-sdk builds on them cannot be used: it reaches neither the
//! standard streams nor the cancelling of a run, and its owners do not lend the pointers that those need.

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

/// Returns the version of the library that is loaded: major, minor, and all of it as text.
pub(super) fn version() -> (u32, u32, String) {
    // SAFETY: a constant of the library.
    let major = unsafe { ffi::WasmEdge_VersionGetMajor() };
    // SAFETY: a constant of the library.
    let minor = unsafe { ffi::WasmEdge_VersionGetMinor() };
    // SAFETY: a constant of the library.
    let text = unsafe { ffi::WasmEdge_VersionGet() };
    // SAFETY: it has a NUL at its end and is there as long as the library.
    let text = unsafe { CStr::from_ptr(text) };
    (major, minor, text.to_string_lossy().into_owned())
}

/// Stops the library's messages, which would go to the standard output of the process.
pub(super) fn silence() {
    // SAFETY: sets a level that is read atomically.
    unsafe { ffi::WasmEdge_LogOff() }
}

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
