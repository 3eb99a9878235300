//! What a guest gets, as flags: all of a task that is the same for one run and for each request of a service.

use std::{
    convert::Infallible,
    env,
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    str::FromStr,
};

use anyhow::{Context, anyhow};
use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser},
};
use wasm_exec::{Network, Preopen, Rule, Task};

use crate::{Failure, ending::FAILED, limits::LimitFlags};

/// The flags that grant something.
#[derive(Debug, Args)]
pub(crate) struct Grants {
    /// Set a variable of its environment: NAME=VALUE, or NAME for the caller's value
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<Variable>,
    /// Show it a directory, read-only; with ::rw it may write there. Without GUEST it has the same name there
    #[arg(long, value_name = "HOST[::GUEST[::rw]]", value_parser = OsStringValueParser::new().try_map(dir))]
    dir: Vec<Preopen>,
    /// Let it open FIFOs, devices and sockets in its directories
    #[arg(long)]
    special_files: bool,
    /// The network: none, host, or a rule `[connect:|listen:]HOST[:PORT]`; several rules may be given [default: none]
    #[arg(long, value_name = "none|host|RULE")]
    net: Vec<Net>,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
}

/// What `--env` says.
#[derive(Debug, Clone)]
struct Variable {
    name: String,
    value: Option<String>,
}

/// What `--net` says.
#[derive(Debug, Clone, PartialEq)]
enum Net {
    None,
    Host,
    Rule(Rule),
}

impl Grants {
    /// Adds what the flags grant to what an image or bundle brings along; limits apart, which depend on the engine.
    pub(crate) fn grant(&self, mut task: Task) -> Result<Task, Failure> {
        for variable in &self.env {
            let value = variable.value()?;
            task.env.retain(|(name, _)| *name != variable.name);
            task.env.push((variable.name.clone(), value));
        }
        task.preopens.extend_from_slice(&self.dir);
        Ok(task.special_files(self.special_files).network(self.network()?))
    }

    fn network(&self) -> Result<Network, Failure> {
        match &*self.net {
            [] | [Net::None] => Ok(Network::None),
            [Net::Host] => Ok(Network::Host),
            several => {
                let rule = |net: &Net| match net {
                    Net::Rule(rule) => Some(rule.clone()),
                    Net::None | Net::Host => None,
                };
                let alone = || Failure::new(2, anyhow!("`--net none` and `--net host` stand alone"));
                several.iter().map(rule).collect::<Option<_>>().map(Network::Allow).ok_or_else(alone)
            }
        }
    }
}

impl Variable {
    fn value(&self) -> Result<String, Failure> {
        let Self { name, value } = self;
        let inherited = || {
            let value = env::var_os(name).with_context(|| format!("the variable `{name}` is not set"))?;
            value.into_string().map_err(|_| anyhow!("the value of the variable `{name}` is not UTF-8"))
        };
        let failed = |error| Failure::new(FAILED, error).help(format!("say which: `--env {name}=VALUE`"));
        value.clone().map_or_else(inherited, Ok).map_err(failed)
    }
}

impl FromStr for Variable {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Self { name: text.to_owned(), value: None },
        })
    }
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "host" => Ok(Self::Host),
            rule => rule
                .parse()
                .map(Self::Rule)
                .map_err(|error: wasm_exec::RuleError| format!("{error}; {}", error.help())),
        }
    }
}

/// Parses a directory as wasmtime writes it, `HOST[::GUEST]`, with what the guest may do behind: `::ro` or `::rw`.
fn dir(text: OsString) -> Result<Preopen, &'static str> {
    let parts = parts(text.as_bytes());
    let utf8 = |bytes: &[u8]| str::from_utf8(bytes).map(str::to_owned);
    let host = |bytes: &[u8]| OsString::from_vec(bytes.to_owned());
    if parts.iter().any(|part| part.is_empty()) {
        return Err("write HOST, HOST::GUEST, or HOST::GUEST::rw");
    }
    match *parts {
        [only] => {
            let guest = utf8(only).map_err(|_| "its name is not UTF-8: give it another, HOST::GUEST")?;
            Ok(Preopen::read_only(host(only), guest))
        }
        [_, b"ro" | b"rw"] => Err("say what the guest calls it as well: HOST::GUEST::rw"),
        [from, guest] => Ok(Preopen::read_only(host(from), utf8(guest).map_err(|_| NOT_UTF8)?)),
        [from, guest, b"ro"] => Ok(Preopen::read_only(host(from), utf8(guest).map_err(|_| NOT_UTF8)?)),
        [from, guest, b"rw"] => Ok(Preopen::read_write(host(from), utf8(guest).map_err(|_| NOT_UTF8)?)),
        _ => Err("write HOST, HOST::GUEST, or HOST::GUEST::rw"),
    }
}

/// Splits at each `::`.
fn parts(mut text: &[u8]) -> Vec<&[u8]> {
    let mut parts = vec![];
    while let Some(at) = text.windows(2).position(|two| two == b"::") {
        parts.push(&text[..at]);
        text = &text[at + 2..];
    }
    parts.push(text);
    parts
}

const NOT_UTF8: &str = "the guest's name of it is not UTF-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories() {
        for (text, expected) in [
            ("/srv", Preopen::read_only("/srv", "/srv")),
            (".", Preopen::read_only(".", ".")),
            ("a:b", Preopen::read_only("a:b", "a:b")),
            ("/srv::/data", Preopen::read_only("/srv", "/data")),
            ("/srv::/data::ro", Preopen::read_only("/srv", "/data")),
            ("/srv::/data::rw", Preopen::read_write("/srv", "/data")),
        ] {
            assert_eq!(dir(text.into()), Ok(expected), "{text}");
        }
        for bad in ["", "::", "a::", "::a", "a::rw", "a::ro", "a::b::", "a::b::wr", "a::b::rw::c"] {
            assert!(dir(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_of_the_host_may_be_anything() {
        let text = OsString::from_vec(b"/\xff::/data".to_vec());
        assert_eq!(dir(text).unwrap().host.as_os_str().as_bytes(), b"/\xff");
        assert!(dir(OsString::from_vec(b"/\xff".to_vec())).is_err());
        assert!(dir(OsString::from_vec(b"/a::/\xff".to_vec())).is_err());
    }
}
