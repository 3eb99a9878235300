//! The lines by which Docker Desktop ran WebAssembly.

use crate::label::is_label;

/// What a line says, as far as Kubernetes has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) image: String,
    /// The shim's name, of `io.containerd.NAME.v1`.
    pub(super) shim: String,
    pub(super) port: Option<u16>,
    pub(super) env: Vec<(String, String)>,
    pub(super) args: Vec<String>,
    /// What has no place in the manifests.
    pub(super) left: Vec<String>,
}

/// Why a line is not taken.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) value: String,
    pub(super) why: &'static str,
}

/// Flags of `docker run` that have no value.
const SWITCHES: [&str; 9] =
    ["-d", "--detach", "--rm", "-i", "--interactive", "-t", "--tty", "--init", "--privileged"];

/// Parses `docker run FLAGS IMAGE ARGS`.
pub(super) fn parse(line: &str) -> Result<Run, Unusable> {
    let no = |value: &str, why| Unusable { value: value.to_owned(), why };
    let words = words(line).ok_or_else(|| no(line, "has an open quote"))?;
    let mut words = words.into_iter().skip(1).skip_while(|word| word == "container");
    if words.next().as_deref() != Some("run") {
        return Err(no(line, "is no `docker run`"));
    }
    let mut run = Run {
        name: String::new(),
        image: String::new(),
        shim: String::new(),
        port: None,
        env: vec![],
        args: vec![],
        left: vec![],
    };
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            run.image = word;
            run.args = words.collect();
            break;
        }
        if is_switches(&word) {
            continue;
        }
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), value.to_owned()),
            None => (word.clone(), words.next().ok_or_else(|| no(&word, "has no value"))?),
        };
        run.flag(&flag, value)?;
    }
    if run.image.is_empty() {
        return Err(no(line, "names no image"));
    }
    if run.shim.is_empty() {
        return Err(no(line, "runs no shim: `--runtime=io.containerd.NAME.v1`"));
    }
    if !is_label(&run.name) {
        run.name = name_of(&run.image);
    }
    Ok(run)
}

impl Run {
    fn flag(&mut self, flag: &str, value: String) -> Result<(), Unusable> {
        match flag {
            "--runtime" => {
                let shim = value.strip_prefix("io.containerd.").and_then(|rest| rest.split('.').next());
                match shim.filter(|shim| is_label(shim)) {
                    Some(shim) => self.shim = shim.to_owned(),
                    None => return Err(Unusable { value, why: "is no containerd shim" }),
                }
            }
            "-p" | "--publish" => {
                let inside = value.rsplit(':').next().unwrap_or_default();
                let inside = inside.strip_suffix("/tcp").unwrap_or(inside);
                match (inside.parse(), self.port) {
                    (Ok(port), None) if port > 0 => self.port = Some(port),
                    _ => self.left.push(format!("{flag} {value}: only one TCP port is taken")),
                }
            }
            "-e" | "--env" => match value.split_once('=') {
                Some((name, value)) => self.env.push((name.to_owned(), value.to_owned())),
                None => self.left.push(format!("{flag} {value}: its value is in your shell alone")),
            },
            "--name" => self.name = value,
            "--platform" | "--pull" => {}
            _ => self.left.push(format!("{flag} {value}: has no place in the manifests")),
        }
        Ok(())
    }
}

/// One switch, or several letters as `-it`.
fn is_switches(word: &str) -> bool {
    SWITCHES.contains(&word)
        || (!word.starts_with("--") && word.len() > 2 && word[1..].chars().all(|c| "dit".contains(c)))
}

/// The last part of the image's name, as far as an object may be called so.
fn name_of(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    let last = last.split(['@', ':']).next().unwrap_or_default().to_ascii_lowercase();
    let name: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    if is_label(name) { name.to_owned() } else { "app".to_owned() }
}

/// Splits as a shell does: quotes, backslashes, line ends behind a backslash.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '\\') => match characters.next()? {
                '\n' => {}
                next => word.get_or_insert_default().push(next),
            },
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_walkthrough() {
        let line = "docker run -d -p 8080:8080 --name=wasm-demo-app --runtime=io.containerd.wasmedge.v1 \\\n \
                    --platform wasi/wasm -e 'A=b c' -it -v /a:/b docker.io/me/wasm-demo-app:v1 --port '1 2'";
        let run = parse(line).unwrap();
        assert_eq!(
            run,
            Run {
                name: "wasm-demo-app".into(),
                image: "docker.io/me/wasm-demo-app:v1".into(),
                shim: "wasmedge".into(),
                port: Some(8080),
                env: vec![("A".into(), "b c".into())],
                args: vec!["--port".into(), "1 2".into()],
                left: vec!["-v /a:/b: has no place in the manifests".into()],
            }
        );
    }

    #[test]
    fn lines_that_are_none() {
        let why = |line: &str| parse(line).unwrap_err().why;
        assert_eq!(why("docker ps"), "is no `docker run`");
        assert_eq!(why("docker run"), "names no image");
        assert_eq!(why("docker run -p"), "has no value");
        assert_eq!(why("docker run a"), "runs no shim: `--runtime=io.containerd.NAME.v1`");
        assert_eq!(why("docker run --runtime crun a"), "is no containerd shim");
        assert_eq!(why("docker run 'a"), "has an open quote");
    }

    #[test]
    fn names_come_from_the_image() {
        for (image, name) in [("ghcr.io/Me/My_App:v1", "my-app"), ("a@sha256:0", "a"), ("-", "app")] {
            assert_eq!(name_of(image), name);
        }
    }
}
