//! Trying again what may work later.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use super::{Again, Fault, Http};
use crate::{
    Result,
    registry::{Event, Options},
};

/// How long a repetition waits at the most, when the registry does not say.
const LONGEST: Duration = Duration::from_secs(10);

/// Counts what failed in a row.
#[derive(Debug)]
pub(in crate::registry) struct Patience<'a> {
    options: &'a Options,
    failures: u32,
}

impl<'a> Patience<'a> {
    pub(in crate::registry) fn new(options: &'a Options) -> Self {
        Self { options, failures: 0 }
    }

    /// Notes that something went forward.
    pub(in crate::registry) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Waits as long as is right after this fault, unless there have been enough of them, or it will not pass.
    pub(in crate::registry) async fn wait(&mut self, fault: Fault) -> Result<()> {
        let after = match fault.again {
            Again::Never => return Err(fault.error),
            _ if self.failures >= self.options.retries => return Err(fault.error),
            Again::Soon => jitter(backoff(self.options, self.failures)),
            Again::After(after) => after,
        };
        self.failures += 1;
        self.options.tell(&Event::Retrying { why: fault.error.to_string(), after });
        tokio::time::sleep(after).await;
        Ok(())
    }
}

impl Http {
    /// Does it until it works, or will not.
    pub(in crate::registry) async fn retrying<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T> {
        let mut patience = Patience::new(&self.options);
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(fault) => patience.wait(fault).await?,
            }
        }
    }
}

fn backoff(options: &Options, failures: u32) -> Duration {
    options.backoff.saturating_mul(1 << failures.min(16)).min(LONGEST)
}

/// A quarter more or less. The standard library's seed for hash maps is random enough for that.
fn jitter(time: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 512;
    time.mul_f64(0.75 + random as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let options = Options::default();
        let waits: Vec<_> = (0..8).map(|n| backoff(&options, n).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        for _ in 0..100 {
            let wait = jitter(Duration::from_secs(4)).as_millis();
            assert!((3000..5000).contains(&wait), "{wait}");
        }
    }
}
