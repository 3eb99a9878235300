use std::{
    convert::Infallible,
    fs::File,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser},
};
use wasm_exec::{Input, Output, Task};

use crate::{Failure, ending::FAILED, form::Form};

/// The flags for the standard streams.
#[derive(Debug, Args)]
pub(crate) struct Streams {
    /// Where its standard input comes from: inherit, none, or a file [default: inherit]
    #[arg(long, value_name = "inherit|none|FILE", value_parser = stream())]
    stdin: Option<Stream>,
    /// Where its standard output goes: inherit, none, or a file, which is replaced [default: inherit]
    #[arg(long, value_name = "inherit|none|FILE", value_parser = stream())]
    stdout: Option<Stream>,
    /// Where its standard error goes: the same [default: inherit]
    #[arg(long, value_name = "inherit|none|FILE", value_parser = stream())]
    stderr: Option<Stream>,
}

#[derive(Debug, Clone, PartialEq)]
enum Stream {
    Inherit,
    None,
    File(PathBuf),
}

impl Streams {
    /// Gives a task its streams. Where standard output is a document's, the guest's goes to standard error.
    pub(crate) fn open(&self, task: Task, form: Form) -> Result<Task, Failure> {
        let stdout = match (&self.stdout, form) {
            (None, Form::Json) => Output::file(stderr().map_err(failed)?),
            (Some(Stream::Inherit), Form::Json) => {
                return Err(Failure::new(
                    2,
                    anyhow!("with `--format json`, standard output is the document's"),
                )
                .help("leave `--stdout inherit` out: the guest's goes to standard error"));
            }
            (stdout, _) => output(stdout.as_ref()).map_err(failed)?,
        };
        let stderr = match (&self.stdout, &self.stderr) {
            // One file is opened once: two cursors would write over each other.
            (Some(Stream::File(out)), Some(Stream::File(error))) if out == error => stdout.clone(),
            (_, stderr) => output(stderr.as_ref()).map_err(failed)?,
        };
        let stdin = input(self.stdin.as_ref()).map_err(failed)?;
        Ok(task.stdin(stdin).stdout(stdout).stderr(stderr))
    }
}

fn stream() -> impl TypedValueParser<Value = Stream> {
    OsStringValueParser::new().try_map(|text| {
        Ok::<_, Infallible>(match text.to_str() {
            Some("inherit") => Stream::Inherit,
            Some("none") => Stream::None,
            _ => Stream::File(text.into()),
        })
    })
}

fn input(stream: Option<&Stream>) -> anyhow::Result<Input> {
    Ok(match stream {
        None | Some(Stream::Inherit) => Input::Inherit,
        Some(Stream::None) => Input::Empty,
        Some(Stream::File(path)) => Input::file(File::open(path).with_context(|| cannot("open", path))?),
    })
}

fn output(stream: Option<&Stream>) -> anyhow::Result<Output> {
    Ok(match stream {
        None | Some(Stream::Inherit) => Output::Inherit,
        Some(Stream::None) => Output::Discard,
        Some(Stream::File(path)) => Output::file(File::create(path).with_context(|| cannot("create", path))?),
    })
}

fn stderr() -> anyhow::Result<File> {
    let stderr = io::stderr().as_fd().try_clone_to_owned();
    Ok(stderr.context("cannot use standard error for the guest's standard output")?.into())
}

fn cannot(what: &str, path: &Path) -> String {
    format!("cannot {what} `{}` for the guest", path.display())
}

fn failed(error: anyhow::Error) -> Failure {
    Failure::new(FAILED, error)
}
