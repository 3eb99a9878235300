//! `cargo xtask deps`: the dependency rules of the design.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::{paths, process};

/// What a crate may not depend on, however far.
#[derive(Debug)]
struct Rule {
    /// The crate.
    package: &'static str,
    /// With which features.
    features: &'static [&'static str],
    /// Names that may not occur; `*-sys` stands for every binding of a C library.
    without: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        package: "wasm-oci",
        features: &[],
        without: &["tokio", "hyper", "reqwest", "rustls", "wasm-bundle", "wasm-exec"],
    },
    Rule {
        package: "wasm-bundle",
        features: &[],
        without: &["tokio", "hyper", "reqwest", "rustls", "*-sys", "cc", "wasm-exec"],
    },
    Rule {
        package: "wasm-exec",
        features: &["--no-default-features"],
        without: &["wasmtime", "libcontainer"],
    },
    Rule {
        package: "wasmedge-sockets",
        features: &[],
        without: &["wasm-oci", "wasm-bundle", "wasm-exec", "wasmedge-sdk", "wasmedge-sys"],
    },
    Rule {
        package: "wasmedge-sockets",
        features: &["--no-default-features"],
        without: &["tokio", "wasmtime", "rustix"],
    },
    Rule {
        package: "wasm-bundle",
        features: &["--all-features"],
        without: &["tokio", "hyper", "reqwest", "rustls", "*-sys", "cc", "wasm-exec"],
    },
    Rule { package: "wasmctr", features: &[], without: &["wasmedge-sdk", "wasmedge-sys"] },
];

/// Packages named `-sys` that bind no library: tables of the kernel's constants.
const PURE: &[&str] = &["linux-raw-sys"];

/// Crates whose number of dependencies is a committed figure, each with what it is called there and its features.
const COUNTED: &[(&str, &str, &[&str])] = &[
    ("wasm-oci", "wasm-oci", &[]),
    ("wasm-bundle", "wasm-bundle", &[]),
    ("wasm-bundle+all", "wasm-bundle", &["--all-features"]),
];

/// Reads `--write`.
pub(crate) fn option(args: &[String]) -> Result<bool> {
    match args {
        [] => Ok(false),
        [write] if write == "--write" => Ok(true),
        _ => Err(Error::new(format!("deps: expected nothing or --write: {}", args.join(" ")))),
    }
}

/// Checks every rule, and the figures or notes them.
pub(crate) fn run(write: bool) -> Result<()> {
    let mut broken = Vec::new();
    for rule in RULES {
        broken.extend(check(rule, &tree(rule.package, rule.features)?));
    }
    let count = |(name, package, features): &(&'static str, &str, &[&str])| {
        Ok((*name, tree(package, features)?.len()))
    };
    let counts: Vec<_> = COUNTED.iter().map(count).collect::<Result<_>>()?;
    let file = figures_file()?;
    if write {
        let lines = counts.iter().map(|(package, count)| format!("{package} {count}\n"));
        paths::write(&file, lines.collect::<String>().as_bytes())?;
    }
    broken.extend(grown(&fs::read_to_string(&file).unwrap_or_default(), &counts));
    if broken.is_empty() { Ok(()) } else { Err(Error::new(broken.join("\nerror: "))) }
}

/// Every package in a crate's normal tree, itself included, as `NAME vVERSION`.
fn tree(package: &str, features: &[&str]) -> Result<BTreeSet<String>> {
    let mut cargo = process::cargo();
    cargo
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--package", package])
        .args(features);
    Ok(parse(&process::capture(cargo.current_dir(paths::root()?))?))
}

fn parse(tree: &str) -> BTreeSet<String> {
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?))
    };
    tree.lines().filter_map(package).collect()
}

fn check(rule: &Rule, tree: &BTreeSet<String>) -> Vec<String> {
    let names = tree.iter().filter_map(|package| package.split(' ').next());
    let forbidden = names.filter(|name| rule.without.iter().any(|pattern| matches(pattern, name)));
    forbidden
        .map(|name| {
            format!("{} must not depend on {name}", [&[rule.package], rule.features].concat().join(" "))
        })
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => name.ends_with(end) && !PURE.contains(&name),
        None => pattern == name,
    }
}

fn grown(figures: &str, counts: &[(&str, usize)]) -> Vec<String> {
    let mut broken = Vec::new();
    for (package, count) in counts {
        let figure =
            figures.lines().find_map(|line| line.strip_prefix(package)?.trim().parse::<usize>().ok());
        match figure {
            Some(figure) if *count > figure => broken.push(format!(
                "{package} takes {count} crates, {figure} were announced: say in the commit why they pay for \
                 themselves, and note the figure by `cargo xtask deps --write`"
            )),
            Some(figure) if *count < figure => {
                println!(
                    "deps: {package} takes {count} crates, fewer than {figure}: note it by `cargo xtask deps --write`"
                );
            }
            Some(_) => println!("deps: {package} takes {count} crates"),
            None => broken.push(format!("no figure for {package}: note it by `cargo xtask deps --write`")),
        }
    }
    broken
}

fn figures_file() -> Result<PathBuf> {
    Ok(paths::root()?.join("crates/xtask/crates.txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "a v1.0.0 (/w/a)\nb v2.0.0\nlinux-raw-sys v0.1.0\nz-sys v0.1.0\n\nb v2.0.0 (*)\n";

    #[test]
    fn a_tree_is_a_set_of_packages() {
        let names: Vec<_> = parse(TREE).into_iter().collect();
        assert_eq!(names, ["a v1.0.0", "b v2.0.0", "linux-raw-sys v0.1.0", "z-sys v0.1.0"]);
    }

    #[test]
    fn forbidden_packages_are_named() {
        let rule = Rule { package: "a", features: &[], without: &["b", "*-sys", "c"] };
        assert_eq!(check(&rule, &parse(TREE)), ["a must not depend on b", "a must not depend on z-sys"]);
    }

    #[test]
    fn a_figure_may_not_grow() {
        assert_eq!(grown("a 4\n", &[("a", 4)]), [""; 0]);
        assert_eq!(grown("a 4\n", &[("a", 3)]), [""; 0]);
        assert!(grown("a 4\n", &[("a", 5)])[0].starts_with("a takes 5 crates, 4 were announced"));
        assert!(grown("ab 4\n", &[("a", 4)])[0].starts_with("no figure for a"));
    }
}
