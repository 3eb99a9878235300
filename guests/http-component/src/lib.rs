//! Answers HTTP requests, one behaviour a path: for tests, benches and examples.
//!
//! | Path | Answer |
//! |---|---|
//! | `/` | `Hello, World!` |
//! | `/count` | how many requests this instance has answered |
//! | `/echo` | the body of the request |
//! | `/env` | the variables of the environment, a line each |
//! | `/fetch/AUTHORITY` | the body of `http://AUTHORITY/`, or 502 with what went wrong |
//! | `/flood` | a mebibyte of zeros |
//! | `/late` | `early`, and `late` a tenth of a second later |
//! | `/log` | nothing, and a line on standard error |
//! | `/loop` | none: it computes for ever |
//! | `/nothing` | none: it returns without an answer |
//! | `/sleep` | none: it sleeps for a year |
//! | `/trap` | none: it traps |
//! | else | 404 |

use std::cell::Cell;

use wasip2::clocks::monotonic_clock;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

struct Component;

wasip2::http::proxy::export!(Component);

thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let count = COUNT.with(|count| {
            count.set(count.get() + 1);
            count.get()
        });
        let path = request.path_with_query().unwrap_or_default();
        match path.as_str() {
            "/" => answer(out, 200, b"Hello, World!\n"),
            "/count" => answer(out, 200, format!("{count}\n").as_bytes()),
            "/echo" => answer(out, 200, &body(request.consume())),
            "/env" => {
                let lines = std::env::vars().map(|(name, value)| format!("{name}={value}\n"));
                answer(out, 200, lines.collect::<String>().as_bytes());
            }
            "/flood" => answer(out, 200, &vec![0; 1 << 20]),
            "/late" => late(out),
            "/log" => {
                eprintln!("a request for {path}");
                answer(out, 204, b"");
            }
            "/loop" => loop {
                std::hint::black_box(count);
            },
            "/nothing" => {}
            "/sleep" => monotonic_clock::subscribe_duration(365 * 86_400 * 1_000_000_000).block(),
            "/trap" => std::process::abort(),
            _ => match path.strip_prefix("/fetch/") {
                Some(authority) => match fetch(authority) {
                    Ok(body) => answer(out, 200, &body),
                    Err(error) => answer(out, 502, error.as_bytes()),
                },
                None => answer(out, 404, b"not found\n"),
            },
        }
    }
}

fn answer(out: ResponseOutparam, status: u16, bytes: &[u8]) {
    let (response, body) = response(status);
    ResponseOutparam::set(out, Ok(response));
    if let Ok(stream) = body.write() {
        write(&stream, bytes);
    }
    let _ = OutgoingBody::finish(body, None);
}

fn late(out: ResponseOutparam) {
    let (response, body) = response(200);
    ResponseOutparam::set(out, Ok(response));
    if let Ok(stream) = body.write() {
        write(&stream, b"early\n");
        monotonic_clock::subscribe_duration(100_000_000).block();
        write(&stream, b"late\n");
    }
    let _ = OutgoingBody::finish(body, None);
}

fn response(status: u16) -> (OutgoingResponse, OutgoingBody) {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).expect("a status");
    let body = response.body().expect("taken once");
    (response, body)
}

/// Writes as far as somebody takes it.
fn write(stream: &OutputStream, bytes: &[u8]) {
    for chunk in bytes.chunks(4096) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return;
        }
    }
}

/// Reads a body to its end.
fn body(body: Result<IncomingBody, ()>) -> Vec<u8> {
    let Ok(body) = body else { return Vec::new() };
    body.stream().map(|stream| drain(&stream)).unwrap_or_default()
}

fn drain(stream: &InputStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(read) => bytes.extend(read),
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => return bytes,
        }
    }
}

fn fetch(authority: &str) -> Result<Vec<u8>, String> {
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(&Method::Get).map_err(|()| "method")?;
    request.set_scheme(Some(&Scheme::Http)).map_err(|()| "scheme")?;
    request.set_authority(Some(authority)).map_err(|()| "authority")?;
    request.set_path_with_query(Some("/")).map_err(|()| "path")?;
    let answer = outgoing_handler::handle(request, None).map_err(|error| format!("{error:?}"))?;
    answer.subscribe().block();
    let answer = answer.get().ok_or("no answer")?.map_err(|()| "taken twice")?;
    let answer = answer.map_err(|error| format!("{error:?}"))?;
    Ok(body(answer.consume()))
}
