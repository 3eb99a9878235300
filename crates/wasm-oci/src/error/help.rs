use super::Error;
use crate::location::IN_REGISTRY;

impl Error {
    /// Returns what the user can do, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotWasm { found: "WebAssembly text (.wat)" } => {
                "translate it first: `wat2wasm in.wat -o out.wasm` or `wasm-tools parse in.wat -o out.wasm`"
            }
            Self::NotWasm { .. } => {
                "give a .wasm file, such as `cargo build --target wasm32-wasip1` writes to target/wasm32-wasip1/"
            }
            Self::InvalidWasm { .. } => "the file is damaged or incomplete: build or copy it again",
            Self::Tag { .. } => "a tag has 1 to 128 of A-Z a-z 0-9 _ . - and begins with none of . and -",
            Self::UnknownFormat { .. } => {
                "the formats are: compat, runwasi, artifact, legacy; and spin and solo, which are only read"
            }
            Self::UnknownCompression { .. } => "they are: none, gzip, zstd",
            Self::UnknownConsumer { .. } => {
                "they are: crun, youki, runwasi, spin, wkg, podman, docker, ctr, istio"
            }
            Self::ReadOnlyFormat { .. } => "choose one of compat, runwasi, artifact, legacy",
            Self::NoSuchPlatform { .. } => "name one of those that are there: `--platform OS/ARCH`",
            Self::Modules { count: 2.. } => "convert one of them: `wasmctr convert --lossy` takes the first",
            Self::Lossy { .. } => {
                "leave them out (`wasmctr convert --lossy` does), or choose compat or runwasi, which take files"
            }
            Self::SamePlatform { .. } => {
                "give each its own: `--platform linux/amd64` for compat, for instance"
            }
            Self::Platform { .. } => "write OS/ARCHITECTURE, such as wasi/wasm or linux/amd64",
            Self::Location { .. } | Self::Place { action: "read", .. } => {
                "use a .wasm file, `-`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `HOST/NAME:TAG` or `docker://NAME`"
            }
            Self::Place { why: IN_REGISTRY, .. } => {
                "write it to a layout and push that: `wasmctr push oci:DIR:TAG NAME`"
            }
            Self::Place { .. } => {
                "write it to `oci:DIR:TAG`, `oci-archive:FILE[:TAG]` or `docker-archive:FILE[:NAME:TAG]`"
            }
            Self::NotForDocker { .. } => {
                "convert it first: `wasmctr convert FROM -o oci:DIR:TAG --format compat`"
            }
            Self::Engine { .. } => {
                "name a statically linked Linux program, or a directory that has the program, its loader and its libraries"
            }
            Self::EngineFormat { .. } => "use `--format compat`, the image of tar layers",
            Self::Reference { .. } => "write [HOST[:PORT]/]NAME[:TAG][@DIGEST], such as ghcr.io/me/app:v1",
            Self::MediaType { what: "the layer", .. } => {
                "layers may be tar or tar+gzip, and tar+zstd where the feature `zstd` is built in: \
                 `skopeo copy --dest-compress-format gzip` converts them"
            }
            other => return other.help_with_layout(),
        })
    }

    /// [`help`](Self::help) for what is wrong with a layout or a store.
    fn help_with_layout(&self) -> Option<&'static str> {
        Some(match self {
            Self::AlreadyExists { .. } | Self::TagExists { .. } => {
                "choose another name, or say `--force` to replace it"
            }
            Self::NotLayout { .. } => "an OCI layout is a directory with `oci-layout` and `index.json` in it",
            Self::Busy { .. } => "wait until the other program is done, or end it",
            Self::Unreachable { .. } => {
                "write the image again, or take its tag out: `wasmctr store rm oci:DIR:TAG`"
            }
            Self::NotPrivate { .. } => {
                "use a directory that only you can write to; any other can be read as `oci:DIR`"
            }
            Self::StoreVersion { .. } => "use a later version of this program, or another directory",
            Self::NoSuchTag { .. } => "name one of the tags: `oci:DIR:TAG`",
            Self::Digest { .. } | Self::Size { .. } => {
                "it is damaged or was changed: write or copy it again; `wasmctr store verify` finds all that is damaged"
            }
            _ => return super::remote::help(self),
        })
    }
}
