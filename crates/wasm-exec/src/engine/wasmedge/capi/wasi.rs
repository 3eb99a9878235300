use std::{
    ffi::{CStr, CString, c_char, c_void},
    marker::PhantomData,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    ptr::{self, NonNull},
    slice,
};

use wasmedge_sys::ffi;

use super::{Failure, Owned, string};

/// WASI preview 1 with WasmEdge's sockets, for one run.
pub(crate) struct Wasi<'fd> {
    pub(super) module: Owned<ffi::WasmEdge_ModuleInstanceContext>,
    descriptors: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> Wasi<'fd> {
    /// Makes the functions; the descriptors are used as they are and not closed.
    pub(crate) fn new(
        args: &[CString],
        env: &[CString],
        preopens: &[CString],
        stdio: [BorrowedFd<'fd>; 3],
    ) -> Option<Self> {
        let [args, env, preopens] = [args, env, preopens].map(Strings::new);
        let [stdin, stdout, stderr] = stdio.map(|fd| fd.as_raw_fd());
        // SAFETY: the strings are there during the call, which copies them, and the descriptors as long as the value.
        let module = unsafe {
            ffi::WasmEdge_ModuleInstanceCreateWASIWithFds(
                args.first(),
                args.len()?,
                env.first(),
                env.len()?,
                preopens.first(),
                preopens.len()?,
                stdin,
                stdout,
                stderr,
            )
        };
        // SAFETY: just made, and this is the function for it.
        let module = unsafe { Owned::new(module, ffi::WasmEdge_ModuleInstanceDelete) }?;
        Some(Self { module, descriptors: PhantomData })
    }

    /// Returns what the guest gave to `proc_exit`; 0 if it did not call it.
    pub(crate) fn exit_code(&self) -> i32 {
        // SAFETY: the module is alive, and one that has an exit code.
        unsafe { ffi::WasmEdge_ModuleInstanceWASIGetExitCode(self.module.as_ptr()) }.cast_signed()
    }

    /// Returns the descriptor of the process that is behind a descriptor of the guest.
    pub(crate) fn descriptor(&self, fd: i32) -> Option<BorrowedFd<'_>> {
        let mut native = 0;
        // SAFETY: the module is alive, and the result is written to a variable of this type.
        let missing = unsafe {
            ffi::WasmEdge_ModuleInstanceWASIGetNativeHandler(self.module.as_ptr(), fd, &raw mut native)
        };
        let native = RawFd::try_from(native).ok().filter(|fd| missing == 0 && *fd >= 0)?;
        // SAFETY: the module keeps it open; a guest, which could close it, borrows the module for as long as it is.
        Some(unsafe { BorrowedFd::borrow_raw(native) })
    }

    /// Puts a function of ours, of `params` numbers of 32 bits, in the place of one of WASI.
    pub(crate) fn replace(&mut self, name: &str, params: usize, with: Replacement) -> Option<()> {
        // SAFETY: makes a value.
        let number = unsafe { ffi::WasmEdge_ValTypeGenI32() };
        let params = vec![number; params];
        let count = u32::try_from(params.len()).ok()?;
        // SAFETY: the lists are there during the call, which copies them.
        let ty = unsafe { ffi::WasmEdge_FunctionTypeCreate(params.as_ptr(), count, &raw const number, 1) };
        // SAFETY: just made, and this is the function for it.
        let ty = unsafe { Owned::new(ty, ffi::WasmEdge_FunctionTypeDelete) }?;
        // SAFETY: the type is alive and copied, and the function has no data.
        let function =
            unsafe { ffi::WasmEdge_FunctionInstanceCreate(ty.as_ptr(), Some(with.0), ptr::null_mut(), 0) };
        let function = NonNull::new(function)?;
        // SAFETY: the module is alive, copies the name and takes the function, which nobody else has, as its own.
        unsafe {
            ffi::WasmEdge_ModuleInstanceAddFunction(self.module.as_ptr(), string(name), function.as_ptr());
        }
        Some(())
    }
}

