//! What an observer is told.

use std::sync::{Arc, Mutex};

use wasm_exec::{Capture, Error, Event, Output, Task};

use super::{engine, task};

fn events(guest: guests::Wat, task: Task) -> Vec<Event> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let task = task.on_event(move |event| told.lock().unwrap().push(event));
    engine().compile(&guest.wasm()).unwrap().run(task).unwrap();
    let events = events.lock().unwrap();
    events.clone()
}

#[test]
fn each_event_comes_once_and_in_order() {
    let both = [Event::Instantiated, Event::FirstOutput];
    let capture = Output::Capture(Capture::new(100));
    assert_eq!(events(guests::HELLO, task()), both);
    assert_eq!(events(guests::HELLO, task().stdout(capture)), both);
    assert_eq!(events(guests::STDERR, task()), both);
    assert_eq!(events(guests::ARGS_ENV, task().args(["a", "b"]).env("A", "B")), both);
    assert_eq!(events(guests::TRAP, task()), [Event::Instantiated]);
    assert_eq!(events(guests::START_TRAP, task()), []);
}

#[test]
fn what_is_not_written_is_no_output() {
    assert_eq!(events(guests::CAT, task()), [Event::Instantiated]);
    let full = Output::Capture(Capture::new(0));
    assert_eq!(events(guests::HELLO, task().stdout(full)), [Event::Instantiated]);
}

#[test]
fn an_observer_that_panics_ends_that_run_only() {
    let program = engine().compile(&guests::HELLO.wasm()).unwrap();
    for at in [Event::Instantiated, Event::FirstOutput] {
        let panics = task().on_event(move |event| assert_ne!(event, at, "as wanted"));
        let error = program.run(panics).unwrap_err();
        assert!(matches!(&error, Error::Panicked { message } if message.contains("as wanted")), "{error:?}");
        assert!(program.run(task()).unwrap().success());
    }
}
