use std::fmt;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::{Pattern, Program, Runtime, Version, runtime::RUNC_V2};
use crate::{Error, Result, error::Cause};

/// A containerd configuration: read, changed in one place, and written with everything else as it was.
///
/// Comments, order and spacing stay. Setting a runtime twice changes nothing more. A file that says where the runtimes are
/// in the words of another version is refused, because containerd would ignore what we write, or what is there.
///
/// ```
/// use wasm_bundle::node::{Config, Runtime};
///
/// let mut config = Config::parse("# ours\nversion = 3\n")?;
/// config.set(&"crun".parse::<Runtime>()?)?;
/// let text = config.to_string();
/// assert!(text.starts_with("# ours\nversion = 3\n"));
/// assert!(text.contains(r#"pod_annotations = ["module.wasm.image/variant", "run.oci.handler"]"#));
/// # Ok::<(), wasm_bundle::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    document: DocumentMut,
    version: Version,
    form: Form,
}

/// What the text is of the whole configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// All of it.
    Whole,
    /// A file beside it, whose tables are merged into it.
    Fragment,
    /// A Go template of k3s or rke2, which says where their own configuration goes.
    Template,
}

impl Config {
    /// The largest text that is read: 1 MiB.
    pub const LIMIT: usize = 1 << 20;

    /// Creates a configuration with nothing in it.
    #[must_use]
    pub fn new(version: Version) -> Self {
        let mut document = DocumentMut::new();
        document.insert("version", Item::Value(version.number().into()));
        let mut end = Table::new();
        end.decor_mut().set_prefix("");
        document.insert(END, Item::Table(end));
        Self { document, version, form: Form::Whole }
    }

    /// Creates a drop-in: a file that a configuration imports, or a patch for kind.
    #[must_use]
    pub fn fragment(version: Version) -> Self {
        Self { form: Form::Fragment, ..Self::new(version) }
    }

    /// Creates a template of k3s or rke2: what they would write themselves, and then the runtimes.
    ///
    /// # Errors
    ///
    /// Those of [`parse_template`](Self::parse_template), in theory.
    pub fn template(version: Version) -> Result<Self> {
        Self::parse_template("{{ template \"base\" . }}\n", version)
    }

    /// Parses a configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Oversized`]; [`Error::Syntax`] for what is no TOML; [`Error::Kind`] for a `version` that is no number, and
    /// [`Error::ConfigVersion`] for one that is missing or not known.
    pub fn parse(text: &str) -> Result<Self> {
        let document = read(text)?;
        let number = match document.get("version") {
            None => None,
            Some(item) => Some(item.as_integer().ok_or_else(|| kind("version", "a number"))?),
        };
        let version = number.and_then(Version::of_number).ok_or(Error::ConfigVersion { found: number })?;
        Ok(Self { document, version, form: Form::Whole })
    }

    /// Parses a file that a configuration of this version imports; its own `version` may be missing.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse); [`Error::ConfigVersion`] also for another version than this.
    pub fn parse_fragment(text: &str, version: Version) -> Result<Self> {
        let document = read(text)?;
        match document.get("version").map(Item::as_integer) {
            None => {}
            Some(Some(number)) if number == version.number() => {}
            Some(Some(number)) => return Err(Error::ConfigVersion { found: Some(number) }),
            Some(None) => return Err(kind("version", "a number")),
        }
        Ok(Self { document, version, form: Form::Fragment })
    }

    /// Parses a template of k3s or rke2: TOML, but for lines that begin with `{{`.
    ///
    /// # Errors
    ///
    /// Those of [`parse_fragment`](Self::parse_fragment). Templates in which the same table stands in two branches are no
    /// TOML and cannot be edited.
    pub fn parse_template(text: &str, version: Version) -> Result<Self> {
        let hidden: String = text.split_inclusive('\n').map(hide).collect();
        Ok(Self { form: Form::Template, ..Self::parse_fragment(&hidden, version)? })
    }

