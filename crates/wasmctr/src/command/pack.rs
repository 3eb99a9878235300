use std::{env, io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, anyhow};
use clap::Args;
use wasm_oci::{Compression, Engine, Format, Location, Metadata, Overwrite, Platform, Strip, sha256, strip};

use super::written::Written;
use crate::{Failure, extra::Extra, input, remote::Remote, table::Table};

/// The flags of `wasmctr pack`.
#[derive(Debug, Args)]
#[command(
    after_help = "The same input gives the same digest, on every machine, for one release of wasmctr. Files in \
                        the image carry the time of SOURCE_DATE_EPOCH, or 1970."
)]
pub(crate) struct Pack {
    /// The module or component: a .wasm or .wat file, or `-`; or an image, also in a registry, to be packed again with some
    /// of it changed
    input: Location,
    /// Where the image goes: `oci:DIR:TAG`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME:TAG]`, or `HOST/NAME:TAG` in
    /// a registry
    #[arg(short, long, value_name = "LOCATION")]
    output: Location,
    /// How to pack it: compat (an image, as `FROM scratch` and `COPY` make it), runwasi (an image for containerd's
    /// shims), artifact (CNCF), legacy (wasm-to-oci); several make an index of them, as `compat,artifact`
    #[arg(long, default_value = "compat", value_delimiter = ',')]
    format: Vec<Format>,
    /// The platform that the image names; several make an index of a compat image for each, as `linux/amd64,linux/arm64`
    ///
    /// [default: wasi/wasm, or that of the image or of its engine]
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',')]
    platform: Vec<Platform>,
    /// Put a native engine under the module, so that runc and every other container engine runs the image: a statically
    /// linked program, or a directory with the program, its loader and its libraries, which becomes the root of the image
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "platform")]
    embed_engine: Option<PathBuf>,
    /// The engine's path in the image, where it is a directory
    #[arg(long, value_name = "PATH", requires = "embed_engine")]
    engine_program: Option<String>,
    /// An argument of the engine, before the path of the module (repeatable)
    #[arg(long, value_name = "ARG", allow_hyphen_values = true, requires = "embed_engine")]
    engine_arg: Vec<String>,
    /// The path of the file in the image [default: `/` and the name of the input, or that of the image]
    #[arg(long, value_name = "PATH")]
    entrypoint: Option<String>,
    /// Another file, or a directory with all that is in it, for the image; formats compat and runwasi (repeatable)
    #[arg(long, value_name = "SRC:DEST")]
    file: Vec<Extra>,
    /// How the tar layers are compressed: gzip, which every engine reads, zstd, or none [default: gzip, or that of the image]
    #[arg(long)]
    compression: Option<Compression>,
    /// Leave out what the format has no place for, of an image that is packed again
    #[arg(long)]
    lossy: bool,
    /// An argument for the program, when it is started without any (repeatable)
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    arg: Vec<String>,
    /// An environment variable for the program (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// An annotation of the image (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,
    /// Take the names of functions out as well, besides the sections for debuggers
    #[arg(long, conflicts_with = "keep_debug")]
    strip: bool,
    /// Leave the sections for debuggers in
    #[arg(long)]
    keep_debug: bool,
    /// Replace the archive, or move the tag if the layout has it already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Pack {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        check_target(&self.output)?;
        let read = input::pack(&self.input, self.entrypoint.as_deref(), &self.remote)?;
        let wasm = strip(&read.wasm, self.stripped())?.into_owned();
        let mut pack = read.pack.wasm(wasm.clone())?;
        if let Some(path) = &self.entrypoint {
            pack = pack.entrypoint(path)?;
        }
        if !self.input.is_image() {
            pack = pack.modified(epoch()?);
        }
        pack = self.compression.into_iter().fold(pack, wasm_oci::Pack::compression);
        pack = self.file.iter().try_fold(pack, |pack, extra| extra.add_to(pack))?;
        pack = self.arg.iter().fold(pack, wasm_oci::Pack::arg);
        pack = self.env.iter().fold(pack, |pack, (name, value)| pack.env(format!("{name}={value}")));
        pack = self.annotation.iter().fold(pack, |pack, (name, value)| pack.annotation(name, value));
        pack = pack.described(&Metadata::of(&read.wasm)?);
        if let Some(engine) = self.engine()? {
            pack = pack.engine(engine);
        }
        let (pack, lost) = self.losing(pack, read.lost)?;
        let kind = pack.kind();
        let made = Written::of(&pack, &self.format, &self.platform)?;
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        self.remote.write(&self.output, made.content(), overwrite)?;

        let mut table = Table::new(out);
        let size = read.wasm.len();
        table.line(&kind.to_string(), format_args!("{} {size} bytes", sha256(&read.wasm)))?;
        if wasm.len() != size {
            table.line("stripped", format_args!("{} {} bytes", sha256(&wasm), wasm.len()))?;
        }
        for lost in lost {
            table.line("left out", lost)?;
        }
        made.text(&mut table, &self.output)?;
        Ok(ExitCode::SUCCESS)
    }

    /// The engine that is to be embedded.
    fn engine(&self) -> Result<Option<Engine>, Failure> {
        let Some(path) = &self.embed_engine else { return Ok(None) };
        let engine = match (&self.engine_program, path.is_dir()) {
            (Some(program), true) => Engine::tree(path, program)?,
            (None, false) => Engine::file(path)?,
            (None, true) => {
                let error = anyhow!(
                    "`{}` is a directory, and nothing says which program in it is the engine",
                    path.display()
                );
                return Err(Failure::from(error).help("name it: `--engine-program /bin/wasmedge`"));
            }
            (Some(_), false) => {
                let error = anyhow!("`{}` is no directory: it is the engine itself", path.display());
                return Err(Failure::from(error).help("leave `--engine-program` out"));
            }
        };
        Ok(Some(self.engine_arg.iter().fold(engine, Engine::arg)))
    }

    /// What an image has for which a format has no place: named, and left out only with `--lossy`.
    fn losing(
        &self,
        pack: wasm_oci::Pack,
        mut lost: Vec<String>,
    ) -> Result<(wasm_oci::Pack, Vec<String>), Failure> {
        let format = self.format.iter().find(|format| !format.has_files());
        if !self.lossy {
            return match lost.is_empty() {
                true => Ok((pack, lost)),
                false => Err(wasm_oci::Error::Lossy { format: self.format[0], lost: lost.into() }.into()),
            };
        }
        if format.is_none() {
            return Ok((pack, lost));
        }
        let (pack, files) = pack.without_files()?;
        lost.extend(files);
        Ok((pack, lost))
    }

    fn stripped(&self) -> Strip {
        match (self.strip, self.keep_debug) {
            (true, _) => Strip::Names,
            (false, true) => Strip::Nothing,
            (false, false) => Strip::Debug,
        }
    }
}

/// What `-o` must be: something that holds images, a layout with a tag. Told before anything is read.
pub(super) fn check_target(output: &Location) -> Result<(), Failure> {
    match output {
        Location::Layout { dir, tag: None } => {
            let error = anyhow!("the output `{output}` names no tag");
            Err(Failure::from(error).help(format!("name one: `-o oci:{}:v1`", dir.display())))
        }
        Location::Stdin | Location::Path(_) => {
            let error = anyhow!("cannot write an image to `{output}`");
            Err(Failure::from(error).help("write it to an OCI layout: `-o oci:DIR:TAG`"))
        }
        _ => Ok(()),
    }
}

/// The time that the environment asks for (<https://reproducible-builds.org/specs/source-date-epoch/>), or 1970.
fn epoch() -> Result<u64, Failure> {
    match env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => {
            let seconds =
                text.parse().with_context(|| format!("SOURCE_DATE_EPOCH is no number of seconds: `{text}`"));
            Ok(seconds?)
        }
        Err(_) => Ok(0),
    }
}

/// Parses `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
