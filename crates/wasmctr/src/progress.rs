//! What is seen while a registry is used: bars on standard error, when a person looks.

use std::{
    collections::HashMap,
    env,
    io::{self, IsTerminal},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use wasm_oci::registry::{Event, Options, Way};

use crate::table::visible;

/// Bars that go away with the value.
#[derive(Debug)]
pub(crate) struct Progress(Arc<Shown>);

#[derive(Debug)]
struct Shown {
    quiet: bool,
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

/// What is sooner done than seen has no bar.
const PATIENCE: Duration = Duration::from_millis(300);

impl Progress {
    /// Bars, if standard error is a terminal that can show them and nobody wants quiet.
    pub(crate) fn new(quiet: bool) -> Self {
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb") || env::var_os("CI").is_some();
        let person = io::stderr().is_terminal() && !dumb && !quiet;
        let target = if person { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self(Arc::new(Shown { quiet, all: MultiProgress::with_draw_target(target), bars: Mutex::default() }))
    }

    /// Has everything shown that happens.
    pub(crate) fn watch(&self, options: Options) -> Options {
        let shown = Arc::clone(&self.0);
        options.on_event(move |event| shown.event(event))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // Standard error may be closed.
        let _ = self.0.all.clear();
    }
}

impl Shown {
    fn event(&self, event: &Event) {
        match event {
            Event::Began { digest, size, from, way } => self.begin(digest.as_ref(), *size, *from, *way),
            Event::Moved { digest, position } => self.bar(digest.as_ref(), |bar| bar.set_position(*position)),
            Event::Ended { digest, .. } => {
                if let Some(bar) = self.lock().remove(digest.as_ref()) {
                    bar.finish_and_clear();
                }
            }
            Event::Retrying { why, after } if !self.quiet => {
                self.say(&format!("{why}; again in {:.1} s", after.as_secs_f32()));
            }
            Event::Warning { text } if !self.quiet => self.say(&format!("the registry says: {text}")),
            _ => {}
        }
    }

    fn begin(&self, digest: &str, size: u64, from: u64, way: Way) {
        if self.all.is_hidden() {
            return;
        }
        let style = ProgressStyle::with_template(
            "{prefix:<24} {bar:24} {bytes:>10} of {total_bytes:<10} {bytes_per_sec}",
        );
        let arrow = if way == Way::Down { "pull" } else { "push" };
        let hex = digest.split(':').next_back().unwrap_or_default();
        let bar = ProgressBar::new(size).with_position(from).with_prefix(format!("{arrow} {hex:.16}"));
        if let Ok(style) = style {
            bar.set_style(style);
        }
        let bar = self.all.add(bar);
        bar.enable_steady_tick(PATIENCE);
        self.lock().insert(digest.to_owned(), bar);
    }

    fn bar(&self, digest: &str, update: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.lock().get(digest) {
            update(bar);
        }
    }

    /// One line for people, above the bars.
    fn say(&self, text: &str) {
        let line = format!("warning: {}", visible(text));
        self.all.suspend(|| {
            use io::Write;
            // Standard error may be closed.
            let _ = writeln!(io::stderr(), "{line}");
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, ProgressBar>> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
