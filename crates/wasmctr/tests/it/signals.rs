//! Signals end the guest, and `wasmctr` says so with 128 and their number.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::support::{Place, SLEEP, SPIN, ended, ready, send};

/// Starts a command whose guest prints `ready`, and returns when it has.
fn started(mut command: Command) -> Child {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    assert_eq!(&line, b"ready\n");
    child
}

#[test]
fn a_guest_that_computes_or_sleeps_is_ended() {
    let place = Place::new();
    for (name, body) in [("spin.wasm", SPIN), ("sleep.wasm", SLEEP)] {
        let input = place.file(name, ready(body));
        for (signal, number) in [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)] {
            let child = started(place.command(&["run", input]));
            send(signal, &child);
            ended(child).fails(128 + number, &format!("the guest was stopped: signal {number}"));
        }
    }
}

#[test]
fn the_document_tells_of_a_signal() {
    let place = Place::new();
    let input = place.file("sleep.wasm", ready(SLEEP));
    let mut command = place.command(&["run", "--format", "json", input]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    send("TERM", &child);
    let ran = ended(child);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&document["exit"]["kind"], &document["exit"]["reason"]),
        (&"stopped".into(), &"signal 15".into())
    );
    assert_eq!((document["processCode"].as_i64(), ran.code), (Some(143), Some(143)));
}

/// What `nohup` and a shell's `&` are for.
#[test]
fn a_signal_that_was_ignored_is_ignored() {
    let place = Place::new();
    let input = place.file("sleep.wasm", ready(SLEEP));
    let wasmctr = place.command(&["run", input]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"])
        .arg(wasmctr.get_program())
        .args(wasmctr.get_args());
    shell.current_dir(place.path()).env("XDG_CACHE_HOME", place.cache_home()).env("NO_COLOR", "1");
    let child = started(shell);
    send("HUP", &child);
    send("INT", &child);
    std::thread::sleep(Duration::from_millis(50));
    send("TERM", &child);
    ended(child).fails(143, "the guest was stopped: signal 15");
}

/// The guest has ended, and nobody reads the document that `wasmctr` prints: the second signal does not wait for it.
#[test]
fn a_second_signal_ends_at_once() {
    let place = Place::new();
    let input = place.file("sleep.wasm", ready(SLEEP));
    let (mut reader, writer) = std::io::pipe().unwrap();
    let full = writer.try_clone().unwrap();
    let mut command = place.command(&["run", "--format", "json", input]);
    let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    // Fills the pipe, and waits to write more until the reader has gone.
    let filler = std::thread::spawn(move || {
        let mut full = full;
        let _ = std::io::Write::write_all(&mut full, &vec![b'.'; 1 << 20]);
    });
    reader.read_exact(&mut [0; 1]).unwrap();
    send("TERM", &child);
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "the pipe is full");
    send("INT", &child);
    assert_eq!(ended(child).code, Some(130));
    drop(reader);
    filler.join().unwrap();
}

/// A deadline too ends it wherever it is.
#[test]
fn a_timeout_ends_a_sleeping_guest() {
    let place = Place::new();
    let input = place.file("sleep.wasm", ready(SLEEP));
    let ran = place.wasmctr(&["run", "--timeout", "0.1", "--best-effort", "--grace", "5", input]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(124), "ready\n"));
    assert_eq!(ran.stderr, "error: the guest was stopped: the deadline has passed\n");
}
