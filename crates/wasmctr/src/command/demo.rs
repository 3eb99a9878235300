use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::Context;
use clap::Args;
use wasm_bundle::{Bundle, Handler, Workload};
use wasm_exec::{Capture, Event, Exit, Output, adapter};
use wasm_oci::{Artifact, Format, Layout, Overwrite, Pack, sha256};

use crate::{
    Failure,
    engine::{Chosen, Code},
    runtimes::Runtime,
    table::Table,
    watch::{Watch, milliseconds},
};

/// The flags of `wasmctr demo`.
#[derive(Debug, Args)]
#[command(after_help = "Needs no Docker, no registry, no wasm target and no network.")]
pub(crate) struct Demo {
    /// The folder for everything that it makes; a second run replaces what the first one made
    #[arg(long, default_value = "wasmctr-demo")]
    dir: PathBuf,
}

/// The built-in guest, in text format so that anybody can read it.
const HELLO: &str = include_str!("../hello.wat");
/// Much more than the guest prints.
const OUTPUT: usize = 64 << 10;

impl Demo {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let mut table = Table::new(out);
        table.line("folder", format_args!("{} (everything is in it)", self.dir.display()))?;
        std::fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot create `{}`", self.dir.display()))?;

        let wasm = wat::parse_str(HELLO)?;
        table.line("guest", format_args!("{} hello.wasm, {} bytes", sha256(&wasm), wasm.len()))?;
        let image = timed(&mut table, "image", || self.image(wasm))?;
        let bundle = timed(&mut table, "bundle", || self.bundle(&image))?;
        run(&mut table, bundle.path())?;
        self.next(&mut table)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Packs the guest into a layout and reads it back from there.
    fn image(&self, wasm: Vec<u8>) -> anyhow::Result<(Artifact, String)> {
        let dir = self.dir.join("layout");
        let image = Pack::new(wasm, "/hello.wasm")?.build(Format::Compat)?;
        Layout::write(&dir, "hello", &image, Overwrite::Replace)?;
        let image = Layout::open(&dir)?.artifact(Some("hello"))?;
        let size: u64 = image.layers().iter().map(|layer| layer.descriptor().size()).sum();
        let line = format!(
            "{} {}, {}, layer of {size} bytes, in oci:{}:hello",
            image.digest(),
            image.format(),
            image.platform(),
            dir.display()
        );
        Ok((image, line))
    }

    /// Writes the bundle that crun would take.
    fn bundle(&self, image: &Artifact) -> anyhow::Result<(Bundle, String)> {
        let dir = self.dir.join("bundle");
        let spec = Workload::from_image(image.config())?.to_spec(Handler::Compat)?;
        let bundle = Bundle::write(&dir, &spec, image, Overwrite::Replace)?;
        let line = format!(
            "{} {}={}, no capabilities, no network, read-only, in {}",
            sha256(&wasm_oci::canonical_json_pretty(&spec)?),
            Handler::ANNOTATION,
            Handler::Compat.value(),
            dir.display()
        );
        Ok((bundle, line))
    }

    fn next(&self, table: &mut Table<'_>) -> Result<(), Failure> {
        let bundle = self.dir.join("bundle");
        table
            .line("next", format_args!("wasmctr inspect oci:{}:hello", self.dir.join("layout").display()))?;
        table.line("", format_args!("wasmctr run {}", bundle.display()))?;
        match Runtime::find() {
            Some(Runtime { name, evidence }) => {
                table.line(
                    "",
                    format_args!("{name} run -b {} demo   (as root; {evidence})", bundle.display()),
                )?;
            }
            None => table.line(
                "",
                "no crun or youki in PATH can run Wasm: install a crun with `+WASM` in its version",
            )?,
        }
        Ok(())
    }
}

/// Does one step and prints its line with the time it took.
fn timed<T>(
    table: &mut Table<'_>,
    label: &str,
    step: impl FnOnce() -> anyhow::Result<(T, String)>,
) -> Result<T, Failure> {
    let start = Instant::now();
    let (value, line) = step()?;
    table.line(label, format_args!("{line}, {}", milliseconds(start.elapsed())))?;
    Ok(value)
}

/// Runs the bundle in this process and prints what the guest says and when each phase was over.
fn run(table: &mut Table<'_>, bundle: &Path) -> Result<(), Failure> {
    let mut watch = Watch::start();
    let engine = Chosen::built_in().make(Code::default())?;
    watch.lap("engine");
    let bundle = Bundle::open(bundle)?;
    let wasm = bundle.module()?;
    watch.lap("load");
    let program = engine.compile(&wasm)?;
    watch.lap("compile");

    let stdout = Capture::new(OUTPUT);
    let task =
        adapter::bundle::task(bundle.workload(), bundle.rootfs())?.stdout(Output::Capture(stdout.clone()));
    let watch = Arc::new(Mutex::new(watch));
    let observer = Arc::clone(&watch);
    let exit = program.run(task.on_event(move |event| {
        let mut watch = observer.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Instantiated => watch.lap("instantiate"),
            Event::FirstOutput => watch.lap("first output"),
            _ => {}
        }
    }))?;
    if exit != Exit::Code(0) {
        return Err(anyhow::anyhow!("the guest ended with {exit}").into());
    }
    let said = String::from_utf8_lossy(&stdout.take()).into_owned();
    for (index, line) in said.lines().enumerate() {
        table.line(if index == 0 { "run" } else { "" }, line)?;
    }
    let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
    let laps = watch.laps().iter().map(|(phase, time)| format!("{phase} {}", milliseconds(*time)));
    table.line("", laps.collect::<Vec<_>>().join(", "))?;
    Ok(())
}
