//! The commands in the README and the book are run, in order, and must print what the page says.
//!
//! A block of the kind `console` holds commands behind `$ ` and what they print. In what they print `…` stands for
//! anything within a line, and a line with nothing else for any number of lines. Words after `console`: `needs=TOOL`
//! leaves the block out where the tool is missing (which is recorded as a skip), `fails` expects the last command to.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{Place, port_8080};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn readme() {
    run_page("README.md");
}

#[test]
fn quickstart() {
    run_page("book/src/quickstart.md");
}

#[test]
fn road() {
    run_page("book/src/road.md");
}

#[test]
fn kubernetes() {
    run_page("book/src/kubernetes.md");
}

#[test]
fn doctor() {
    run_page("book/src/doctor.md");
}

#[test]
fn node() {
    run_page("book/src/node.md");
}

#[test]
fn http() {
    run_page("book/src/http.md");
}

#[test]
fn sockets() {
    run_page("book/src/sockets.md");
}

#[test]
fn crun() {
    run_page("book/src/crun.md");
}

#[test]
fn push() {
    run_page("book/src/push.md");
}

#[test]
fn sign() {
    run_page("book/src/sign.md");
}

#[test]
fn package() {
    run_page("book/src/package.md");
}

#[test]
fn which_format() {
    run_page("book/src/which-format.md");
}

#[test]
fn reference() {
    run_page("book/src/reference.md");
}

#[test]
fn bundles() {
    run_page("book/src/bundles.md");
}

/// Each page with commands has a test above, each page stands in the summary, each link leads somewhere.
#[test]
fn no_page_is_forgotten() {
    let root = Path::new(ROOT);
    let summary = fs::read_to_string(root.join("book/src/SUMMARY.md")).unwrap();
    let this = include_str!("docs.rs");
    let mut pages = vec![PathBuf::from("README.md"), "CONTRIBUTING.md".into(), "book/src/SUMMARY.md".into()];
    for entry in fs::read_dir(root.join("book/src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "SUMMARY.md" {
            assert!(summary.contains(&format!("({name})")), "{name} is not in the summary");
            pages.push(format!("book/src/{name}").into());
        }
    }
    for page in pages {
        let text = fs::read_to_string(root.join(&page)).unwrap();
        let listed = this.contains(&format!("run_page(\"{}\")", page.display()));
        assert!(listed || blocks(&text).is_empty(), "the commands of {} are not run", page.display());
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let local = !target.is_empty() && !target.contains("://");
            let found = root.join(&page).parent().unwrap().join(target).exists();
            assert!(!local || found, "{} links to {target}, which is not there", page.display());
        }
    }
}

/// The README's two commands are those that `.ci/run` runs on a clean clone.
#[test]
fn set_up_commands_are_run_by_ci() {
    let root = Path::new(ROOT);
    let ci = fs::read_to_string(root.join(".ci/run")).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for command in ["cargo run --release -- demo", "cargo xtask test"] {
        assert!(readme.contains(command) && ci.contains(command), "{command}");
    }
}

fn run_page(page: &str) {
    let text = fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
    // The registry of the pages is one of ours, on a port that nobody has.
    let server = test_registry::Registry::start().unwrap();
    let text = text.replace("localhost:5000", &format!("localhost:{}", server.address().port()));
    let reader = Reader::new();
    for block in blocks(&text) {
        let _port = block.needs.iter().any(|tool| tool == "port").then(port_8080);
        let have = block.needs.iter().all(|tool| needed(tool));
        for (index, (command, expected)) in block.commands.iter().enumerate().filter(|_| have) {
            let last = index + 1 == block.commands.len();
            let (status, printed) = reader.shell(command);
            assert_eq!(status, !(block.fails && last), "{page}: `{command}` printed\n{printed}");
            assert!(
                matches(
                    &expected.iter().map(String::as_str).collect::<Vec<_>>(),
                    &printed.lines().collect::<Vec<_>>()
                ),
                "{page}: `{command}` printed\n{printed}\nand not\n{}",
                expected.join("\n")
            );
        }
    }
}

/// Whether a tool is there; absent, the block is a recorded skip, and a failure in CI.
fn needed(tool: &str) -> bool {
    match tool {
        "root" => lab::need_root!().is_some(),
        "crun" => lab::need!("crun").is_some(),
        "skopeo" => lab::need!("skopeo").is_some(),
        "guests" => guests::need!("hello-world").is_some(),
        "curl" => {
            let found = Command::new("curl").arg("--version").output().is_ok();
            if !found {
                lab::skip("a block of the book", "curl is not installed");
            }
            found
        }
        "port" => true,
        other => panic!("no such tool: {other}"),
    }
}

/// The reader's machine: an empty directory, and a `PATH` that begins with `wasmctr`, cargo and the lab's tools.
struct Reader {
    place: Place,
    bin: PathBuf,
}

