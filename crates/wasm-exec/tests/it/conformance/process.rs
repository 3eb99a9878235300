//! Arguments and environment.

use wasm_exec::{Error, Exit, Task};

use super::{engine, task};
use crate::support::{Ran, run, try_run};

fn seen(task: Task) -> String {
    let Ran { exit, stdout, stderr } = run(&*engine(), &guests::ARGS_ENV.wasm(), task);
    assert_eq!((exit, stderr), (Exit::Code(0), String::new()));
    stdout
}

#[test]
fn nothing_is_inherited() {
    assert_eq!(seen(task()), "");
}

#[test]
fn arguments_arrive_as_they_are() {
    let args = ["app.wasm", "", " a b ", "-x", "é\u{1f600}", "\t\"'\\$HOME*", "a", "a"];
    assert_eq!(seen(task().args(args)), args.map(|arg| format!("{arg}\n")).concat());
}

#[test]
fn variables_arrive_as_they_are() {
    let env =
        [("B", "2"), ("A", " x "), ("B", "3"), ("EMPTY", ""), ("EQ", "a=b=c"), (" n ", "é"), ("a", "A")];
    let lines = env.map(|(name, value)| format!("{name}={value}\n")).concat();
    assert_eq!(seen(task().envs(env)), lines);
}

#[test]
fn many_and_long_ones_arrive() {
    let args: Vec<_> = (0..2000).map(|n| format!("argument {n}")).collect();
    let value = "v".repeat(1 << 20);
    let stdout = seen(task().args(&args).env("LONG", &value));
    assert_eq!(stdout, format!("{}\nLONG={value}\n", args.join("\n")));
}

#[test]
fn what_cannot_arrive_as_it_is_is_refused() {
    let refused = |task| try_run(&*engine(), &guests::ARGS_ENV.wasm(), task).unwrap_err();
    assert!(matches!(refused(task().args(["a", "b\0"])), Error::Argument { index: 1 }));
    for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "\0")] {
        let error = refused(task().env(name, value));
        assert!(matches!(&error, Error::Variable { name: named, .. } if **named == *name), "{error:?}");
        assert!(!error.is_not_runnable());
    }
}
