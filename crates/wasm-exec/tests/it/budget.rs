//! What a module may cost the compiler.
//!
//! The bombs were measured with wasmtime 48, compiled as the tests are (optimisation level 1), on one core: what each
//! says is what it took until it was refused. The defaults leave room for what programs have: of esbuild (Go, 14 MB),
//! Pyodide (C and Rust, 9 MB) and SQLite, no function is above a fifth of `function_work`.

use wasm_exec::{Budget, Engine, Error, Exit, Task, WasmtimeEngine};

use crate::support::wasm;

/// A module that is one function with this body.
fn function(locals: usize, body: &str) -> Vec<u8> {
    wasm(&format!(r#"(module (memory 1) (func (export "_start") (local {}) {body}))"#, "i32 ".repeat(locals)))
}

fn each(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect()
}

/// So many branches that skip assignments of all locals: the module of which Cranelift's trouble is known.
fn branches(locals: usize, branches: usize) -> Vec<u8> {
    let body = each(branches, |branch| {
        let assign = |n| {
            let [to, from] = [branch * 7 + n * 31, branch * 13 + n * 17].map(|local| local % locals);
            format!("(local.set {to} (i32.add (local.get {from}) (i32.const 1)))")
        };
        format!("(block (br_if 0 (local.get {})) {})", branch % locals, each(10, assign))
    });
    function(locals, &body)
}

/// Loops inside of loops.
fn loops(locals: usize, loops: usize) -> Vec<u8> {
    let assign = |n| format!("(local.set {n} (i32.add (local.get {n}) (i32.const 1)))");
    let leave = |n| format!("(br_if 0 (local.get {})))", n % locals);
    function(locals, &format!("{}{}{}", "(loop ".repeat(loops), each(locals, assign), each(loops, leave)))
}

/// No branch at all, and all locals needed until the end.
fn straight(locals: usize, steps: usize) -> Vec<u8> {
    let begin = |n| format!("(local.set {n} (i32.load (i32.const {n})))");
    let step = |n: usize| {
        let [to, a, b] = [n * 7, n * 13, n * 17].map(|local| local % locals);
        format!("(local.set {to} (i32.mul (local.get {a}) (i32.load (local.get {b}))))")
    };
    let end = |n| format!("(i32.store (i32.const {n}) (local.get {n}))");
    function(locals, &format!("{}{}{}", each(locals, begin), each(steps, step), each(locals, end)))
}

/// Blocks that hand on values.
fn carriers(values: usize, blocks: usize) -> Vec<u8> {
    let types = "i32 ".repeat(values);
    let block = format!("(block (param {types}) (result {types}) (br_if 0 (local.get 0)))");
    function(
        1,
        &format!("{}{}{}", "(i32.const 1)".repeat(values), block.repeat(blocks), "drop ".repeat(values)),
    )
}

/// Segments of a byte, each far from the next.
fn sparse(segments: usize, pages: usize) -> Vec<u8> {
    let segment = |n| format!(r#"(data (i32.const {}) "x")"#, n * (pages << 16) / segments);
    wasm(&format!("(module (memory {pages}) {})", each(segments, segment)))
}

/// Memories with a byte at the beginning and one 15 MiB later.
fn images(memories: usize) -> Vec<u8> {
    let memory = |n| {
        format!(
            r#"(memory 240) (data (memory {n}) (i32.const 0) "x") (data (memory {n}) (i32.const 15728639) "x")"#
        )
    };
    wasm(&format!("(module {})", each(memories, memory)))
}

fn refusal(wasm: &[u8], budget: Budget) -> Option<(&'static str, u64, u64)> {
    let engine = WasmtimeEngine::builder().budget(budget).build().unwrap();
    let [compiled, precompiled] = [engine.compile(wasm).map(drop), engine.precompile(wasm).map(drop)];
    assert_eq!(format!("{compiled:?}"), format!("{precompiled:?}"));
    match compiled {
        Ok(()) => None,
        Err(Error::OverBudget { what, needed, allowed }) => Some((what, needed, allowed)),
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn bombs_are_refused() {
    let work = "units of work in a function";
    for (bomb, what) in [
        (branches(2000, 4000), work),   // 380 KB: 44 s, 420 MB
        (loops(100, 400), work),        // 3 KB: 6 s
        (loops(1, 3000), work),         // 20 KB: 41 s
        (straight(1000, 20_000), work), // 260 KB: 25 s
        (carriers(900, 900), "parameters and results of blocks in a function"), // 10 KB: 17 s, 5.4 GB
        (function(10, &format!("{}{}", "(block ".repeat(50_000), ")".repeat(50_000))), "nested blocks"), // 150 KB: 5 s
        (function(1, &"(call 0)".repeat(500_000)), work), // 1 MB: 7.5 s, 870 MB
        (sparse(30_000, 1000), "initializers"),           // 260 KB: 22 s, 620 MB
        (images(100), "bytes between the data of its memories"), // 3 KB: 1.6 GB
    ] {
        let refused = refusal(&bomb, Budget::default());
        assert_eq!(refused.map(|(what, ..)| what), Some(what));
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let table = format!("(func (block (br_table {} (i32.const 0))))", "0 ".repeat(65_000));
    let nops =
        [&b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0"[..], &body(&[0x01; 7_000_000])].concat();
    for (module, what) in [
        (million_functions(), "functions"),
        (function(50_000, ""), "locals in a function"),
        (wasm(&format!("(module {})", table.repeat(70))), "targets in tables of branches"),
        (wasm(&format!("(module {})", "(type (func))".repeat(60_000))), "types"),
        (nops, "bytes in a function"),
    ] {
        assert_eq!(refusal(&module, Budget::default()).map(|(what, ..)| what), Some(what));
    }
}

/// A code section of one function.
fn body(code: &[u8]) -> Vec<u8> {
    let function = [&[0], code, &[0x0b]].concat();
    let sized = [leb(function.len()), function].concat();
    [vec![10], leb(sized.len() + 1), vec![1], sized].concat()
}

fn million_functions() -> Vec<u8> {
    let count = 1_000_000;
    let section = |id, item: &[u8]| {
        let items = [leb(count), item.repeat(count)].concat();
        [vec![id], leb(items.len()), items].concat()
    };
    let types = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0".to_vec();
    [types, section(3, &[0]), section(10, &[2, 0, 0x0b])].concat()
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[test]
fn an_error_says_how_much_and_what_to_do() {
    let engine = WasmtimeEngine::builder().budget(Budget::default().locals(9)).build().unwrap();
    let error = engine.compile(&function(10, "")).unwrap_err();
    assert_eq!(error.to_string(), "to compile it takes 10 locals in a function, and the budget allows 9");
    assert!(error.is_not_runnable());
    assert_eq!(
        error.help().unwrap(),
        "if the module is trusted, raise the budget or compile it in a process of its own"
    );
}

#[test]
fn each_limit_is_met_and_not_passed() {
    let own = |field: fn(Budget, u64) -> Budget| move |limit| field(Budget::unlimited(), limit);
    let tables = "(block (block (br_table 0 0 0 1 (i32.const 0))) (br_table 0 0 (i32.const 0)))";
    let globals = "(global i32 (i32.add (i32.const 1) (i32.const 1))) (global i32 (i32.const 1))";
    type Limit = fn(Budget, u64) -> Budget;
    for (module, limit, what, needed) in [
        (wasm("(module)"), Budget::bytes as Limit, "bytes", 8),
        (wasm(r#"(module (func) (func))"#), Budget::functions, "functions", 2),
        (wasm(&guest_with_imports()), Budget::functions, "functions", 3),
        (wasm("(module (type (func)) (type (func (param i32))))"), Budget::types, "types", 2),
        (function(0, "nop nop"), Budget::function_bytes, "bytes in a function", 4),
        (wasm("(module (func (param i32 i32) (local i64)))"), Budget::locals, "locals in a function", 3),
        (function(0, "(block (loop)) (block)"), Budget::depth, "nested blocks", 3),
        (carriers(3, 2), Budget::block_values, "parameters and results of blocks in a function", 12),
        (function(0, tables), Budget::branch_targets, "targets in tables of branches", 4),
        (wasm(&format!("(module {globals})")), Budget::initializers, "initializers", 3),
        (sparse(2, 1000), Budget::initializers, "initializers", 2),
        (images(1), Budget::padding, "bytes between the data of its memories", 15_728_638),
    ] {
        assert_eq!(refusal(&module, own(limit)(needed)), None, "{what}");
        assert_eq!(refusal(&module, own(limit)(needed - 1)), Some((what, needed, needed - 1)));
    }
}

fn guest_with_imports() -> String {
    let import = r#"(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))"#;
    format!("(module {import} {import} (func))")
}

#[test]
fn work_is_that_of_a_function_and_of_all() {
    let one = function(1, "(br_if 0 (local.get 0))");
    let needed = |budget| refusal(&one, budget).unwrap().1;
    let function = needed(Budget::unlimited().function_work(0));
    assert_eq!(needed(Budget::unlimited().work(0)), function);
    let twice = wasm(
        "(module (func (local i32) (br_if 0 (local.get 0))) (func (local i32) (br_if 0 (local.get 0))))",
    );
    assert_eq!(refusal(&twice, Budget::unlimited().function_work(function)), None);
    let budget = Budget::unlimited().work(2 * function - 1);
    assert_eq!(refusal(&twice, budget), Some(("units of work", 2 * function, 2 * function - 1)));
}

/// More of whatever is slow never costs less.
#[test]
fn work_grows_with_what_is_slow() {
    let work = |wasm: Vec<u8>| refusal(&wasm, Budget::unlimited().function_work(0)).unwrap().1;
    for make in [branches, loops, straight] {
        for (locals, steps) in [(1, 1), (2, 5), (30, 30), (100, 200)] {
            let least = work(make(locals, steps));
            assert!(least < work(make(locals, steps + 1)) && least <= work(make(locals + 1, steps)));
        }
    }
}

#[test]
fn every_guest_is_within_the_default() {
    let engine = WasmtimeEngine::new().unwrap();
    let compiled = guests::COMPILED.iter().filter_map(|name| std::fs::read(guests::compiled(name)?).ok());
    for guest in guests::ALL.iter().map(guests::Wat::wasm).chain(compiled) {
        let result = engine.compile(&guest);
        assert!(!matches!(result, Err(Error::OverBudget { .. })), "{result:?}");
    }
}

#[test]
fn whoever_trusts_a_module_lifts_the_budget() {
    let deep = function(1, &format!("{}{}", "(block ".repeat(11_000), ")".repeat(11_000)));
    assert!(refusal(&deep, Budget::default()).is_some());
    let engine = WasmtimeEngine::builder().budget(Budget::unlimited()).build().unwrap();
    assert_eq!(engine.compile(&deep).unwrap().run(Task::default()).unwrap(), Exit::Code(0));
}
