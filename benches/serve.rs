//! What a request costs: `Program::serve` beside a hand-written server of hyper and wasmtime-wasi-http, as its own
//! documentation shows it, both with a pool and a fresh instance for each request. Below them, as information: ours with
//! instances that are used again.
//!
//! One client asks over one connection of the loopback, so the figure is what a request takes from end to end. The last
//! line has the ratio, measured turn by turn.
//!
//! `cargo bench -p benches --bench serve`

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{
    cell::RefCell,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

use benches::{Raw, ratio};
use criterion::{Criterion, criterion_group, criterion_main};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use wasm_exec::{Engine, Running, Serve, Task, WasmtimeEngine};
use wasmtime::{
    Result, Store,
    component::{Component, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
    p2::bindings::{ProxyPre, http::types::Scheme},
};

fn serve(criterion: &mut Criterion) {
    let Some(path) = guests::need!("http-component") else { return };
    let wasm = fs::read(path).unwrap();
    let (fresh, ours) = wasm_exec(&wasm, Serve::default());
    let (reused, again) = wasm_exec(&wasm, Serve::default().reuse(u32::MAX));
    let by_hand = Client::new(by_hand(&wasm).unwrap());

    let mut group = criterion.benchmark_group("serve");
    group.bench_function("wasm-exec", |bencher| bencher.iter(|| ours.get()));
    group.bench_function("wasmtime, by hand", |bencher| bencher.iter(|| by_hand.get()));
    group.bench_function("wasm-exec, instances used again", |bencher| bencher.iter(|| again.get()));
    group.finish();
    ratio("serve", &|| ours.get(), &|| by_hand.get());
    drop((ours, again));
    for running in [fresh, reused] {
        running.cancel();
        running.wait().unwrap();
    }
}

fn wasm_exec(wasm: &[u8], serve: Serve) -> (Running, Client) {
    let program = WasmtimeEngine::pooled(100).unwrap().compile(wasm).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = listener.local_addr().unwrap();
    let running = program.serve(listener, Task::default(), serve).unwrap();
    (running, Client::new(client))
}

/// One that asks for `/` over one connection.
struct Client(RefCell<TcpStream>);

impl Client {
    fn new(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(RefCell::new(stream))
    }

    fn get(&self) {
        let mut stream = self.0.borrow_mut();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let mut bytes = [0; 4096];
        while !answer.ends_with(b"\r\n0\r\n\r\n") {
            let read = stream.read(&mut bytes).unwrap();
            assert_ne!(read, 0, "the server hung up");
            answer.extend_from_slice(&bytes[..read]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
}

/// Serves on a thread that stays; returns where.
fn by_hand(wasm: &[u8]) -> Result<SocketAddr> {
    let engine = wasmtime::Engine::new(&Raw::config(true))?;
    let mut linker = Linker::<State>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    let handler = Arc::new(ProxyPre::new(linker.instantiate_pre(&Component::new(&engine, wasm)?)?)?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let handler = Arc::clone(&handler);
                tokio::spawn(async move {
                    let answer = service_fn(move |request| answer(Arc::clone(&handler), request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
    });
    Ok(address)
}

async fn answer(handler: Arc<ProxyPre<State>>, request: Request<Incoming>) -> Result<Response<WasiBody>> {
    let state = State {
        wasi: WasiCtx::builder().build(),
        http: WasiHttpCtx::new(),
        table: ResourceTable::new(),
        hooks: Hooks,
    };
    let mut store = Store::new(handler.engine(), state);
    store.set_epoch_deadline(1);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let out = store.data_mut().http().new_response_outparam(sender)?;
    let task = tokio::spawn(async move {
        let proxy = handler.instantiate_async(&mut store).await?;
        proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
    });
    match receiver.await {
        Ok(answer) => Ok(answer?),
        Err(_) => wasmtime::bail!("no answer: {:?}", task.await),
    }
}

struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: Hooks,
}

struct Hooks;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<
        dyn Future<
                Output = Result<
                    (
                        Response<WasiBody>,
                        Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
                    ),
                    wasmtime_wasi_http::Error,
                >,
            > + Send,
    > {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

criterion_group!(benches, serve);
criterion_main!(benches);
