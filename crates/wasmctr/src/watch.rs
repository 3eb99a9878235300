use std::time::{Duration, Instant};

/// A stop-watch: each lap is the time since the one before.
#[derive(Debug)]
pub(crate) struct Watch {
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self { last: Instant::now(), laps: vec![] }
    }

    /// Ends the phase that began when the one before ended.
    pub(crate) fn lap(&mut self, phase: &'static str) {
        let now = Instant::now();
        self.laps.push((phase, now - self.last));
        self.last = now;
    }

    /// The phases that are over, with the time that each took.
    pub(crate) fn laps(&self) -> &[(&'static str, Duration)] {
        &self.laps
    }
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
