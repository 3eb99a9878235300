use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use wasm_exec::{Capture, Engine, Error, Exit, Output, Task};

/// What a guest did.
#[derive(Debug, PartialEq)]
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Translates the text format.
#[track_caller]
pub(crate) fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Runs a guest with captured output.
#[track_caller]
pub(crate) fn run(engine: &dyn Engine, wasm: &[u8], task: Task) -> Ran {
    try_run(engine, wasm, task).unwrap()
}

pub(crate) fn try_run(engine: &dyn Engine, wasm: &[u8], task: Task) -> Result<Ran, Error> {
    let [stdout, stderr] = [Capture::new(8 << 20), Capture::new(8 << 20)];
    let task = task.stdout(Output::Capture(stdout.clone())).stderr(Output::Capture(stderr.clone()));
    let exit = engine.compile(wasm)?.run(task)?;
    let text = |capture: Capture| String::from_utf8(capture.take()).unwrap();
    Ok(Ran { exit, stdout: text(stdout), stderr: text(stderr) })
}

/// Runs a guest that tells its result by its exit code.
#[track_caller]
pub(crate) fn code(engine: &dyn Engine, wasm: &[u8], task: Task) -> i32 {
    match run(engine, wasm, task).exit {
        Exit::Code(code) => code,
        exit => panic!("{exit}"),
    }
}

/// A guest that imports functions of preview 1 and ends with what `body`, an expression, gives.
///
/// Its memory has a page; a call may leave results from 0 on, and the text of `data` is at 1024.
pub(crate) fn calling(imports: &[(&str, &str)], data: &str, body: &str) -> Vec<u8> {
    let imports: String = imports
        .iter()
        .map(|(name, params)| {
            format!(
                r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {params}) (result i32)))"#
            )
        })
        .collect();
    wasm(&format!(
        r#"(module
             {imports}
             (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
             (memory (export "memory") 1)
             (data (i32.const 1024) "{data}")
             (func (export "_start") (call $proc_exit {body})))"#
    ))
}

/// Where somebody answers HTTP requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Http(pub(crate) SocketAddr);

impl Http {
    /// Returns the status and the body of an answer.
    #[track_caller]
    pub(crate) fn get(self, path: &str) -> (u16, String) {
        self.request("GET", path, "")
    }

    #[track_caller]
    pub(crate) fn request(self, method: &str, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}");
        self.raw(&format!("{head}\r\n\r\n{body}"))
    }

    #[track_caller]
    pub(crate) fn raw(self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.0).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // Who answers early may not read it all.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {request:.80}: {answer}"));
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            unchunked(body)
        } else {
            body.to_owned()
        };
        (status.parse().unwrap(), body)
    }
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, data)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        body.push_str(&data[..size]);
        rest = &data[size + 2..];
    }
    body
}
