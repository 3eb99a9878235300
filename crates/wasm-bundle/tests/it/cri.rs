//! Just enough of gRPC to ask containerd for a pod, as a kubelet does: one request, whose answer is not read.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Calls `RunPodSandbox` with the host's network and an annotation for each key, and waits for the end of the call.
///
/// Whether the pod started is not told: the runtime of these tests never starts one.
pub(crate) fn run_pod_sandbox(socket: &Path, handler: &str, keys: &[&str]) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    frame(&mut stream, SETTINGS, 0, 0, &[]);
    frame(&mut stream, HEADERS, END_HEADERS, 1, &headers());
    let message = request(handler, keys);
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    frame(&mut stream, DATA, END_STREAM, 1, &body);
    loop {
        let (kind, flags, payload) = next(&mut stream);
        match (kind, flags) {
            (SETTINGS, 0) => frame(&mut stream, SETTINGS, ACK, 0, &[]),
            (PING, 0) => frame(&mut stream, PING, ACK, 0, &payload),
            (HEADERS, flags) if flags & END_STREAM != 0 => return,
            (RESET | GO_AWAY, _) => panic!("containerd ended the call: {payload:?}"),
            _ => {}
        }
    }
}

/// Literal header fields, without an index and without Huffman's code (RFC 7541, 6.2.2).
fn headers() -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/runtime.v1.RuntimeService/RunPodSandbox"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = vec![];
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// `RunPodSandboxRequest` of the CRI API, version 1.
fn request(handler: &str, keys: &[&str]) -> Vec<u8> {
    const NODE: u8 = 2;
    let metadata = [text(1, "pod"), text(2, "uid"), text(3, "default")].concat();
    let network = vec![8, NODE]; // NamespaceOption.network
    let security = bytes(1, &network);
    let linux = bytes(2, &security);
    let mut config = [bytes(1, &metadata), bytes(8, &linux)].concat();
    for key in keys {
        config.extend(bytes(7, &[text(1, key), text(2, "value")].concat()));
    }
    [bytes(1, &config), text(2, handler)].concat()
}

fn text(field: u8, text: &str) -> Vec<u8> {
    bytes(field, text.as_bytes())
}

/// A field of protobuf's wire type 2.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![field << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap());
    field.extend(content);
    field
}

fn frame(stream: &mut UnixStream, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(id.to_be_bytes());
    frame.extend(payload);
    stream.write_all(&frame).unwrap();
}

fn next(stream: &mut UnixStream) -> (u8, u8, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    stream.read_exact(&mut payload).unwrap();
    (head[3], head[4], payload)
}
