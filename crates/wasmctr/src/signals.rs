use std::{fs, io, thread};

use anyhow::anyhow;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};

use crate::{Failure, ending::FAILED};

/// From now on, calls `first` for the first signal that would end this process, and `second` for the next.
///
/// Signals that this process was started to ignore, as by `nohup`, it goes on ignoring.
pub(crate) fn listen(
    first: impl FnOnce(u8) + Send + 'static,
    second: impl FnOnce(u8) + Send + 'static,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(FAILED, anyhow!(error).context("cannot listen for signals"));
    let ignored = ignored();
    let signals = Signals::new(ENDING.into_iter().filter(|number| ignored >> (number - 1) & 1 == 0));
    let mut signals = signals.map_err(failed)?;
    let listen = move || {
        let mut numbers = signals.forever().filter_map(|number| u8::try_from(number).ok());
        if let Some(number) = numbers.next() {
            first(number);
        }
        if let Some(number) = numbers.next() {
            second(number);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen).map_err(failed)?;
    Ok(())
}

/// What ends a process that does not care, apart from what nobody can care about.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// The signals that are ignored, the lowest bit for number 1; none where the system has no `/proc`.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
