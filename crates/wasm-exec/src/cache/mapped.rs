use std::{fs::File, io, ptr, slice};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The bytes of a file, mapped and not copied: to read a file of code took longer than to compute its checksum.
///
/// A disk that fails ends the process by a signal, as it does when the engine maps the same file to run it.
#[derive(Debug)]
pub(super) struct Mapped {
    start: *const u8,
    length: usize,
}

impl Mapped {
    /// Maps the first `length` bytes, which must not be none.
    ///
    /// # Safety
    ///
    /// Nobody may change or shorten the file as long as this lives.
    #[expect(unsafe_code, reason = "a file that others could change is no slice")]
    pub(super) unsafe fn new(file: &File, length: usize) -> io::Result<Self> {
        // All at once: each page is read, and a fault for each costs more than the mapping.
        let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
        // SAFETY: the kernel chooses where, so it is nobody else's memory.
        let start = unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, flags, file, 0) }?;
        Ok(Self { start: start.cast(), length })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "the memory is mapped as long as this lives")]
        // SAFETY: `new` mapped so many bytes there, readable, and whoever called it vouches that nobody changes them.
        unsafe {
            slice::from_raw_parts(self.start, self.length)
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "what was mapped")]
        // SAFETY: `new` mapped it, and `bytes` borrows from this.
        let unmapped = unsafe { munmap(self.start.cast_mut().cast(), self.length) };
        debug_assert!(unmapped.is_ok());
    }
}