    /// Returns the version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Adds a runtime, or changes the one of this name.
    ///
    /// It gets its `runtime_type`; if it is an OCI runtime, `BinaryName` and the patterns that let
    /// [`Runtime::ANNOTATIONS`] through, beside those that are there, or for youki [`Runtime::BASE`]; and `SystemdCgroup` as the runtime says it, or else
    /// as runc has it in this file. A whole file of version 2 gets a table for runc as well, if it has none: containerd 1.x
    /// takes the list of runtimes from the file alone, and does not start CRI without the default one.
    ///
    /// # Errors
    ///
    /// [`Error::OtherDomain`] when the runtimes stand where this version does not look; [`Error::Kind`] when a table in the
    /// way is something else. Nothing is changed then.
    pub fn set(&mut self, runtime: &Runtime) -> Result<()> {
        if self.has_other_domain() {
            return Err(Error::OtherDomain { version: self.version, plugin: self.version.other_plugin() });
        }
        let systemd = runtime.systemd().or_else(|| self.runc_systemd());
        let mut document = self.document.clone();
        let runtimes =
            tables(document.as_item_mut(), &["plugins", self.version.plugin(), "containerd", "runtimes"])?;
        if self.form == Form::Whole && self.version == Version::V2 {
            keep_default(runtimes, self.default_runtime())?;
        }
        fill(child(runtimes, runtime.name(), false)?, runtime, systemd)?;
        // What cannot be read again is not written: a table in the form `a.b = {…}` may stand in the way.
        self.document = document.to_string().parse().map_err(syntax)?;
        Ok(())
    }

    /// Makes a whole configuration import a file or pattern, such as `/etc/containerd/conf.d/*.toml`.
    ///
    /// # Errors
    ///
    /// [`Error::Kind`] when `imports` is no list.
    pub fn import(&mut self, pattern: &str) -> Result<()> {
        let item = self.document.entry("imports").or_insert(Item::Value(Array::new().into()));
        let imports = item.as_array_mut().ok_or_else(|| kind("imports", "a list"))?;
        if !imports.iter().any(|import| import.as_str() == Some(pattern)) {
            imports.push(pattern);
        }
        Ok(())
    }

    /// Returns the runtimes that the file defines for pods, by name.
    pub(crate) fn runtimes(&self) -> impl Iterator<Item = (&str, &Item)> {
        let runtimes = self.get(&["plugins", self.version.plugin(), "containerd", "runtimes"]);
        runtimes.and_then(Item::as_table_like).into_iter().flat_map(TableLike::iter)
    }

    pub(crate) fn get(&self, path: &[&str]) -> Option<&Item> {
        path.iter().try_fold(self.document.as_item(), |item, key| item.as_table_like()?.get(key))
    }

    /// The runtime of pods that do not choose one.
    pub(crate) fn default_runtime(&self) -> &str {
        let path = ["plugins", self.version.plugin(), "containerd", "default_runtime_name"];
        self.get(&path).and_then(Item::as_str).unwrap_or("runc")
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.form == Form::Whole
    }

    /// Whether the runtimes stand where another version looks for them.
    pub(crate) fn has_other_domain(&self) -> bool {
        self.get(&["plugins", self.version.other_plugin(), "containerd"]).is_some()
    }

    /// What runc's options say, if they do.
    pub(crate) fn runc_systemd(&self) -> Option<bool> {
        let (_, runc) = self.runtimes().find(|(name, _)| *name == "runc")?;
        option(runc, SYSTEMD)?.as_bool()
    }
}

/// The text of the file.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.document.to_string();
        let header = format!("[{END}]\n");
        let lines = text.split_inclusive('\n').filter(|line| *line != header);
        lines.into_iter().try_for_each(|line| {
            let shown = line.strip_prefix(HIDDEN).filter(|_| self.form == Form::Template);
            f.write_str(shown.unwrap_or(line))
        })
    }
}

pub(crate) const SYSTEMD: &str = "SystemdCgroup";
pub(crate) const BINARY: &str = "BinaryName";
pub(crate) const ANNOTATIONS: &str = "pod_annotations";
pub(crate) const BASE: &str = "base_runtime_spec";
/// In front of a template's own lines while they are a comment of the TOML.
const HIDDEN: &str = "#wasmctr:";
/// A table behind everything that was read, so that comments and a template's last lines stay in front of what is added.
const END: &str = "__wasmctr_end__";

/// What an option of a runtime is set to.
pub(crate) fn option<'a>(runtime: &'a Item, name: &str) -> Option<&'a Item> {
    runtime.as_table_like()?.get("options")?.as_table_like()?.get(name)
}

fn read(text: &str) -> Result<DocumentMut> {
    if text.len() > Config::LIMIT {
        return Err(Error::Oversized { what: WHAT, unit: "bytes", limit: Config::LIMIT as u64 });
    }
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{newline}[{END}]\n").parse().map_err(syntax)
}

fn hide(line: &str) -> String {
    // A comment that looks hidden already is hidden as well, so that it comes back as it was.
    let hidden = line.trim_start().starts_with("{{") || line.starts_with(HIDDEN);
    let prefix = if hidden { HIDDEN } else { "" };
    format!("{prefix}{line}")
}

