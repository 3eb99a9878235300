//! Layers that are compressed with zstd, made byte by byte (RFC 8878): what no encoder writes.

use hostile::{GZIP, Layer, MODULE, Outcome, Outcome::Refused, PLAIN, Tar};
use wasm_oci::{Compression, Format, Pack};

use super::{case::Case, tars::Blobs};

const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest block there is, in a window that is no smaller.
const BLOCK: usize = 128 << 10;

pub(super) fn cases() -> Vec<Case> {
    [streams(), windows(), bombs()].into_iter().flatten().collect()
}

/// A layer above an innocent one.
fn case(name: &'static str, rule: &'static str, blob: Vec<u8>, outcome: Outcome) -> Case {
    layer(name, rule, Layer { media_type: ZSTD, blob }, outcome)
}

fn layer(name: &'static str, rule: &'static str, layer: Layer, outcome: Outcome) -> Case {
    Case::new(name, rule, outcome, move || {
        let below = Layer { media_type: PLAIN, blob: Tar::new().file("app.wasm", MODULE).end() };
        let mut blobs = Blobs::default();
        let manifest = blobs.image(&[below, layer.clone()]);
        blobs.program(manifest)
    })
}

/// A frame with a window of 2^`window` bytes, whose header does not say how long its content is.
struct Frame(Vec<u8>);

impl Frame {
    fn new(window: u8) -> Self {
        Self([&MAGIC[..], &[0, (window - 10) << 3]].concat())
    }

    /// A block as it is.
    fn raw(mut self, content: &[u8]) -> Self {
        assert!(content.len() <= BLOCK);
        self.0.extend(&((content.len() << 3) as u32).to_le_bytes()[..3]);
        self.0.extend(content);
        self
    }

    /// So many blocks of zeros, four bytes each.
    fn zeros(mut self, blocks: usize) -> Self {
        let header = ((BLOCK << 3) | 1 << 1) as u32;
        let block = [&header.to_le_bytes()[..3], &[0]].concat();
        self.0.extend(block.repeat(blocks));
        self
    }

    /// With the last block, which is empty.
    fn end(mut self) -> Vec<u8> {
        self.0.extend([1, 0, 0]);
        self.0
    }
}

/// A tar with a file of nothing, ended.
fn tar() -> Vec<u8> {
    Tar::new().file("x", b"").end()
}

fn streams() -> Vec<Case> {
    let broken = |name, blob| case(name, "a zstd stream is whole", blob, Refused("Malformed", "the layer"));
    let packed = || Pack::new(MODULE, "/app.wasm").unwrap().compression(Compression::Zstd);
    let real = packed().build(Format::Compat).unwrap().layers()[0].blob().to_vec();
    let half = tar().len() / 2;
    let two = [Frame::new(17).raw(&tar()[..half]).end(), Frame::new(17).raw(&tar()[half..]).end()].concat();
    let skipped = |length: u32| [&[0x50, 0x2a, 0x4d, 0x18][..], &length.to_le_bytes()].concat();
    let mut dictionary = Frame::new(17).raw(&tar()).end();
    dictionary[4] = 1; // its identity has one byte
    dictionary.insert(6, 7);
    vec![
        case("zstd", "layers may be compressed with zstd", real.clone(), Outcome::Fine),
        broken("zstd-not-at-all", b"not zstd".to_vec()),
        broken("zstd-cut-off", real[..real.len() - 1].to_vec()),
        broken("zstd-with-text-behind", [real.clone(), b"text".to_vec()].concat()),
        broken("zstd-with-a-dictionary", dictionary),
        broken("zstd-with-4-gib-to-skip", [skipped(u32::MAX), real.clone()].concat()),
        case("zstd-of-two-frames", "frames are one stream", two, Outcome::Fine),
        layer(
            "zstd-called-gzip",
            "a gzip stream is whole",
            Layer { media_type: GZIP, blob: real },
            Refused("Malformed", "the layer"),
        ),
    ]
}

/// What a reader would hold for a frame of one block.
fn windows() -> Vec<Case> {
    let window = |name, window: u8, outcome| {
        case(name, "a window of 128 MiB", Frame::new(window).raw(&tar()).end(), outcome)
    };
    let large = Refused("Malformed", "the layer");
    vec![
        window("zstd-window-of-128-mib", 27, Outcome::Fine),
        window("zstd-window-of-256-mib", 28, large),
        window("zstd-window-of-2-gib", 31, large),
        window("zstd-window-of-2-tib", 41, large),
    ]
}

fn bombs() -> Vec<Case> {
    let bomb = |name, window, blocks| {
        let blob = Frame::new(window).raw(&tar()).zeros(blocks).end();
        case(name, "200 times its size, 16 MiB to 1 GiB", blob, Refused("TooLarge", "more than the limit of"))
    };
    vec![
        // 320 KB.
        bomb("zstd-bomb-of-10-gb", 17, 80_000),
        // 1 MB, and a window that a reader may hold.
        Case { cap: 128, ..bomb("zstd-bomb-with-a-window-of-128-mib", 27, 262_144) },
    ]
}
