//! WasmEdge's C API, as far as it is needed here, with owners for what it hands out: nothing unsafe is visible outside.
//!
//! The calls are those of `wasmedge_sys::ffi`. What wasmedge-sdk builds on them cannot be used: it reaches neither the
//! standard streams nor, later, the cancelling of a run, and its owners do not lend the pointers that those need.

use std::{
    ffi::{CStr, CString, c_char, c_void},
    fmt,
    marker::PhantomData,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    ptr::{self, NonNull},
    slice,
};

use wasmedge_sys::ffi;

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

/// A module that was parsed and validated.
pub(super) struct Module(Owned<ffi::WasmEdge_ASTModuleContext>);

// SAFETY: it belongs to no thread.
unsafe impl Send for Module {}
// SAFETY: all that is done with it after `parse` is to make instances of it, for which the library takes it as const.
unsafe impl Sync for Module {}

impl Module {
    /// Parses and validates.
    pub(super) fn parse(wasm: &[u8]) -> Result<Self> {
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

/// WASI preview 1 with WasmEdge's sockets, for one run.
pub(super) struct Wasi<'fd> {
    module: Owned<ffi::WasmEdge_ModuleInstanceContext>,
    descriptors: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> Wasi<'fd> {
    /// Makes the functions; the descriptors are used as they are and not closed.
    pub(super) fn new(
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
    pub(super) fn exit_code(&self) -> i32 {
        // SAFETY: the module is alive, and one that has an exit code.
        unsafe { ffi::WasmEdge_ModuleInstanceWASIGetExitCode(self.module.as_ptr()) }.cast_signed()
    }

    /// Returns the descriptor of the process that is behind a descriptor of the guest.
    pub(super) fn descriptor(&self, fd: i32) -> Option<BorrowedFd<'_>> {
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
    pub(super) fn replace(&mut self, name: &str, params: usize, with: Replacement) -> Option<()> {
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
pub(super) struct Replacement(HostFunction);

impl Replacement {
    /// Says that it is not permitted.
    pub(super) const DENIED: Self = Self(denied);
    /// Says that it is done, and does nothing.
    pub(super) const NOTHING: Self = Self(nothing);
    /// Writes 0 to the two addresses that it gets.
    pub(super) const TWO_ZEROS: Self = Self(two_zeros);
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

/// What makes an instance and calls its functions, for one run: a cancelled one would stay so.
///
/// The fields are dropped in this order: the instance refers to the others.
pub(super) struct Executor<'run> {
    instance: Option<Owned<ffi::WasmEdge_ModuleInstanceContext>>,
    store: Owned<ffi::WasmEdge_StoreContext>,
    executor: Owned<ffi::WasmEdge_ExecutorContext>,
    /// The functions that the instance imports, and the code that it is made of.
    borrowed: PhantomData<&'run ()>,
}

impl<'run> Executor<'run> {
    /// Makes one that offers these functions to the instance.
    pub(super) fn new(wasi: &'run Wasi<'_>) -> Result<Self> {
        // SAFETY: null is allowed for both.
        let executor = unsafe { ffi::WasmEdge_ExecutorCreate(ptr::null(), ptr::null_mut()) };
        // SAFETY: just made, and this is the function for it.
        let executor = unsafe { Owned::new(executor, ffi::WasmEdge_ExecutorDelete) };
        let executor = executor.ok_or_else(Failure::nothing)?;
        // SAFETY: makes an empty one.
        let store = unsafe { ffi::WasmEdge_StoreCreate() };
        // SAFETY: just made, and this is the function for it.
        let store = unsafe { Owned::new(store, ffi::WasmEdge_StoreDelete) };
        let store = store.ok_or_else(Failure::nothing)?;
        // SAFETY: all three are alive; the functions outlive the store, which refers to them.
        Failure::check(unsafe {
            ffi::WasmEdge_ExecutorRegisterImport(executor.as_ptr(), store.as_ptr(), wasi.module.as_ptr())
        })?;
        Ok(Self { instance: None, store, executor, borrowed: PhantomData })
    }

    /// Makes the instance, which runs the module's start function.
    pub(super) fn instantiate(&mut self, module: &'run Module) -> Result<()> {
        let mut instance = ptr::null_mut();
        // SAFETY: all three are alive, and the module outlives the instance, which refers to it.
        let made = unsafe {
            ffi::WasmEdge_ExecutorInstantiate(
                self.executor.as_ptr(),
                &raw mut instance,
                self.store.as_ptr(),
                module.0.as_ptr(),
            )
        };
        // SAFETY: just made or null, and this is the function for it.
        self.instance = unsafe { Owned::new(instance, ffi::WasmEdge_ModuleInstanceDelete) };
        Failure::check(made)
    }

    /// Calls an exported function; it must have neither parameters nor results.
    pub(super) fn call(&mut self, name: &str) -> Result<()> {
        let instance = self.instance.as_ref().ok_or_else(Failure::nothing)?;
        // SAFETY: the instance is alive, and the name is there during the call.
        let function = unsafe { ffi::WasmEdge_ModuleInstanceFindFunction(instance.as_ptr(), string(name)) };
        let function = NonNull::new(function).ok_or_else(Failure::nothing)?;
        // SAFETY: executor and function are alive. The library compares the number of parameters with the function's
        // type, and writes as many results as there is room for: none.
        Failure::check(unsafe {
            ffi::WasmEdge_ExecutorInvoke(
                self.executor.as_ptr(),
                function.as_ptr(),
                ptr::null(),
                0,
                ptr::null_mut(),
                0,
            )
        })
    }
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

/// Lends a name to a call; names are exports and functions of WASI, and shorter than a module.
fn string(name: &str) -> ffi::WasmEdge_String {
    ffi::WasmEdge_String { Length: name.len() as u32, Buf: name.as_ptr().cast() }
}

/// Error numbers of preview 1.
const ERRNO_SUCCESS: i32 = 0;
const ERRNO_ACCES: i32 = 2;
const ERRNO_FAULT: i32 = 21;