/// Goes down a path of tables, and makes those that are missing without a line of their own.
fn tables<'a>(root: &'a mut Item, path: &[&str]) -> Result<&'a mut Item> {
    path.iter().try_fold(root, |item, key| child(item, key, true))
}

fn child<'a>(parent: &'a mut Item, key: &str, implicit: bool) -> Result<&'a mut Item> {
    let wrong = || kind(key, "a table");
    match parent {
        Item::Table(table) if !table.contains_key(key) => {
            let mut new = Table::new();
            new.set_implicit(implicit);
            table.insert(key, Item::Table(new));
        }
        Item::Value(Value::InlineTable(table)) if !table.contains_key(key) => {
            table.insert(key, Value::InlineTable(InlineTable::new()));
        }
        _ => {}
    }
    let child = parent.as_table_like_mut().and_then(|table| table.get_mut(key)).ok_or_else(wrong)?;
    if child.is_table_like() { Ok(child) } else { Err(wrong()) }
}

/// Gives the default runtime a table, unless it has one.
fn keep_default(runtimes: &mut Item, name: &str) -> Result<()> {
    if runtimes.as_table_like().is_some_and(|table| table.contains_key(name)) {
        return Ok(());
    }
    put(child(runtimes, name, false)?, "runtime_type", RUNC_V2.into())
}

fn fill(table: &mut Item, runtime: &Runtime, systemd: Option<bool>) -> Result<()> {
    put(table, "runtime_type", runtime.runtime_type().into())?;
    if let Program::Oci(path) = runtime.program() {
        match runtime.base() {
            Some(base) => put(table, BASE, base.into())?,
            None => let_through(table, &Runtime::ANNOTATIONS)?,
        }
        put(child(table, "options", false)?, BINARY, path.as_str().into())?;
    }
    if let Some(on) = systemd {
        put(child(table, "options", false)?, SYSTEMD, on.into())?;
    }
    Ok(())
}

/// Sets a value, unless it has it, and keeps the comment behind the old one.
fn put(table: &mut Item, key: &str, mut value: Value) -> Result<()> {
    let table = table.as_table_like_mut().ok_or_else(|| kind(key, "in a table"))?;
    if let Some(Item::Value(old)) = table.get(key) {
        let same = match (old, &value) {
            (Value::String(old), Value::String(new)) => old.value() == new.value(),
            (Value::Boolean(old), Value::Boolean(new)) => old.value() == new.value(),
            _ => false,
        };
        if same {
            return Ok(());
        }
        *value.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(value),
        None => drop(table.insert(key, Item::Value(value))),
    }
    Ok(())
}

/// Adds those of `keys` that no pattern lets through yet.
fn let_through(table: &mut Item, keys: &[&str]) -> Result<()> {
    let table = table.as_table_like_mut().ok_or_else(|| kind(ANNOTATIONS, "in a table"))?;
    if !table.contains_key(ANNOTATIONS) {
        table.insert(ANNOTATIONS, Item::Value(Array::new().into()));
    }
    let patterns = table.get_mut(ANNOTATIONS).and_then(Item::as_array_mut);
    let patterns = patterns.ok_or_else(|| kind(ANNOTATIONS, "a list"))?;
    for key in keys {
        if !patterns.iter().filter_map(Value::as_str).any(|pattern| lets_through(pattern, key)) {
            push(patterns, key);
        }
    }
    Ok(())
}

/// Adds to a list: on a line of its own where the last one has one.
fn push(list: &mut Array, text: &str) {
    let last = list.iter().last().and_then(|value| value.decor().prefix()?.as_str()).unwrap_or_default();
    let Some((_, indent)) = last.rsplit_once('\n') else { return list.push(text) };
    let trailing = list.trailing().as_str().unwrap_or_default();
    let (comment, end) = trailing.rsplit_once('\n').unwrap_or((trailing, ""));
    let mut value = Value::from(text);
    value.decor_mut().set_prefix(format!("{comment}\n{indent}"));
    let end = format!("\n{end}");
    list.push_formatted(value);
    list.set_trailing(end);
    list.set_trailing_comma(true);
}

/// Whether containerd passes an annotation of this key because of this pattern.
pub(crate) fn lets_through(pattern: &str, key: &str) -> bool {
    Pattern::parse(pattern).is_some_and(|pattern| pattern.matches(key))
}

const WHAT: &str = "containerd configuration";

fn syntax(source: impl Into<Cause>) -> Error {
    Error::Syntax { what: WHAT, source: source.into() }
}

fn kind(at: &str, expected: &'static str) -> Error {
    Error::Kind { what: WHAT, at: crate::error::shortened(at), expected }
}
