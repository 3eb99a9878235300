//! `cargo xtask lab`: the tools that tests run against, in a folder of their own.

mod compile;
mod data;
mod python;
mod set;
mod system;

use std::path::Path;

use lab::{Need, SETS, Set, Source};

use crate::error::{Error, Result};
use crate::paths;

/// Reads `--with NAME`.
pub(crate) fn options(args: &[String]) -> Result<Vec<&'static Set>> {
    let mut sets = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let name = match arg.strip_prefix("--with") {
            Some("") => args.next().map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        let set = SETS.iter().find(|set| set.need == Need::Optional && Some(set.name) == name);
        sets.push(
            set.ok_or_else(|| Error::new(format!("{arg}: expected --with and one of {}", optional())))?,
        );
    }
    Ok(sets)
}

/// Gets what is missing of the required sets and of these; goes on past a set that fails and tells of all failures.
pub(crate) fn run(with: &[&'static Set]) -> Result<()> {
    let prefix = lab::prefix();
    let required = SETS.iter().filter(|set| set.need == Need::Required);
    let missing: Vec<_> =
        required.chain(with.iter().copied()).filter(|set| !set::is_complete(set, &prefix)).collect();
    if !missing.is_empty() {
        system::name_missing();
    }
    let failures: Vec<_> =
        missing.iter().filter_map(|set| get(set, &prefix).err()).map(|e| e.to_string()).collect();
    if failures.is_empty() {
        println!("lab: {}", prefix.display());
        return Ok(());
    }
    Err(Error::new(failures.join("\nerror: ")))
}

fn get(set: &'static Set, prefix: &Path) -> Result<()> {
    let _lock = paths::lock(&prefix.join(format!("{}.lock", set.name)))?;
    if set::is_complete(set, prefix) {
        return Ok(()); // by the run that was waited for
    }
    println!("lab: getting {}: {}", set.name, names(set));
    let result = match &set.source {
        Source::Debian(debian) => set::install(set, debian, prefix),
        Source::Cargo { install, system } => compile::install(set, install, system, prefix),
        Source::Data { suite, folders } => data::install(set, suite, folders, prefix),
        Source::Python { package, module } => python::install(set, package, module, prefix),
        Source::ByHand(text) => Err(Error::new(format!("not done by a program: {text}"))),
        _ => Err(Error::new("this task does not know how")),
    };
    result.map_err(|error| Error::new(format!("lab: {}: {error}", set.name)))
}

fn names(set: &Set) -> String {
    set.tools.iter().map(|tool| tool.name).collect::<Vec<_>>().join(", ")
}

fn optional() -> String {
    let names = SETS.iter().filter(|set| set.need == Need::Optional).map(|set| set.name);
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Vec<&'static Set>> {
        options(&args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn optional_sets_are_named() {
        let names = |args: &[&str]| parse(args).unwrap().iter().map(|set| set.name).collect::<Vec<_>>();
        assert_eq!(names(&[]), [""; 0]);
        assert_eq!(names(&["--with", "youki", "--with=docker"]), ["youki", "docker"]);
    }

    #[test]
    fn other_names_are_refused_with_the_list() {
        for args in [&["--with", "runtimes"][..], &["--with"], &["youki"], &["--without=youki"]] {
            let error = parse(args).unwrap_err().to_string();
            assert!(
                error.ends_with("one of podman, docker, buildah, youki, wasmtime, kubernetes"),
                "{error}"
            );
        }
    }
}
