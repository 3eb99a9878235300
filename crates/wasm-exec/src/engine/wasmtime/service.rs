use std::{
    convert::Infallible,
    net::TcpListener,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot},
    task::{AbortHandle, JoinError},
    time::{sleep, timeout},
};
use wasmtime::Store;
use wasmtime_wasi_http::{
    WasiBody, WasiHttpView,
    p2::bindings::{
        Proxy, ProxyPre,
        http::types::{ErrorCode, Scheme},
    },
};

use super::{Shared, alarm::Alarm, does_not_start, state::State, trap};
use crate::{Cancel, Error, Event, Exit, Limits, Result, Serve, Stop, Task, program};

/// A component that answers HTTP requests.
pub(super) struct Service {
    shared: Arc<Shared>,
    handler: ProxyPre<State>,
    task: Task,
    serve: Serve,
    /// Ends what is under way when the time for that is over.
    end: Cancel,
    /// Instances that may answer one more request.
    idle: Mutex<Vec<Instance>>,
    turns: Arc<Semaphore>,
    pulse: Arc<Pulse>,
}

/// An instance and how many requests it has answered.
struct Instance {
    store: Store<State>,
    proxy: Proxy,
    answered: u32,
}

impl Service {
    /// Prepares the service; what every instance would fail at fails here.
    pub(super) fn new(
        shared: &Arc<Shared>,
        handler: ProxyPre<State>,
        task: Task,
        serve: Serve,
    ) -> Result<Arc<Self>> {
        State::new(task.clone())?;
        let most = shared.places.and_then(|places| usize::try_from(places).ok()).unwrap_or(MOST);
        let serve = Serve { concurrency: serve.concurrency.clamp(1, most.clamp(1, MOST)), ..serve };
        Ok(Arc::new(Self {
            shared: Arc::clone(shared),
            handler,
            task,
            turns: Arc::new(Semaphore::new(serve.concurrency)),
            serve,
            end: Cancel::new(),
            idle: Mutex::default(),
            pulse: Arc::default(),
        }))
    }

