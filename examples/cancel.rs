//! Ends guests from outside: by a token that several share, and by a signal that the host was sent.
//!
//! `cargo run -p examples --example cancel`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{
    io, iter,
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use wasm_exec::{Cancel, Exit, Input, Stop, Task};

fn main() -> anyhow::Result<()> {
    let engine = wasm_exec::engine("wasmtime")?;
    let computes = engine.compile(&guests::LOOP.wasm())?;
    let reads = engine.compile(&guests::CAT.wasm())?;

    // `run` keeps this thread, so another one ends it. A token that was used stays used.
    let cancel = Cancel::new();
    let kept = cancel.clone();
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        kept.cancel();
    });
    let exit = computes.run(Task::default().cancel(cancel.clone()))?;
    println!("cancelled by another thread: {exit}");
    assert_eq!(exit, Exit::Stopped(Stop::Cancelled));
    assert_eq!(computes.run(Task::default().cancel(cancel))?, Exit::Stopped(Stop::Cancelled));
    other.join().map_err(|_| anyhow::anyhow!("the other thread panicked"))?;

    // `start` has a thread of its own. This guest waits for input that never comes: also that is ended.
    let (input, _open) = io::pipe()?;
    let stdin = Input::file(OwnedFd::from(input).into());
    let running = reads.start(Task::default().stdin(stdin))?;
    assert!(!running.is_finished());
    let start = Instant::now();
    running.signal(15);
    let exit = running.wait()?;
    println!("signalled while it reads: {exit}, code {}, after {:.2?}", exit.code(), start.elapsed());
    assert_eq!(exit, Exit::Stopped(Stop::Signal(15)));

    // One token ends all that have it: a pod, a shutdown.
    let all = Cancel::new();
    let many: Vec<_> = iter::repeat_with(|| computes.start(Task::default().cancel(all.clone())))
        .take(3)
        .collect::<Result<_, _>>()?;
    all.signal(2);
    for running in many {
        assert_eq!(running.wait()?, Exit::Stopped(Stop::Signal(2)));
    }
    println!("three at once: {}", Stop::Signal(2));
    Ok(())
}
