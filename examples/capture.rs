//! Takes what a guest writes into memory, with a bound: at the end, while it runs, and when it is too much.
//!
//! `cargo run -p examples --example capture`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{thread, time::Duration};

use wasm_exec::{Capture, Exit, Input, Output, Task};

fn main() -> anyhow::Result<()> {
    // Copies its input to its output, and ends with the number of what went wrong.
    let cat = wasm_exec::engine("wasmtime")?.compile(&guests::CAT.wasm())?;
    let text = "a line of text\n".repeat(10_000);
    let task = |capture: &Capture| {
        Task::default().stdin(Input::bytes(text.clone())).stdout(Output::Capture(capture.clone()))
    };

    let all = Capture::new(1 << 20);
    let exit = cat.run(task(&all))?;
    let taken = all.take();
    println!("a large buffer: {exit}, {} bytes", taken.len());
    assert_eq!(taken, text.as_bytes());

    // There is no room for more: the guest gets EPIPE, which is 64 in WASI, and decides what that means.
    let small = Capture::new(1000);
    let exit = cat.run(task(&small))?;
    println!("a small buffer: {exit}, {} bytes, overflowed: {}", small.take().len(), small.overflowed());
    assert_eq!(exit, Exit::Code(64));
    assert!(small.overflowed());

    // What is taken while it runs makes room. The guest does not wait for it: a buffer is no pipe.
    let tail = Capture::new(1 << 20);
    let running = cat.start(task(&tail))?;
    let mut taken = Vec::new();
    while !running.is_finished() {
        taken.extend(tail.take());
        thread::sleep(Duration::from_millis(1));
    }
    let exit = running.wait()?;
    taken.extend(tail.take());
    println!("while it runs: {exit}, {} bytes", taken.len());
    assert_eq!(taken, text.as_bytes());
    Ok(())
}
