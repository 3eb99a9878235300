use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::{Args, value_parser};
use wasm_exec::{Cancel, Exit, Output, Serve as Service, Stop};
use wasm_oci::{Location, Platform};

use crate::{
    Failure,
    ending::{FAILED, coded, verdict},
    engine::{Choice, Code},
    form::Form,
    grants::Grants,
    guest,
    limits::seconds,
    remote::Remote,
    report::Report,
    signals,
    stopping::LastResort,
};

/// The flags of `wasmctr serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Each request has an instance of its own, which gets what is listed and nothing else; its output goes \
                  to that of `wasmctr`. Limits, with the timeout, are those of one request.\n\nSIGINT, SIGTERM, SIGHUP \
                  or SIGQUIT ends it: what is under way is answered first, and the exit code is 0. A second one ends \
                  it at once."
)]
pub(crate) struct Serve {
    /// A component that answers HTTP requests: a file, `-`, a bundle directory, or an image (`oci:DIR[:TAG]`,
    /// `oci-archive:FILE[:TAG]`)
    location: Location,
    /// Which image of an index of several [default: the one for WebAssembly]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    #[command(flatten)]
    engine: Choice,
    /// Where to listen; port 0 is one that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,
    /// How many requests an instance answers, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    reuse: u32,
    /// How many requests are answered at once, for which there is room kept; others wait
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = value_parser!(u32).range(1..))]
    concurrency: u32,
    /// The seconds that requests under way may take when it ends
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    grace: Duration,
    #[command(flatten)]
    grants: Grants,
    /// Compile the program, even if its code is in the cache, and leave the cache alone
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Serve {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let engine = self.engine.here()?;
        out.flush()?;
        let (wasm, task) =
            guest::load(&self.location, self.platform.as_ref(), &self.remote, &[]).map_err(coded)?;
        let task = self.grants.grant(task)?.stdout(Output::Inherit).stderr(Output::Inherit);
        let limits = &self.grants.limits;
        let code = Code { interruptible: true, ..limits.code() };
        let engine = engine.make_for(code, &wasm, &limits.wanted(), self.concurrency).map_err(coded)?;
        let (program, _) = guest::program(&*engine, &wasm, self.no_cache).map_err(coded)?;
        let task = task.limits(limits.of(program.engine()));

        let listener = self.listen()?;
        let address =
            listener.local_addr().context("the system does not say where it listens").map_err(coded)?;
        let cancel = Cancel::new();
        let running = program
            .serve(listener, task.cancel(cancel.clone()), self.service())
            .map_err(|error| explained(coded(error)))?;
        self.drain_on_signals(cancel)?;
        // Standard error may be closed; it is served all the same.
        let _ = writeln!(io::stderr(), "listening on http://{address}/");
        match running.wait().map_err(coded)? {
            Exit::Stopped(Stop::Signal(_)) => Ok(ExitCode::SUCCESS),
            exit => verdict(&exit),
        }
    }

    fn listen(&self) -> Result<TcpListener, Failure> {
        TcpListener::bind(self.addr).map_err(|error| {
            let in_use = error.kind() == io::ErrorKind::AddrInUse;
            let error = anyhow!(error).context(format!("cannot listen on {}", self.addr));
            let failure = Failure::new(FAILED, error);
            if in_use {
                failure.help("choose another port: `--addr 127.0.0.1:0` takes one that is free")
            } else {
                failure
            }
        })
    }

    fn service(&self) -> Service {
        let service = Service::default()
            .reuse(self.reuse)
            .concurrency(usize::try_from(self.concurrency).unwrap_or(usize::MAX))
            .grace(self.grace);
        service.on_failure(|failure| warning(failure).warn(&mut anstream::stderr().lock()))
    }

    /// Makes the first signal end the service when nothing is under way any more, and the second at once.
    fn drain_on_signals(&self, cancel: Cancel) -> Result<(), Failure> {
        let last = LastResort::new(&Report::new(Form::Text, false));
        let (late, time) = (last.clone(), self.grace.saturating_add(MARGIN));
        let drain = move |number| {
            cancel.signal(number);
            // Without that thread a second signal still ends it.
            let _ = late.after(time, Stop::Signal(number));
        };
        signals::listen(drain, move |number| last.now(number))
    }
}

/// Says what to do with a program that is no service.
fn explained(failure: Failure) -> Failure {
    match failure.error().downcast_ref() {
        Some(wasm_exec::Error::MissingEntry { .. }) => {
            failure.help("a program that is no service: `wasmctr run`")
        }
        _ => failure,
    }
}

/// What an instance did not do well, in one line with its causes.
fn warning(failure: &wasm_exec::Result<Exit>) -> Failure {
    match failure {
        Ok(exit) => Failure::new(0, anyhow!("a request got no proper answer: {exit}")),
        Err(error) => {
            let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
            let chain: Vec<_> = causes.map(ToString::to_string).collect();
            Failure::new(0, anyhow!("a request got no proper answer: {}", chain.join(": ")))
        }
    }
}

/// How long the service itself may take to end requests whose time is over.
const MARGIN: Duration = Duration::from_secs(5);
