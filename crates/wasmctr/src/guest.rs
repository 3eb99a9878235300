//! What is to be run: its bytes, what its image or bundle says that it gets, and the program that it becomes.

use std::{ffi::OsString, fs};

use anyhow::Context;
use wasm_bundle::{Bundle, Workload};
use wasm_exec::{Capability, Engine, Program, Task, adapter};
use wasm_oci::{Location, Platform};

use crate::{Failure, cache, input, remote::Remote};

/// Reads a guest and the task that it brings along; arguments take the place of those that it has.
pub(crate) fn load(
    location: &Location,
    platform: Option<&Platform>,
    remote: &Remote,
    args: &[OsString],
) -> Result<(Vec<u8>, Task), Failure> {
    let (wasm, mut task) = match location {
        Location::Path(path) if fs::metadata(path).is_ok_and(|found| found.is_dir()) => {
            let bundle = Bundle::open(path)?;
            (bundle.module()?, adapter::bundle::task(bundle.workload(), bundle.rootfs())?)
        }
        image if image.is_image() => {
            let image = remote.image(image, platform)?;
            let workload = Workload::from_image(image.config())?;
            (image.wasm()?.into(), adapter::bundle::process(&workload)?)
        }
        Location::Path(path) => (input::wasm(location)?, Task::default().arg(input::name(path)?)),
        _ => (input::wasm(location)?, Task::default().arg("-")),
    };
    if !args.is_empty() {
        task.args.truncate(1);
        for (arg, number) in args.iter().zip(1..) {
            let text = arg.to_str();
            task.args.push(text.with_context(|| format!("argument {number} is not UTF-8"))?.to_owned());
        }
    }
    Ok((wasm, task))
}

/// Makes the program, and tells what that took: `cache` or `compile`.
pub(crate) fn program(
    engine: &dyn Engine,
    wasm: &[u8],
    no_cache: bool,
) -> wasm_exec::Result<(Program, &'static str)> {
    if no_cache || !engine.info().can(Capability::Precompile) {
        return Ok((engine.compile(wasm)?, "compile"));
    }
    let (program, found) = cache::program(engine, wasm)?;
    Ok((program, if found { "cache" } else { "compile" }))
}
