use std::time::{Duration, Instant};

/// The times of something that was measured now and then.
#[derive(Debug, Clone, Default)]
pub struct Turns(Vec<Duration>);

impl Turns {
    /// Measures something once more: the mean of so many runs.
    pub fn turn(&mut self, runs: u32, run: impl Fn()) {
        let start = Instant::now();
        (0..runs).for_each(|_| run());
        self.0.push(start.elapsed() / runs);
    }

    /// The time that so many of a hundred turns did not exceed.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get((sorted.len().saturating_sub(1)) * percent / 100).copied().unwrap_or_default()
    }

    /// The time in the middle.
    #[must_use]
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }
}

/// Measures two things turn by turn, because on a shared machine one minute is not like the next, and returns the
/// medians.
pub fn medians(turns: u32, a: (u32, &dyn Fn()), b: (u32, &dyn Fn())) -> (Duration, Duration) {
    let (mut of_a, mut of_b) = (Turns::default(), Turns::default());
    for _ in 0..turns {
        of_a.turn(a.0, a.1);
        of_b.turn(b.0, b.1);
    }
    (of_a.median(), of_b.median())
}

/// Says how much more ours costs than what is written by hand.
#[expect(clippy::print_stdout, reason = "a bench reports")]
pub fn ratio(what: &str, ours: &dyn Fn(), by_hand: &dyn Fn()) {
    let turns = if is_bench() { 1000 } else { 1 };
    let (ours, by_hand) = medians(turns, (10, ours), (10, by_hand));
    let ratio = ours.as_secs_f64() / by_hand.as_secs_f64();
    println!("{what}/ratio: wasm-exec {ours:?}, by hand {by_hand:?}: {ratio:.3}x (medians, turn by turn)");
}

/// Tells whether figures are wanted: `cargo test --benches` only wants to know whether it works.
#[must_use]
pub fn is_bench() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}