impl Reader {
    fn new() -> Self {
        let place = Place::new();
        let bin = place.path().join(".bin");
        fs::create_dir(&bin).unwrap();
        let reader = Self { place, bin };
        let wasmctr = env!("CARGO_BIN_EXE_wasmctr");
        symlink(wasmctr, reader.bin.join("wasmctr")).unwrap();
        reader.script(
            "cargo",
            &format!("[ \"$1 $2 $3\" = 'run --release --' ] && shift 3 && exec {wasmctr} \"$@\""),
        );
        for (tool, flags) in
            [("crun", format!("--root {}/.crun", reader.place.path().display())), ("skopeo", String::new())]
        {
            if let Some(program) = lab::find(tool) {
                let command = lab::container_command(&program);
                let words = [command.get_program()].into_iter().chain(command.get_args());
                let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
                reader.script(tool, &format!("exec {} {flags} \"$@\"", words.join(" ")));
            }
        }
        fs::create_dir(reader.place.path().join("target")).unwrap();
        symlink(Path::new(ROOT).join("target/guests"), reader.place.path().join("target/guests")).unwrap();
        reader
    }

    fn script(&self, name: &str, body: &str) {
        lab::script(&self.bin.join(name), body);
    }

    /// Runs a command for at most a minute. What it prints goes to a file: a pipe would stay open as long as a container
    /// that it started and left behind.
    fn shell(&self, command: &str) -> (bool, String) {
        let printed = self.bin.join("printed");
        let output = File::create(&printed).unwrap();
        let status = Command::new("timeout")
            .args(["--kill-after=5", "60", "sh", "-c", command])
            .current_dir(self.place.path())
            .env("PATH", format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap()))
            .env("NO_COLOR", "1")
            .env("XDG_CACHE_HOME", self.place.cache_home())
            .env_remove("SOURCE_DATE_EPOCH")
            .env_remove("WASMCTR_ENGINE")
            .env_remove("WASMCTR_WASMEDGE")
            .stdin(Stdio::null())
            .stderr(output.try_clone().unwrap())
            .stdout(output)
            .status();
        (status.unwrap().success(), String::from_utf8_lossy(&fs::read(printed).unwrap()).into_owned())
    }
}

/// A page that fails half-way leaves no container behind.
impl Drop for Reader {
    fn drop(&mut self) {
        let containers = fs::read_dir(self.place.path().join(".crun")).into_iter().flatten().flatten();
        for container in containers {
            self.shell(&format!("crun delete --force {}", container.file_name().display()));
        }
    }
}

/// The commands of one block, each with the lines that it prints.
struct Block {
    needs: Vec<String>,
    fails: bool,
    commands: Vec<(String, Vec<String>)>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = vec![];
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(words) = line.trim_start().strip_prefix("```console") else { continue };
        let indent = line.len() - line.trim_start().len();
        let body =
            lines.by_ref().map(|line| line.get(indent..).unwrap_or("")).take_while(|line| *line != "```");
        let needs = words
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("needs="))
            .flat_map(|list| list.split(','));
        blocks.push(Block {
            needs: needs.map(str::to_owned).collect(),
            fails: words.split_whitespace().any(|word| word == "fails"),
            commands: commands(body),
        });
    }
    blocks
}

fn commands<'a>(body: impl Iterator<Item = &'a str>) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = vec![];
    for line in body {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), vec![])),
            (None, Some((command, _))) if command.ends_with('\\') || is_open(command) => {
                command.push('\n');
                command.push_str(line);
            }
            (None, Some((_, output))) => output.push(line.to_owned()),
            (None, None) => panic!("output without a command: {line}"),
        }
    }
    commands
}

/// Whether the text behind `<<'END'` goes on.
fn is_open(command: &str) -> bool {
    command.split_once("<<'END'").is_some_and(|(_, text)| !text.lines().any(|line| line == "END"))
}

fn matches(expected: &[&str], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((&"…", rest)) => (0..=found.len()).any(|skip| matches(rest, &found[skip..])),
        Some((line, rest)) => {
            found.split_first().is_some_and(|(first, others)| like(line, first) && matches(rest, others))
        }
    }
}

/// Whether a line is as the page says, `…` for anything; spaces at the end do not count.
fn like(expected: &str, found: &str) -> bool {
    let mut parts = expected.trim_end().split('…');
    let Some(mut rest) = found.trim_end().strip_prefix(parts.next().unwrap_or("")) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[test]
fn ellipses() {
    assert!(
        like("a…c", "abc") && like("…", "") && like("a…", "a b ") && !like("a…c", "abcd") && !like("a", "ab")
    );
    assert!(matches(&["a", "…", "z"], &["a", "b", "c", "z"]) && !matches(&["a", "z"], &["a", "b", "z"]));
}
