//! Standard streams.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use wasm_exec::{Capture, Exit, Input, Output, Task};

use super::{NAME, engine, task};
use crate::{
    child,
    support::{calling, run},
};

fn cat(task: Task) -> Exit {
    engine().compile(&guests::CAT.wasm()).unwrap().run(task).unwrap()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

#[test]
fn streams_are_apart() {
    let ran = run(&*engine(), &guests::STDERR.wasm(), task());
    assert_eq!((&*ran.stdout, &*ran.stderr), ("", "Hello, stderr!\n"));
    let ran = run(&*engine(), &guests::HELLO.wasm(), task());
    assert_eq!((&*ran.stdout, &*ran.stderr), ("Hello, World!\n", ""));
}

#[test]
fn by_default_input_is_at_its_end_and_output_is_discarded() {
    assert_eq!(run(&*engine(), &guests::CAT.wasm(), task()).stdout, "");
    for guest in [guests::CAT, guests::HELLO, guests::STDERR] {
        let program = engine().compile(&guest.wasm()).unwrap();
        assert_eq!(program.run(task()).unwrap(), Exit::Code(0));
    }
}

#[test]
fn bytes_go_through() {
    let data = bytes(1 << 20);
    let capture = Capture::new(1 << 20);
    let task = task().stdin(Input::bytes(data.clone())).stdout(Output::Capture(capture.clone()));
    assert_eq!(cat(task), Exit::Code(0));
    assert!(capture.take() == data);
    assert!(!capture.overflowed());
}

#[test]
fn files_go_through_from_where_they_are() {
    let data = bytes(300_000);
    let [mut input, mut output] = [(); 2].map(|()| tempfile::tempfile().unwrap());
    input.write_all(&data).unwrap();
    input.seek(std::io::SeekFrom::Start(100)).unwrap();
    output.write_all(b"before").unwrap();
    let task = task().stdin(Input::file(input)).stdout(Output::file(output.try_clone().unwrap()));
    assert_eq!(cat(task), Exit::Code(0));
    let mut written = Vec::new();
    output.rewind().unwrap();
    output.read_to_end(&mut written).unwrap();
    assert!(written == [b"before", &data[100..]].concat());
}

#[test]
fn both_outputs_may_be_one_file() {
    let both = calling(
        &[("fd_write", "i32 i32 i32 i32")],
        "\\10\\04\\00\\00\\02\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00ab",
        "(i32.or
           (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 0))
           (i32.or
             (call $fd_write (i32.const 2) (i32.const 1024) (i32.const 1) (i32.const 0))
             (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 0))))",
    );
    let capture = Capture::new(100);
    let output = Output::Capture(capture.clone());
    let task = task().stdout(output.clone()).stderr(output);
    assert_eq!(engine().compile(&both).unwrap().run(task).unwrap(), Exit::Code(0));
    assert_eq!(capture.take(), b"ababab");
}

#[test]
fn a_full_capture_is_a_broken_pipe() {
    let data = bytes(20_000);
    let capture = Capture::new(10_000);
    let task = task().stdin(Input::bytes(data.clone())).stdout(Output::Capture(capture.clone()));
    assert_eq!(cat(task), Exit::Code(PIPE));
    assert!(capture.overflowed());
    assert!(capture.take() == data[..10_000]);
}

#[test]
fn a_reader_that_has_gone_is_a_broken_pipe() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let task = task().stdin(Input::bytes("x")).stdout(Output::file(pipe(writer)));
    assert_eq!(cat(task), Exit::Code(PIPE));
}

#[test]
fn a_guest_waits_for_a_pipe() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let writing = thread::spawn(move || {
        for part in ["one ", "two ", "three"] {
            thread::sleep(Duration::from_millis(20));
            writer.write_all(part.as_bytes()).unwrap();
        }
    });
    let capture = Capture::new(100);
    let task = task().stdin(Input::file(pipe(reader))).stdout(Output::Capture(capture.clone()));
    assert_eq!(cat(task), Exit::Code(0));
    assert_eq!(capture.take(), b"one two three");
    writing.join().unwrap();
}

#[test]
fn a_guest_asks_whether_there_is_input() {
    // A subscription for descriptor 0 to be readable; the event's error number is at 8.
    let subscription = format!("\\07{}\\01{}", "\\00".repeat(7), "\\00".repeat(39));
    let poll = calling(
        &[("poll_oneoff", "i32 i32 i32 i32")],
        &subscription,
        "(i32.or
           (call $poll_oneoff (i32.const 1024) (i32.const 0) (i32.const 1) (i32.const 512))
           (i32.load16_u (i32.const 8)))",
    );
    let (reader, mut writer) = std::io::pipe().unwrap();
    let start = Instant::now();
    let writing = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        writer.write_all(b"x").unwrap();
        writer
    });
    let program = engine().compile(&poll).unwrap();
    let task = task().stdin(Input::file(pipe(reader)));
    assert_eq!(program.run(task).unwrap(), Exit::Code(0));
    assert!(start.elapsed() >= Duration::from_millis(20));
    writing.join().unwrap();
}

#[test]
fn a_guest_waits_for_a_slow_reader() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let data = bytes(500_000);
    let reading = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        all
    });
    let task = task().stdin(Input::bytes(data.clone())).stdout(Output::file(pipe(writer)));
    assert_eq!(cat(task), Exit::Code(0));
    assert!(reading.join().unwrap() == data);
}

#[test]
fn input_that_cannot_be_read_is_an_error_for_the_guest() {
    let [input, output] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    let write_only = File::options().write(true).open(input.path()).unwrap();
    assert_eq!(cat(task().stdin(Input::file(write_only))), Exit::Code(BADF));
    let read_only = File::open(output.path()).unwrap();
    let task = task().stdin(Input::bytes("x")).stdout(Output::file(read_only));
    assert_eq!(cat(task), Exit::Code(BADF));
}

#[test]
fn the_streams_of_the_process_can_be_given() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let child = child::start(&format!("{NAME}::stdio::gives_its_streams"), reader);
    writer.write_all(b"through two processes\n").unwrap();
    drop(writer);
    let (stdout, stderr) = child::finish(child);
    assert!(stdout.contains("through two processes\n"), "{stdout}");
    assert!(stderr.contains("Hello, stderr!\n"), "{stderr}");
}

#[test]
#[ignore = "started by the test above"]
fn gives_its_streams() {
    assert_eq!(cat(task().inherit_stdio()), Exit::Code(0));
    let program = engine().compile(&guests::STDERR.wasm()).unwrap();
    assert_eq!(program.run(task().inherit_stdio()).unwrap(), Exit::Code(0));
}

/// Whoever holds the other end of the pipe and says nothing does not keep the process.
#[test]
fn input_that_nobody_reads_does_not_keep_the_process() {
    let mut child = child::start(&format!("{NAME}::stdio::does_not_read"), Stdio::piped());
    let _held_open = child.stdin.take();
    child::finish(child);
}

#[test]
#[ignore = "started by the test above"]
fn does_not_read() {
    let program = engine().compile(&guests::HELLO.wasm()).unwrap();
    assert_eq!(program.run(task().inherit_stdio()).unwrap(), Exit::Code(0));
}

fn pipe(end: impl Into<std::os::fd::OwnedFd>) -> File {
    File::from(end.into())
}

/// Error numbers of preview 1.
const BADF: i32 = 8;
const PIPE: i32 = 64;
