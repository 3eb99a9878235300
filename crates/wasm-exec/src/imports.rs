use std::fmt::{self, Write};

#[cfg(any(feature = "wasmedge", feature = "wasmtime"))]
mod check;
#[cfg(feature = "wasmtime")]
mod component;
#[cfg(any(feature = "wasmedge", feature = "wasmtime"))]
mod preview1;
#[cfg(any(feature = "wasmedge", feature = "wasmtime"))]
mod wasmedge;

#[cfg(all(test, any(feature = "wasmedge", feature = "wasmtime")))]
pub(crate) use self::check::all_of;
#[cfg(feature = "wasmtime")]
pub(crate) use self::component::{PREVIEW2, check_component};
#[cfg(any(feature = "wasmedge", feature = "wasmtime"))]
pub(crate) use self::{check::check, preview1::PREVIEW1, wasmedge::SOCKETS};

/// An import that an engine does not provide.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingImport {
    /// The module name of the import, for instance `wasi_snapshot_preview1`; of a component the interface.
    pub module: String,
    /// Its name; empty for an interface.
    pub name: String,
    /// The type as text: `(i32, i32) -> (i32)` for a function, otherwise what it is (`memory`, `global`, …).
    pub ty: String,
    /// The type that the engine has it with, if it has it with another one.
    pub expected: Option<String>,
    /// Who provides it.
    pub provider: Provider,
}

impl MissingImport {
    /// Describes one that nobody is known to provide; engines call this.
    #[must_use]
    pub fn new(module: impl Into<String>, name: impl Into<String>, ty: impl Into<String>) -> Self {
        Self {
            module: module.into(),
            name: name.into(),
            ty: ty.into(),
            expected: None,
            provider: Provider::Unknown,
        }
    }
}

/// Who provides an import, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// WasmEdge, by its socket extension of preview 1, and this crate's wasmtime: for engines that have neither.
    WasmEdgeSockets,
    /// Hosts of `wasi_unstable`, of 2019.
    Preview0,
    /// Hosts of components: the module is the core of one that was not assembled.
    Component,
    /// Hosts of WASI 0.3.
    Preview3,
    /// Platforms that have interfaces of their own, such as Spin and wasmCloud.
    Platform,
    /// Hosts of wasi-threads.
    Threads,
    /// A JavaScript host, by wasm-bindgen.
    JavaScript,
    /// Whoever links the guest: the function was left undefined then.
    Linker,
    /// Nobody that is known here.
    Unknown,
}

impl Provider {
    fn help(self) -> Option<&'static str> {
        Some(match self {
            Self::WasmEdgeSockets => {
                "wasmtime and WasmEdge have these functions: run the module with one of these engines"
            }
            Self::Preview0 => "build it again with a toolchain of today: for Rust, `--target wasm32-wasip1`",
            Self::Component => "build a core module: for Rust, `cargo build --target wasm32-wasip1`",
            Self::Preview3 => "build it for WASI 0.2: for Rust, `--target wasm32-wasip2`",
            Self::Platform => "run it where this interface is, or build it against WASI 0.2 alone",
            Self::Threads => "build it without threads",
            Self::JavaScript => "it was built for a browser: for Rust, use `--target wasm32-wasip1`",
            Self::Linker => "link the guest with what defines the functions of `env`",
            Self::Unknown => return None,
        })
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WasmEdgeSockets => "WasmEdge's socket extension",
            Self::Preview0 => "WASI of 2019",
            Self::Component => "interfaces of components",
            Self::Preview3 => "WASI 0.3",
            Self::Platform => "an interface of some platform",
            Self::Threads => "wasi-threads",
            Self::JavaScript => "JavaScript",
            Self::Linker => "left undefined by the linker",
            Self::Unknown => "unknown here",
        })
    }
}

/// Names the imports, those of one module and provider together, and not without end.
pub(crate) fn list(missing: &[MissingImport]) -> String {
    let key = |import: &MissingImport| (import.module.clone(), import.provider);
    let mut groups: Vec<((String, Provider), Vec<&MissingImport>)> = Vec::new();
    for import in missing {
        match groups.iter_mut().find(|(of, _)| *of == key(import)) {
            Some((_, imports)) => imports.push(import),
            None => groups.push((key(import), vec![import])),
        }
    }
    let mut text = String::new();
    for (index, ((module, provider), imports)) in groups.iter().take(GROUPS_SHOWN).enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        let _ = match names(imports) {
            // An interface is not a part of something.
            names if names.is_empty() => write!(text, "{separator}{} ({provider})", clip(module)),
            names => write!(text, "{separator}{names} from {} ({provider})", clip(module)),
        };
    }
    if let more @ 1.. = groups.len().saturating_sub(GROUPS_SHOWN) {
        let _ = write!(text, "; and those of {more} other modules");
    }
    text
}

/// Says what can be done about the first import whose provider is known.
pub(crate) fn help(missing: &[MissingImport]) -> Option<&'static str> {
    missing.iter().find_map(|import| import.provider.help())
}

fn names(imports: &[&MissingImport]) -> String {
    let name = |import: &&MissingImport| match &import.expected {
        // Everybody's sock_accept has the same name, and the provider says whose it is.
        Some(expected) if import.provider == Provider::Unknown => {
            format!("{} as {} and not {expected}", clip(&import.name), import.ty)
        }
        _ => clip(&import.name),
    };
    let mut names: Vec<_> = imports.iter().take(NAMES_SHOWN).map(name).collect();
    if let more @ 1.. = imports.len().saturating_sub(NAMES_SHOWN) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// Shortens and escapes what a stranger wrote into his module.
fn clip(name: &str) -> String {
    let mut chars = name.chars();
    let clipped: String = chars.by_ref().take(NAME_LENGTH).flat_map(char::escape_debug).collect();
    if chars.next().is_some() { format!("{clipped}…") } else { clipped }
}

const GROUPS_SHOWN: usize = 6;
const NAMES_SHOWN: usize = 24;
const NAME_LENGTH: usize = 80;
