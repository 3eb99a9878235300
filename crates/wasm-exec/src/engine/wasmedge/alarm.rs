use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use super::capi::{self, Brake, Executor};
use crate::{Cancel, Limits, Stop, Task, Watch};

/// What ends one run from outside, as far as WasmEdge looks whether it shall end: with each branch and call.
///
/// The guest runs on a thread of the library then. The caller's thread waits for its end or the deadline, and whoever
/// else wants it to end rings on his own thread, so that nobody has to look again and again.
pub(super) struct Alarm {
    begin: Instant,
    deadline: Option<Duration>,
    cancel: Option<Cancel>,
    bell: Arc<Bell>,
    _watch: Option<Watch>,
}

impl Alarm {
    /// Makes one if the task has a reason for it: without, the guest runs on the caller's thread.
    pub(super) fn set(task: &Task) -> Option<Self> {
        let Task { cancel, limits: Limits { deadline, output_bytes, .. }, .. } = task;
        if cancel.is_none() && deadline.is_none() && output_bytes.is_none() {
            return None;
        }
        let bell = Arc::new(Bell::default());
        let watch = cancel.as_ref().map(|cancel| {
            let (asked, bell) = (cancel.clone(), Arc::clone(&bell));
            cancel.on_request(move || asked.requested().into_iter().for_each(|stop| bell.ring(stop)))
        });
        let (begin, deadline, cancel) = (Instant::now(), *deadline, cancel.clone());
        Some(Self { begin, deadline, cancel, bell, _watch: watch })
    }

    pub(super) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Returns why the guest shall not even begin.
    pub(super) fn rang_already(&self) -> Option<Stop> {
        let late = self.left().is_some_and(|left| left.is_zero());
        self.cancel.as_ref().and_then(Cancel::requested).or_else(|| late.then_some(Stop::Deadline))
    }

    /// Returns why a call was interrupted.
    pub(super) fn rang(&self) -> Option<Stop> {
        self.bell.rang.get().copied()
    }

    /// Calls an exported function and waits until it has ended, by itself or by the alarm; `None` if it cannot begin.
    pub(super) fn call(&self, executor: &mut Executor<'_>, name: &str) -> Option<capi::Result<()>> {
        let call = executor.begin(name, &self.bell.brake)?;
        while let Some(left) = self.left() {
            if call.wait_for(left.min(LONGEST)) {
                break;
            }
            if left.is_zero() {
                self.bell.ring(Stop::Deadline);
                break;
            }
        }
        Some(call.end())
    }

    fn left(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_sub(self.begin.elapsed()))
    }
}

/// Ends the run when it rings; why it did so first counts.
#[derive(Default)]
pub(super) struct Bell {
    rang: OnceLock<Stop>,
    brake: Brake,
}

impl Bell {
    pub(super) fn ring(&self, stop: Stop) {
        self.rang.get_or_init(|| stop);
        self.brake.pull();
    }
}

/// WasmEdge adds what it shall wait to what its clock says: not more than there is room for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
