//! Modules that have too much of something, or are too many.

use std::thread;

use wasm_exec::{Exit, TrapKind};

use super::{engine, task};
use crate::support::{calling, run, wasm};

#[test]
fn a_write_of_a_hundred_thousand_buffers_is_no_memory_of_the_host() {
    // Each of them is 64 KiB: six gigabytes.
    let writes = calling(
        &[("fd_write", "i32 i32 i32 i32")],
        "",
        "(loop $again (result i32)
           (drop (memory.grow (i32.sub (i32.const 20) (memory.size))))
           (i32.store (i32.add (i32.const 65540) (i32.mul (i32.load (i32.const 0)) (i32.const 8)))
             (i32.const 65536))
           (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
           (br_if $again (i32.lt_u (i32.load (i32.const 0)) (i32.const 100000)))
           (drop (call $fd_write (i32.const 1) (i32.const 65536) (i32.const 100000) (i32.const 8)))
           (i32.const 5))",
    );
    assert_eq!(engine().compile(&writes).unwrap().run(task()).unwrap(), Exit::Code(5));
}

#[test]
fn an_import_may_be_there_many_times() {
    let import = r#"(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))"#.repeat(2000);
    let guest = wasm(&format!(
        r#"(module {import} (memory (export "memory") 1) (func (export "_start") (drop (call 1999))))"#
    ));
    assert_eq!(run(&*engine(), &guest, task()).exit, Exit::Code(0));
}

#[test]
fn custom_sections_cost_nothing() {
    let mut guest = guests::EXIT_CODE.wasm();
    let size = 100_000_000_u32;
    // A name section that is none; its length is written in five bytes.
    let length = (0..5).map(|at| (size >> (7 * at)) as u8 & 0x7f | if at < 4 { 0x80 } else { 0 });
    guest.push(0);
    guest.extend(length);
    guest.extend(b"\x04name");
    guest.resize(guest.len() + size as usize - 5, 0xff);
    assert_eq!(run(&*engine(), &guest, task()).exit, Exit::Code(7));
}

#[test]
fn a_thousand_traps_disturb_nobody() {
    let [traps, works] =
        [guests::TRAP, guests::EXIT_CODE].map(|guest| engine().compile(&guest.wasm()).unwrap());
    thread::scope(|scope| {
        for lane in 0..8 {
            let [traps, works] = [&traps, &works];
            scope.spawn(move || {
                for _ in 0..125 {
                    if lane % 4 == 0 {
                        assert_eq!(works.run(task()).unwrap(), Exit::Code(7));
                    }
                    let exit = traps.run(task()).unwrap();
                    assert!(matches!(exit, Exit::Trap(trap) if trap.kind == TrapKind::Unreachable));
                }
            });
        }
    });
}
