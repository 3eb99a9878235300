//! Answers HTTP requests with a component, each with a fresh instance, until it is told to end.
//!
//! `cargo run -p examples --example serve`, after `cargo xtask guests`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use wasm_exec::{Exit, Limits, Serve, Stop, Task};

fn main() -> anyhow::Result<()> {
    let Some(path) = guests::compiled("http-component") else {
        println!("the guest is not there: `cargo xtask guests` compiles it");
        return Ok(());
    };
    let program = wasm_exec::engine("wasmtime")?.compile(&fs::read(path)?)?;

    // The task and its limits are those of one request.
    let task =
        Task::default().env("GREETING", "hello").limits(Limits::default().deadline(Duration::from_secs(1)));
    let serve = Serve::default().on_failure(|failure| match failure {
        Ok(exit) => println!("an instance ended: {exit}"),
        Err(error) => println!("no instance: {error}"),
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let running = program.serve(listener, task, serve)?;

    // Paths of the guest: one prints its environment, one counts what its instance answered, one loops for ever.
    for (path, says) in [("/env", "GREETING=hello"), ("/count", "1"), ("/count", "1"), ("/loop", "504")] {
        let answer = get(address, path)?;
        println!("{path}: {}", answer.lines().next().unwrap_or_default());
        assert!(answer.contains(says), "{answer}");
    }

    // As for SIGTERM: no further connection, what is under way may end, and then it is over.
    running.signal(15);
    let exit = running.wait()?;
    println!("the service: {exit}");
    assert_eq!(exit, Exit::Stopped(Stop::Signal(15)));
    assert!(TcpStream::connect(address).is_err());
    Ok(())
}

fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
