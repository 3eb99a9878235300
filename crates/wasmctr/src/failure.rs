use std::{
    error::Error as StdError,
    io::{self, Write},
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};

use crate::{limits::flag_of, table::visible};

/// Why a command failed, and the exit code that tells it.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    code: u8,
    notes: Vec<String>,
    help: Option<String>,
}

impl Failure {
    /// A failure with the exit code `code`.
    pub(crate) fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), code, notes: vec![], help: None }
    }

    /// Adds a line of detail.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do about it, where the error itself does not know.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Gives it another exit code.
    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The exit code that it was given.
    pub(crate) fn exit_code(&self) -> u8 {
        self.code
    }

    /// The error, whose chain `report` prints.
    pub(crate) fn error(&self) -> &anyhow::Error {
        &self.error
    }

    /// Tells whether whoever read our output has gone: nothing to report, and nobody to report it to.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        let io = self.error.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Prints `error:`, `caused by:` for each cause, and `help:`, and returns the exit code.
    pub(crate) fn report(&self, to: &mut dyn Write) -> ExitCode {
        self.print(AnsiColor::Red, "error", to);
        ExitCode::from(self.code)
    }

    /// Prints the same with `warning:`: we go on.
    pub(crate) fn warn(&self, to: &mut dyn Write) {
        self.print(AnsiColor::Yellow, "warning", to);
    }

    fn print(&self, color: AnsiColor, label: &str, to: &mut dyn Write) {
        let mut line = |color: AnsiColor, label: &str, text: &str| {
            let style = Style::new().bold().fg_color(Some(color.into()));
            // Standard error may be closed; the exit code still tells.
            let _ = writeln!(to, "{style}{label}:{style:#} {}", visible(text));
        };
        let mut chain = self.error.chain();
        line(color, label, &chain.next().map_or_else(String::new, ToString::to_string));
        for cause in chain {
            line(color, "caused by", &cause.to_string());
        }
        for note in &self.notes {
            line(AnsiColor::Blue, "note", note);
        }
        if let Some(help) = self.help.clone().or_else(|| self.error.chain().find_map(help)) {
            line(AnsiColor::Cyan, "help", &help);
        }
    }
}

/// Every error that is not said to be something else is a failure with exit code 1.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(1, error)
    }
}

/// What our libraries know about an error of theirs.
fn help(error: &(dyn StdError + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<wasm_oci::Error>() {
        return error.help().map(str::to_owned);
    }
    if let Some(error) = error.downcast_ref::<wasm_bundle::Error>() {
        return error.help().map(Into::into);
    }
    let error = error.downcast_ref::<wasm_exec::Error>()?;
    in_flags(error).or_else(|| error.help().map(Into::into))
}

/// What the library says in the words of Rust.
fn in_flags(error: &wasm_exec::Error) -> Option<String> {
    use wasm_exec::Error::{MissingEntry, OverLimit, Unsupported};
    match error {
        Unsupported { capability, .. } => Some(format!("leave `{}` out", flag_of(*capability)?)),
        OverLimit { limit, needed, .. } => {
            Some(format!("if the module is trusted: `{} {needed}`", flag_of(*limit)?))
        }
        MissingEntry { others, .. } if others.iter().any(|other| other.starts_with("wasi:http/")) => {
            Some("it answers HTTP requests: `wasmctr serve`".to_owned())
        }
        MissingEntry { others, .. } if !others.is_empty() => {
            Some(format!("it exports {}: choose one with `--entry`", others.join(", ")))
        }
        _ => None,
    }
}