/// A function that can be put in the place of one of WASI.
#[derive(Clone, Copy)]
pub(crate) struct Replacement(HostFunction);

impl Replacement {
    /// Says that it is not permitted.
    pub(crate) const DENIED: Self = Self(denied);
    /// Says that it is done, and does nothing.
    pub(crate) const NOTHING: Self = Self(nothing);
    /// Writes 0 to the two addresses that it gets.
    pub(crate) const TWO_ZEROS: Self = Self(two_zeros);
}

type HostFunction = unsafe extern "C" fn(
    *mut c_void,
    *const ffi::WasmEdge_CallingFrameContext,
    *const ffi::WasmEdge_Value,
    *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result;

unsafe extern "C" fn denied(
    _: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    _: *const ffi::WasmEdge_Value,
    results: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: the type of the function, which `replace` set, has one result.
    unsafe { give(results, ERRNO_ACCES) }
}

unsafe extern "C" fn nothing(
    _: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    _: *const ffi::WasmEdge_Value,
    results: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: the type of the function, which `replace` set, has one result.
    unsafe { give(results, ERRNO_SUCCESS) }
}

unsafe extern "C" fn two_zeros(
    _: *mut c_void,
    frame: *const ffi::WasmEdge_CallingFrameContext,
    params: *const ffi::WasmEdge_Value,
    results: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: the frame is that of the call.
    let memory = unsafe { ffi::WasmEdge_CallingFrameGetMemoryInstance(frame, 0) };
    if memory.is_null() {
        return ffi::WasmEdge_Result { Code: ffi::WasmEdge_ErrCode_HostFuncError };
    }
    // SAFETY: the type of the function, which `replace` set, has two parameters.
    let addresses = unsafe { slice::from_raw_parts(params, 2) };
    let mut errno = ERRNO_SUCCESS;
    for address in addresses {
        // SAFETY: the parameters are numbers of this type.
        let address = unsafe { ffi::WasmEdge_ValueGetI32(*address) }.cast_unsigned();
        // SAFETY: the memory is alive during the call, and the library checks the address.
        let written =
            unsafe { ffi::WasmEdge_MemoryInstanceSetData(memory, [0; 4].as_ptr(), address.into(), 4) };
        if Failure::check(written).is_err() {
            errno = ERRNO_FAULT;
        }
    }
    // SAFETY: the type of the function, which `replace` set, has one result.
    unsafe { give(results, errno) }
}

/// Gives the guest an error number.
///
/// # Safety
///
/// `results` has room for one value.
unsafe fn give(results: *mut ffi::WasmEdge_Value, errno: i32) -> ffi::WasmEdge_Result {
    // SAFETY: makes a value.
    let errno = unsafe { ffi::WasmEdge_ValueGenI32(errno) };
    // SAFETY: as this function demands.
    unsafe { results.write(errno) };
    ffi::WasmEdge_Result { Code: ffi::WasmEdge_ErrCode_Success }
}

/// A list of strings as C has it.
struct Strings<'a> {
    pointers: Vec<*const c_char>,
    strings: PhantomData<&'a CStr>,
}

impl<'a> Strings<'a> {
    fn new(strings: &'a [CString]) -> Self {
        Self { pointers: strings.iter().map(|string| string.as_ptr()).collect(), strings: PhantomData }
    }

    fn first(&self) -> *const *const c_char {
        if self.pointers.is_empty() { ptr::null() } else { self.pointers.as_ptr() }
    }

    fn len(&self) -> Option<u32> {
        self.pointers.len().try_into().ok()
    }
}

/// Error numbers of preview 1.
const ERRNO_SUCCESS: i32 = 0;
const ERRNO_ACCES: i32 = 2;
const ERRNO_FAULT: i32 = 21;