    /// Answers until it is told to end, and returns by what.
    pub(super) fn run(self: Arc<Self>, listener: TcpListener) -> Result<Exit> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(thread::available_parallelism().map_or(1, usize::from))
            .thread_name("wasm-serve")
            .enable_all()
            .build()
            .map_err(does_not_start)?;
        let ended = runtime.block_on(self.serve(listener));
        runtime.shutdown_timeout(LAST);
        ended.map(Exit::Stopped)
    }

    async fn serve(self: &Arc<Self>, listener: TcpListener) -> Result<Stop> {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(does_not_start)?;
        let cancel = self.task.cancel.clone().unwrap_or_default();
        let told = Arc::new(Notify::new());
        let notify = Arc::clone(&told);
        let _watch = cancel.on_request(move || notify.notify_one());
        let connections = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let accept = async {
            loop {
                let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => self.connection(stream, &connections, place),
                    // No more descriptors, for instance, until a connection ends.
                    Err(_) => sleep(PAUSE).await,
                }
            }
        };
        tokio::select! {
            () = accept => {}
            () = told.notified() => {}
        }
        drop(listener);
        // Instances may go on when their answer is out.
        let mut drained = pin!(async {
            connections.shutdown().await;
            self.all_ended().await;
        });
        if timeout(self.serve.grace, &mut drained).await.is_err() {
            self.end.cancel();
            // Clients are told, if they listen.
            let _ = timeout(LAST, drained).await;
        }
        Ok(cancel.requested().unwrap_or(Stop::Cancelled))
    }

    async fn all_ended(&self) {
        let turns = u32::try_from(self.serve.concurrency).unwrap_or(u32::MAX);
        let _ = self.turns.acquire_many(turns).await;
    }

    fn connection(
        self: &Arc<Self>,
        stream: tokio::net::TcpStream,
        connections: &GracefulShutdown,
        place: OwnedSemaphorePermit,
    ) {
        // Answers are small, and written as a whole.
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(self);
        let answer = service_fn(move |request| Arc::clone(&service).answer(request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(TokioIo::new(stream), answer);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // What goes wrong here is the client's business, who is told by the protocol.
            let _ = connection.await;
            drop(place);
        });
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<WasiBody>, Infallible> {
        if request.uri().authority().is_none() && !request.headers().contains_key(header::HOST) {
            return Ok(failure(StatusCode::BAD_REQUEST));
        }
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else {
            return Ok(failure(StatusCode::SERVICE_UNAVAILABLE));
        };
        let (sender, mut answer) = oneshot::channel();
        let mut instance = tokio::spawn(Arc::clone(&self).handle(request, sender, turn));
        // If the client goes away before there is an answer, this future is dropped, and the instance with it.
        let attached = Attached(Some(instance.abort_handle()));
        let (answer, ended) = tokio::select! {
            biased;
            answer = &mut answer => (answer.ok(), None),
            ended = &mut instance => (answer.try_recv().ok(), Some(ended)),
        };
        if let Some(answer) = answer {
            // The instance may go on: the body of its answer is only beginning.
            attached.release();
            return Ok(answer.unwrap_or_else(|_| failure(StatusCode::INTERNAL_SERVER_ERROR)));
        }
        let ended = match ended {
            Some(ended) => ended,
            None => instance.await,
        };
        let told = match ended {
            Ok(Some(status)) => return Ok(failure(status)),
            Ok(None) => Ok(Exit::Code(0)),
            Err(error) => Err(panicked(error)),
        };
        self.tell(&told);
        Ok(failure(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// Lets an instance handle a request; if it did not end well, returns what to tell the client.
    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        answer: Answer,
        turn: OwnedSemaphorePermit,
    ) -> Option<StatusCode> {
        let busy = Pulse::beat(&self.pulse, &self.shared);
        let ended = self.handled(request, answer).await;
        drop((busy, turn));
        let status = match &ended {
            Ok(Exit::Code(0)) => return None,
            Ok(Exit::Stopped(Stop::Deadline)) => StatusCode::GATEWAY_TIMEOUT,
            Ok(Exit::Stopped(Stop::Cancelled)) | Err(_) => StatusCode::SERVICE_UNAVAILABLE,
            Ok(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        self.tell(&ended);
        Some(status)
    }

    async fn handled(&self, request: Request<Incoming>, answer: Answer) -> Result<Exit> {
        let Limits { fuel, deadline, .. } = self.task.limits;
        let idle = self.idle().pop();
        let (mut store, ready) = match idle {
            Some(Instance { mut store, proxy, answered }) => {
                self.shared.refuel(&mut store, fuel)?;
                (store, Some((proxy, answered)))
            }
            None => (self.shared.store(State::new(self.task.clone())?, fuel)?, None),
        };
        let alarm = Alarm::set(&mut store, self.shared.reactor.handle(), true);
        let call = self.call(&mut store, ready, request, answer);
        match alarm.race(deadline, Some(self.end.clone()), call).await {
            Err(stop) => Ok(Exit::Stopped(stop)),
            Ok(Err(ended)) => ended.map(|exit| store.data().ended(exit)),
            Ok(Ok((proxy, answered))) => {
                if answered < self.serve.reuse {
                    self.idle().push(Instance { store, proxy, answered });
                }
                Ok(Exit::Code(0))
            }
        }
    }

    /// Calls the handler; returns the instance, or how it ended.
    async fn call(
        &self,
        store: &mut Store<State>,
        ready: Option<(Proxy, u32)>,
        request: Request<Incoming>,
        answer: Answer,
    ) -> Result<(Proxy, u32), Result<Exit>> {
        let (proxy, answered) = match ready {
            Some(ready) => ready,
            None => match self.handler.instantiate_async(&mut *store).await {
                Ok(proxy) => {
                    store.data().notify(Event::Instantiated);
                    (proxy, 0)
                }
                Err(error) => return Err(trap::unborn(store.data(), error)),
            },
        };
        let mut http = store.data_mut().http();
        let resources = http
            .new_incoming_request(Scheme::Http, request)
            .and_then(|request| Ok((request, http.new_response_outparam(answer)?)));
        let (request, answer) = resources.map_err(trap::ended)?;
        let called = proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, answer).await;
        called.map_err(trap::ended)?;
        Ok((proxy, answered + 1))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, ended: &Result<Exit>) {
        if let Some(failures) = &self.serve.failures {
            failures.notify(ended);
        }
    }
}

type Answer = oneshot::Sender<Result<Response<WasiBody>, ErrorCode>>;

/// An answer of ours, with the name of its status as text.
fn failure(status: StatusCode) -> Response<WasiBody> {
    let text = format!("{}\n", status.canonical_reason().unwrap_or("failed"));
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer
}

/// Says what ended a task that nobody aborted.
fn panicked(error: JoinError) -> Error {
    let message = match error.try_into_panic() {
        Ok(panic) => program::message(&*panic),
        Err(error) => error.to_string(),
    };
    Error::Panicked { message }
}

/// Ends a task when it is dropped, unless it was released.
struct Attached(Option<AbortHandle>);

impl Attached {
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// What makes instances that compute give way to the others, as long as there are any.
#[derive(Default)]
struct Pulse {
    busy: AtomicUsize,
    beating: AtomicBool,
}

impl Pulse {
    /// Says that an instance is busy until the value is dropped.
    fn beat(pulse: &Arc<Self>, shared: &Shared) -> Busy {
        pulse.busy.fetch_add(1, Ordering::SeqCst);
        if !pulse.beating.swap(true, Ordering::SeqCst)
            && let Some(reactor) = shared.reactor.handle()
        {
            reactor.spawn(Arc::clone(pulse).tick(shared.engine.clone()));
        }
        Busy(Arc::clone(pulse))
    }

    async fn tick(self: Arc<Self>, engine: wasmtime::Engine) {
        let mut idle = 0;
        loop {
            sleep(TICK).await;
            if self.busy.load(Ordering::SeqCst) > 0 {
                engine.increment_epoch();
                idle = 0;
                continue;
            }
            idle += 1;
            if idle > REST {
                self.beating.store(false, Ordering::SeqCst);
                // Somebody may have come in between and relied on this one.
                if self.busy.load(Ordering::SeqCst) == 0 || self.beating.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        }
    }
}

struct Busy(Arc<Pulse>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many connections are open at once; others wait in the listener's queue.
const CONNECTIONS: usize = 4096;

/// How many requests can be answered at once at most.
const MOST: usize = 1 << 20;

/// How long a client may take for the head of a request, also for the next one on its connection.
const HEAD: Duration = Duration::from_secs(30);

/// How long to wait when no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(20);

/// How long instances may take to end that are told to.
const LAST: Duration = Duration::from_secs(1);

const TICK: Duration = Duration::from_millis(1);

/// After how many ticks without work there are no more.
const REST: u32 = 1000;
