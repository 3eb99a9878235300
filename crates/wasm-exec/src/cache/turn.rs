use std::{
    fs::{File, TryLockError},
    thread,
    time::Duration,
};

use super::{dir::Dir, key::Key};

/// One's turn to compile a module, while others who want the same wait.
///
/// It spares work and nothing depends on it: who cannot have it, or has waited long enough, compiles as well.
pub(super) struct Turn<'a> {
    dir: &'a Dir,
    name: String,
    _locked: File,
}

impl<'a> Turn<'a> {
    /// Waits for the turn; `None` if it does not come.
    pub(super) fn wait(dir: &'a Dir, key: &Key) -> Option<Self> {
        let (file, name) = dir.turn_file(key).ok()?;
        // Not by a lock that blocks: a process that was stopped would keep it for ever.
        for _ in 0..PATIENCE {
            match file.try_lock() {
                Ok(()) => return Some(Self { dir, name, _locked: file }),
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(_)) => return None,
            }
        }
        None
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Still locked. Who waits for it gets a file without a name, and looks for the code first.
        let _ = self.dir.remove(&self.name);
    }
}

/// Half a minute, in all.
const PATIENCE: u32 = 15_000;
const PAUSE: Duration = Duration::from_millis(2);
