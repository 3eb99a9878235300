//! Modules that have too much of something, or are too many.

use std::{thread, time::Duration};

use wasm_exec::{Capability, Error, Exit, Limits, TrapKind};

use super::{NAME, engine, task};
use crate::support::{calling, run, try_run, wasm};

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

#[test]
fn a_group_of_a_million_types_is_a_typed_error() {
    for count in [1_000, 1_000_000, 1_000_001, u32::MAX] {
        // Where groups of types are no part of the language that is taken, and where they are and are too large.
        let error = engine().compile(&group_of_types(count)).unwrap_err();
        let refused =
            matches!(error, Error::InvalidWasm { .. } | Error::Compile { .. } | Error::OverBudget { .. });
        assert!(refused, "{count}: {error:?}");
    }
}

/// A module with one group of so many types, each of which refers to the next; at most a million of them are there.
fn group_of_types(count: u32) -> Vec<u8> {
    let mut section = vec![1, 0x4e];
    section.extend(leb(count));
    for at in 0..count.min(1_000_000) {
        // A function that takes a reference to the type after it.
        section.extend([0x60, 1, 0x63]);
        section.extend(leb(at + 1));
        section.push(0);
    }
    let mut module = b"\0asm\x01\0\0\0\x01".to_vec();
    module.extend(leb(u32::try_from(section.len()).unwrap()));
    module.extend(section);
    module
}

fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

#[test]
fn strings_that_are_none_are_traps_of_the_component() {
    if !engine().info().can(Capability::Component) {
        let error = engine().compile(&passes_a_string("utf8", "utf8", 0, 0, 0)).unwrap_err();
        assert!(matches!(error, Error::Component { engine: NAME }), "{error:?}");
        return;
    }
    let ends = |wasm: &[u8]| {
        let limits = Limits::default().deadline(Duration::from_secs(20));
        try_run(&*engine(), wasm, task().entry("go").limits(limits)).unwrap().exit
    };
    let encodings = ["utf8", "utf16", "latin1+utf16"];
    for (from, to) in encodings.into_iter().flat_map(|from| encodings.map(|to| (from, to))) {
        let good = ends(&passes_a_string(from, to, 1024, 4, 2048));
        assert_eq!(good, Exit::Code(0), "{from} to {to}");
        for (pointer, length, place, what) in [
            (0, u32::MAX, 2048, "a length of 4 GiB"),
            (0, (1 << 31) | 1_000_000, 2048, "a length that twice is more than 4 GiB"),
            (0, (1 << 31) | 0x7fff_ffff, 2048, "a length with the mark of UTF-16"),
            (65_535, 2, 2048, "an end behind the memory"),
            (u32::MAX, 1, 2048, "a start behind the memory"),
            (1024, 4, 65_535, "a place behind the memory"),
            (1024, 4, u32::MAX, "a place at the end of all addresses"),
        ] {
            let exit = ends(&passes_a_string(from, to, pointer, length, place));
            assert!(matches!(exit, Exit::Trap(_)), "{from} to {to}, {what}: {exit}");
        }
        // An odd address is one for UTF-8 only.
        let odd = ends(&passes_a_string(from, to, 1025, 2, 2048));
        assert_eq!(matches!(odd, Exit::Trap(_)), from != "utf8", "{from} to {to}: {odd}");
        let odd = ends(&passes_a_string(from, to, 1024, 2, 2049));
        assert_eq!(matches!(odd, Exit::Trap(_)), to != "utf8", "{from} to {to}: {odd}");
    }
}

/// A component of two, one of which passes a string to the other, where `place` is what it has for it.
fn passes_a_string(from: &str, to: &str, pointer: u32, length: u32, place: u32) -> Vec<u8> {
    let [pointer, length, place] = [pointer, length, place].map(u32::cast_signed);
    let memory = |place: i32| {
        format!(
            r#"(memory (export "memory") 1)
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const {place}))"#
        )
    };
    let [memory_of_taker, memory_of_giver] = [memory(place), memory(2048)];
    wasm(&format!(
        r#"(component
             (component $taker
               (core module $m {memory_of_taker} (func (export "take") (param i32 i32)))
               (core instance $i (instantiate $m))
               (func (export "take") (param "text" string)
                 (canon lift (core func $i "take") (memory $i "memory") (realloc (func $i "realloc"))
                   string-encoding={to})))
             (component $giver
               (import "take" (func $take (param "text" string)))
               (core module $memory {memory_of_giver})
               (core instance $memory (instantiate $memory))
               (core func $take (canon lower (func $take) (memory $memory "memory")
                 (realloc (func $memory "realloc")) string-encoding={from}))
               (core module $m
                 (import "" "take" (func $take (param i32 i32)))
                 (func (export "go") (call $take (i32.const {pointer}) (i32.const {length}))))
               (core instance $i (instantiate $m (with "" (instance (export "take" (func $take))))))
               (func (export "go") (canon lift (core func $i "go"))))
             (instance $taker (instantiate $taker))
             (instance $giver (instantiate $giver (with "take" (func $taker "take"))))
             (export "go" (func $giver "go")))"#
    ))
}
