//! Through a proxy on this machine, which notes what it is asked for.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use test_registry::{Auth, Certificate, Options as ServerOptions, Registry as Server};
use wasm_oci::{
    Format, Reference,
    registry::{Login, Options, Registry},
};

use crate::{hello, quick};

/// A name that only the proxy knows.
const NAME: &str = "registry.example.invalid";

/// A proxy that leads every request to one server, whatever it is for.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// The thread ends with the tests.
    fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(vec![]));
        let (notes, to) = (Arc::clone(&asked), server.host().replace("localhost", "127.0.0.1"));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (notes, to) = (Arc::clone(&notes), to.clone());
                thread::spawn(move || serve(client, &to, &notes));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Serves one connection; errors end it.
fn serve(client: TcpStream, to: &str, notes: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && head != "\r\n" {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let secret = head.lines().find(|line| line.to_lowercase().starts_with("proxy-authorization:"));
    let secret = secret.map(|line| format!(" with {}", line.split_once(' ').unwrap().1)).unwrap_or_default();
    let (method, target) = (first.split(' ').next()?, first.split(' ').nth(1)?);
    notes.lock().unwrap().push(format!("{method} {target}{secret}"));
    let mut server = TcpStream::connect(to).ok()?;
    if method == "CONNECT" {
        (&client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    } else {
        // One request for each connection: the next one is noted as well.
        let path = target.strip_prefix("http://")?.split_once('/')?.1;
        let keep = |line: &&str| !line.to_lowercase().starts_with("proxy-") && !line.is_empty();
        let head: String = head.lines().filter(keep).map(|line| format!("{line}\r\n")).collect();
        write!(server, "{method} /{path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n").ok()?;
    }
    let (mut back, mut out) = (server.try_clone().ok()?, client.try_clone().ok()?);
    let answers = thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut out);
        let _ = out.shutdown(Shutdown::Both);
    });
    let mut piece = [0; 4096];
    loop {
        match reader.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => server.write_all(&piece[..read]).ok()?,
        }
    }
    let _ = server.shutdown(Shutdown::Write);
    let _ = answers.join();
    Some(())
}

fn there_and_back(options: Options, at: &str) {
    let registry = Registry::new(options).unwrap();
    let at: Reference = at.parse().unwrap();
    let image = hello(Format::Artifact);
    registry.push(&image, &at).unwrap();
    assert_eq!(registry.artifact(&at, None).unwrap().manifest_bytes(), image.manifest_bytes());
    assert_eq!(registry.tags(&at).unwrap(), ["v1"]);
}

#[test]
fn plain_http_goes_through_its_proxy() {
    let server = ServerOptions::default().start().unwrap();
    let proxy = Proxy::start(&server);
    let mut options = quick();
    options.plain_http = Some(true);
    options.http_proxy = Some(proxy.address.replace("http://", "http://user:word@"));
    there_and_back(options.clone(), &format!("{NAME}/app:v1"));
    let asked = proxy.asked();
    for wanted in ["GET", "POST", "PUT"] {
        let start = format!("{wanted} http://{NAME}/v2/");
        assert!(asked.iter().any(|line| line.starts_with(&start)), "{wanted}: {asked:#?}");
    }
    assert!(asked.iter().all(|line| line.ends_with(" with Basic dXNlcjp3b3Jk")), "{asked:#?}");
    assert!(!format!("{options:?}").contains("word"));
    // This machine is reached without it.
    there_and_back(options, &format!("{}/other:v1", server.host()));
    assert_eq!(proxy.asked(), [""; 0]);
}

/// Inside the tunnel it is the registry's certificate that counts, and the proxy sees neither names nor passwords.
#[test]
fn https_goes_through_a_tunnel() {
    let server =
        ServerOptions::default().tls(Certificate::Valid).auth(Auth::basic("me", "secret")).start().unwrap();
    let proxy = Proxy::start(&server);
    let mut options = quick();
    options.https_proxy = Some(proxy.address.clone());
    options.certificates = server.certificate().into_iter().map(Into::into).collect();
    options.logins.insert(server.host(), Login::password("me", "secret"));
    // `localhost`, for which the certificate is: reached directly.
    there_and_back(options.clone(), &format!("{}/app:v1", server.host()));
    assert_eq!(proxy.asked(), [""; 0]);
    // A name for which it is not.
    let away: Reference = format!("{NAME}/app:v1").parse().unwrap();
    let error = Registry::new(options.clone()).unwrap().resolve(&away).unwrap_err();
    assert!(error.to_string().contains("its certificate is not trusted"), "{error}");
    options.insecure = true;
    options.logins.insert(NAME.to_owned(), Login::password("me", "secret"));
    proxy.asked();
    there_and_back(options, &format!("{NAME}/app:v1"));
    let asked = proxy.asked();
    assert!(
        !asked.is_empty() && asked.iter().all(|line| *line == format!("CONNECT {NAME}:443")),
        "{asked:#?}"
    );
}

#[test]
fn hosts_that_are_named_are_reached_without_a_proxy() {
    let server = ServerOptions::default().start().unwrap();
    let proxy = Proxy::start(&server);
    let mut options = quick();
    options.plain_http = Some(true);
    options.http_proxy = Some(proxy.address.clone());
    options.no_proxy = Some("example.invalid".to_owned());
    let away: Reference = format!("{NAME}/app:v1").parse().unwrap();
    let error = Registry::new(options).unwrap().resolve(&away).unwrap_err();
    assert!(error.to_string().contains("its name is not known"), "{error}");
    assert_eq!(proxy.asked(), [""; 0]);
}
