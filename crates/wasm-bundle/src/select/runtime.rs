use std::{fmt, str::FromStr};

/// A container runtime, as far as its rules depend on how it was built and called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Runtime {
    /// crun.
    Crun(Crun),
    /// youki.
    Youki(Youki),
    /// One of runwasi's shims for containerd.
    Runwasi(Shim),
    /// containerd-shim-spin.
    Spin {
        /// Whether the image has layers of the types that the shim takes, instead of a root file system.
        wasm_layers: bool,
    },
    /// runc, which runs no WebAssembly: for images with an engine inside.
    Runc,
}

impl Runtime {
    /// crun 1.21 with WasmEdge, as Debian builds it.
    #[must_use]
    pub fn crun() -> Self {
        Self::Crun(Crun::new([Engine::WasmEdge]))
    }

    /// youki 0.7 with wasmtime, as `cargo install` builds it with the feature `wasm-wasmtime`.
    #[must_use]
    pub fn youki() -> Self {
        Self::Youki(Youki::new([Engine::Wasmtime]))
    }

    /// runwasi's wasmtime shim.
    #[must_use]
    pub fn runwasi() -> Self {
        Self::Runwasi(Shim::new(Engine::Wasmtime))
    }
}

/// crun's build, and how it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Crun {
    /// The release; 1.21.0 unless said otherwise. Rules that came later do not hold for older ones.
    pub version: Version,
    /// The Wasm engines that it was built with.
    pub engines: Vec<Engine>,
    /// Whether it was built with `krun`.
    pub krun: bool,
    /// Whether it was built with `dotnet`.
    pub dotnet: bool,
    /// The file name that it is called by; `crun` unless said otherwise. `crun-wasm` uses the handler `wasm` for all.
    pub name: String,
}

impl Crun {
    /// Creates crun 1.21, built with these engines and called `crun`.
    pub fn new(engines: impl IntoIterator<Item = Engine>) -> Self {
        Self {
            version: Version::new(1, 21, 0),
            engines: engines.into_iter().collect(),
            krun: false,
            dotnet: false,
            name: "crun".into(),
        }
    }

    /// Reads what `crun --version` prints; `None` when it is not crun's.
    #[must_use]
    pub fn from_version(text: &str) -> Option<Self> {
        let version = text.lines().find_map(|line| line.strip_prefix("crun version "))?.parse().ok()?;
        let has = |feature: &str| text.split_whitespace().any(|word| word == feature);
        let engines = Engine::CRUN.into_iter().filter(|engine| has(&format!("+WASM:{engine}")));
        Some(Self { version, krun: has("+LIBKRUN"), dotnet: has("+.NET:mono"), ..Self::new(engines) })
    }

    /// Sets the file name that it is called by.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

/// youki's build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Youki {
    /// The Wasm engines that it was built with: features `wasm-wasmer`, `wasm-wasmedge`, `wasm-wasmtime`.
    pub engines: Vec<Engine>,
}

impl Youki {
    /// Creates youki 0.7, built with these engines.
    pub fn new(engines: impl IntoIterator<Item = Engine>) -> Self {
        Self { engines: engines.into_iter().collect() }
    }
}

/// One of runwasi's shims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shim {
    /// Its engine: WasmEdge, wasmtime, wasmer or WAMR.
    pub engine: Engine,
    /// Whether the image has layers of the types that the shim takes, instead of a root file system.
    pub wasm_layers: bool,
}

impl Shim {
    /// Creates the shim of this engine, for images with a root file system.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self { engine, wasm_layers: false }
    }

    /// Says whether the image has layers of the types that the shim takes.
    #[must_use]
    pub fn wasm_layers(mut self, wasm_layers: bool) -> Self {
        self.wasm_layers = wasm_layers;
        self
    }
}

/// A Wasm engine in a container runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// WasmEdge.
    WasmEdge,
    /// wasmer.
    Wasmer,
    /// wasmtime.
    Wasmtime,
    /// WAMR, the micro runtime.
    Wamr,
    /// Spin.
    Spin,
}

impl Engine {
    /// The order that crun asks its handlers in.
    pub(super) const CRUN: [Self; 5] = [Self::WasmEdge, Self::Wasmer, Self::Wasmtime, Self::Wamr, Self::Spin];
    /// The order that youki asks its executors in.
    pub(super) const YOUKI: [Self; 3] = [Self::Wasmer, Self::WasmEdge, Self::Wasmtime];
}

/// The name that crun has for it.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WasmEdge => "wasmedge",
            Self::Wasmer => "wasmer",
            Self::Wasmtime => "wasmtime",
            Self::Wamr => "wamr",
            Self::Spin => "spin",
        })
    }
}

/// A release: `1.21`, `1.4.4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number, 0 when there is none.
    pub patch: u32,
}

impl Version {
    /// Creates a version.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

/// Takes numbers between dots, and passes over what follows them.
impl FromStr for Version {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        let mut numbers = text[..end].split('.').map(str::parse);
        let mut next = || numbers.next().unwrap_or(Ok(0));
        match (next(), next(), next()) {
            (Ok(major), Ok(minor), Ok(patch)) => Ok(Self { major, minor, patch }),
            _ => Err("write a version as 1.21 or 1.4.4"),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crun_tells_how_it_was_built() {
        let text = "crun version 1.21\ncommit: 1026984\nrundir: /run/crun\nspec: 1.0.0\n\
                    +SYSTEMD +CRIU +WASM:wasmtime +WASM:wasmedge +LIBKRUN +YAJL\n";
        let crun = Crun::from_version(text).unwrap();
        assert_eq!(crun, Crun { krun: true, ..Crun::new([Engine::WasmEdge, Engine::Wasmtime]) });
        assert_eq!(Crun::from_version("runc version 1.1.15"), None);
        assert_eq!(Crun::from_version("crun version one"), None);
    }

    #[test]
    fn versions() {
        let version = |text: &str| text.parse::<Version>();
        assert_eq!(version("1.21"), Ok(Version::new(1, 21, 0)));
        assert_eq!(version("1.4.4-dirty"), Ok(Version::new(1, 4, 4)));
        assert!(version("").is_err() && version("x").is_err() && version("1..2").is_err());
        assert!(Version::new(1, 4, 4) < Version::new(1, 21, 0));
        assert_eq!(
            (Version::new(1, 21, 0).to_string(), Version::new(1, 4, 4).to_string()),
            ("1.21".into(), "1.4.4".into())
        );
    }
}
