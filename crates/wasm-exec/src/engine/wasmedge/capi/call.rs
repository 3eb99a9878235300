use std::{
    marker::PhantomData,
    ptr::{self, NonNull},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use wasmedge_sys::ffi;

use super::{Failure, Owned, Result};

/// A call that runs on a thread of the library.
///
/// It uses the executor, which is borrowed as long: whoever drops it early stops it and waits for its end.
pub(crate) struct Call<'run> {
    call: NonNull<ffi::WasmEdge_Async>,
    brake: Brake,
    ended: bool,
    executor: PhantomData<&'run mut ()>,
}

impl Call<'_> {
    /// Puts a call that begins now under a brake.
    pub(super) fn new(brake: &Brake, begin: impl FnOnce() -> *mut ffi::WasmEdge_Async) -> Option<Self> {
        let mut grip = brake.grip();
        // SAFETY: just made, and this is the function for it.
        let call = unsafe { Owned::new(begin(), ffi::WasmEdge_AsyncDelete) }?;
        let pointer = grip.call.insert(call).pointer;
        if grip.pulled {
            grip.cancel();
        }
        Some(Self { call: pointer, brake: brake.clone(), ended: false, executor: PhantomData })
    }

    /// Waits until it has ended, at most as long as said; tells whether it has.
    pub(crate) fn wait_for(&self, timeout: Duration) -> bool {
        let milliseconds = timeout.as_micros().div_ceil(1000).try_into().unwrap_or(u64::MAX);
        // SAFETY: it is alive, as only `drop` deletes it.
        unsafe { ffi::WasmEdge_AsyncWaitFor(self.call.as_ptr(), milliseconds) }
    }

    /// Waits until it has ended.
    pub(crate) fn end(mut self) -> Result<()> {
        // SAFETY: it is alive, as only `drop` deletes it; there is no room for results.
        let result = unsafe { ffi::WasmEdge_AsyncGet(self.call.as_ptr(), ptr::null_mut(), 0) };
        self.ended = true;
        Failure::check(result)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.brake.pull();
        }
        // SAFETY: it is alive until it is taken below.
        unsafe { ffi::WasmEdge_AsyncWait(self.call.as_ptr()) };
        drop(self.brake.grip().call.take());
    }
}

/// Stops the call of a run, from any thread. It stays pulled: a call that begins later ends at once.
#[derive(Clone, Default)]
pub(crate) struct Brake(Arc<Mutex<Grip>>);

impl Brake {
    pub(crate) fn pull(&self) {
        let mut grip = self.grip();
        grip.pulled = true;
        grip.cancel();
    }

    fn grip(&self) -> MutexGuard<'_, Grip> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Grip {
    pulled: bool,
    /// The call that is running. It is deleted by whoever takes it out, so that nobody cancels it after that.
    call: Option<Owned<ffi::WasmEdge_Async>>,
}

// SAFETY: a call belongs to no thread, and its functions can be called on any.
unsafe impl Send for Grip {}

impl Grip {
    fn cancel(&self) {
        if let Some(call) = &self.call {
            // SAFETY: it is alive, and so is its executor, which the call borrows until it is taken out. The library
            // sets an atomic of the executor.
            unsafe { ffi::WasmEdge_AsyncCancel(call.as_ptr()) }
        }
    }
}
