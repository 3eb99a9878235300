//! Many runs, threads, and other runtimes around them.

use std::{fs, thread, time::Duration};

use wasm_exec::{Exit, Input, Preopen};

use super::{NAME, engine, task};
use crate::{child, support::calling};

/// A guest that sleeps 300 times for a microsecond: more steps than a tokio task may take at once.
fn sleeper() -> Vec<u8> {
    let subscription = "\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\
                        \\e8\\03\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00";
    let body = "(loop $again (result i32)
                  (drop (call $poll_oneoff (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 512)))
                  (i32.store (i32.const 600) (i32.add (i32.load (i32.const 600)) (i32.const 1)))
                  (br_if $again (i32.lt_u (i32.load (i32.const 600)) (i32.const 300)))
                  (i32.const 5))";
    calling(&[("poll_oneoff", "i32 i32 i32 i32")], subscription, body)
}

#[test]
fn one_program_runs_on_many_threads() {
    let program = engine().compile(&guests::HELLO.wasm()).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(program.run(task()).unwrap(), Exit::Code(0));
                }
            });
        }
    });
}

#[test]
fn a_program_outlives_its_engine() {
    let own = wasm_exec::engine(NAME).unwrap();
    let program = own.compile(&guests::EXIT_CODE.wasm()).unwrap();
    drop(own);
    assert_eq!(program.run(task()).unwrap(), Exit::Code(7));
}

#[test]
fn it_runs_inside_of_other_runtimes() {
    let program = engine().compile(&sleeper()).unwrap();
    let single = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let multi = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for runtime in [single, multi] {
        runtime.block_on(async {
            assert_eq!(program.run(task()).unwrap(), Exit::Code(5));
            let inner = program.clone();
            let spawned = tokio::spawn(async move { inner.run(task()).unwrap() });
            assert_eq!(spawned.await.unwrap(), Exit::Code(5));
        });
    }
}

#[test]
fn an_engine_can_be_made_and_dropped_inside_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let own = wasm_exec::engine(NAME).unwrap();
        let program = own.compile(&guests::HELLO.wasm()).unwrap();
        assert_eq!(program.run(task()).unwrap(), Exit::Code(0));
    });
}

#[test]
fn no_thread_and_no_descriptor_is_left() {
    child::finish(child::start(&format!("{NAME}::threads::leaves_nothing"), std::process::Stdio::null()));
}

#[test]
#[ignore = "started by the test above"]
fn leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file.txt"), "x").unwrap();
    let files = || Preopen::read_write(dir.path(), "/");
    let before = (child::count("task"), child::count("fd"));
    for _ in 0..3 {
        let own = wasm_exec::engine(NAME).unwrap();
        let text = [guests::HELLO, guests::TRAP, guests::CAT, guests::READ_FILE, guests::WRITE_FILE];
        let guests: Vec<_> = text.map(|guest| guest.wasm()).into_iter().chain([sleeper()]).collect();
        let during: Vec<_> = guests
            .iter()
            .map(|guest| {
                let program = own.compile(guest).unwrap();
                let (reader, writer) = std::io::pipe().unwrap();
                let writing = thread::spawn(move || {
                    thread::sleep(Duration::from_millis(10));
                    drop(writer);
                });
                let stdin = Input::file(std::os::fd::OwnedFd::from(reader).into());
                program.run(task().stdin(stdin).preopen(files())).unwrap();
                writing.join().unwrap();
                child::count("task")
            })
            .collect();
        // Whatever the engine has, a run adds none.
        assert!(during.windows(2).all(|pair| pair[0] == pair[1]), "{during:?}");
    }
    for _ in 0..1000 {
        if (child::count("task"), child::count("fd")) == before {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{before:?} threads and descriptors became {:?}", (child::count("task"), child::count("fd")));
}
