//! What it costs to move an image: a pull from a registry on this machine beside `oras pull` and beside what nobody can do
//! without (a raw GET of each blob, its digest, a file that is flushed to disk); and packing beside the compressor alone.
//!
//! The registry is the one of the tests, in this process, the same for all: it answers at once, and so the clients are
//! compared. One line has docker-registry, which takes most of the time itself. A pull goes into an empty store each
//! time, which is there before, as it is on a machine. The lines at the end have ratios, measured turn by turn.
//!
//! `cargo bench -p benches --bench oci`

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]
#![expect(clippy::print_stdout, reason = "a bench reports")]

use std::{
    cell::{Cell, RefCell},
    fs::{self, File},
    hint::black_box,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use benches::{Turns, is_bench};
use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use wasm_oci::{
    Artifact, Format, Layout, Overwrite, Pack, Reference,
    registry::{Options, Pick, Registry},
    sha256,
};

/// A module of about so many bytes that do not compress.
fn module(size: usize) -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0\0".to_vec();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes = (0..size).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    let mut content = vec![1, b'x'];
    content.extend(bytes);
    let mut length = content.len();
    loop {
        let digit = (length & 0x7f) as u8;
        length >>= 7;
        wasm.push(if length == 0 { digit } else { digit | 0x80 });
        if length == 0 {
            break;
        }
    }
    wasm.extend(content);
    wasm
}

/// What was pulled. It goes when it is dropped: not in the time that is measured, as nobody pulls to throw it away.
struct Pulled(PathBuf);

impl Drop for Pulled {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// An image in a registry, and a place to pull it to.
struct Pull {
    address: SocketAddr,
    repository: String,
    image: Artifact,
    registry: Registry,
    /// The store that the next pull goes to: a machine has one before it pulls.
    store: RefCell<Option<(Pulled, Layout)>>,
    place: tempfile::TempDir,
    count: Cell<u64>,
}

impl Pull {
    fn new(address: SocketAddr, repository: &str, size: usize) -> Self {
        let image = Pack::new(module(size), "/app.wasm").unwrap().build(Format::Artifact).unwrap();
        let registry = Registry::new(Options::default()).unwrap();
        let pull = Self {
            address,
            repository: repository.to_owned(),
            image,
            registry,
            place: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
            count: Cell::new(0),
            store: RefCell::default(),
        };
        pull.registry.push(&pull.image, &pull.name()).unwrap();
        pull
    }

    fn name(&self) -> Reference {
        format!("{}/{}:v1", self.address, self.repository).parse().unwrap()
    }

    /// A directory that is not there yet.
    fn fresh(&self) -> Pulled {
        self.count.set(self.count.get() + 1);
        Pulled(self.place.path().join(self.count.get().to_string()))
    }

    fn prepare(&self) {
        let dir = self.fresh();
        let layout = Layout::open_or_create(&dir.0).unwrap();
        self.store.replace(Some((dir, layout)));
    }

    fn ours(&self) -> Pulled {
        let (dir, mut layout) = self.store.take().unwrap();
        self.registry.pull(&self.name(), &Pick::Wasm, &mut layout, Some("v1"), Overwrite::Refuse).unwrap();
        dir
    }

    /// What no client can do without: each document and blob once, over one connection, with its digest, on disk.
    fn raw(&self) -> Pulled {
        let dir = self.fresh();
        fs::create_dir(&dir.0).unwrap();
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        let repository = &self.repository;
        let manifest = (format!("/v2/{repository}/manifests/v1"), self.image.descriptor());
        let layers = self.image.layers().iter().map(wasm_oci::Layer::descriptor);
        let blobs = layers.chain([self.image.manifest().config()]);
        let blobs = blobs.map(|blob| (format!("/v2/{repository}/blobs/{}", blob.digest()), blob));
        for (path, descriptor) in std::iter::once(manifest).chain(blobs) {
            let body = self.get(&mut stream, &path);
            assert_eq!(sha256(&body), *descriptor.digest());
            let mut file = File::create(dir.0.join(descriptor.digest().digest())).unwrap();
            file.write_all(&body).unwrap();
            file.sync_all().unwrap();
        }
        File::open(&dir.0).unwrap().sync_all().unwrap();
        dir
    }

    fn get(&self, stream: &mut TcpStream, path: &str) -> Vec<u8> {
        let accept = "application/vnd.oci.image.manifest.v1+json";
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n\r\n", self.address).unwrap();
        let mut head = vec![];
        let mut body = vec![0; 64 << 10];
        loop {
            let read = stream.read(&mut body).unwrap();
            head.extend_from_slice(&body[..read]);
            if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&head[..end]).to_lowercase();
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                let length: usize = length.parse().unwrap();
                let mut body = head.split_off(end + 4);
                let have = body.len();
                body.resize(length, 0);
                stream.read_exact(&mut body[have..]).unwrap();
                return body;
            }
        }
    }

    fn oras(&self, oras: &Path) -> Pulled {
        let dir = self.fresh();
        let mut command = Command::new(oras);
        command.args(["pull", "--plain-http", "--no-tty", &self.name().to_string(), "-o"]).arg(&dir.0);
        command.env("HOME", self.place.path()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(command.status().unwrap().success());
        dir
    }
}

fn pull(criterion: &mut Criterion) {
    let (Some(oras), Some(server)) = (lab::need!("oras"), lab::need!("docker-registry")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let slow = lab::Registry::start(&server, dir.path()).unwrap();
    if is_bench() {
        let pull = Pull::new(slow.address(), "pull", 1_000_000);
        let what = "pull of 1 MB from docker-registry, beside oras pull";
        compare(what, 30, &|| pull.prepare(), &|| pull.ours(), &|| pull.oras(&oras));
    }
    let server = test_registry::Registry::start().unwrap();
    for (name, size, turns) in [("1 MB", 1_000_000, 30), ("100 MB", 100_000_000, 5)] {
        let size = if is_bench() { size } else { 10_000 };
        let pull = Pull::new(server.address(), &format!("pull{turns}"), size);
        let mut group = criterion.benchmark_group(format!("oci/pull {name}"));
        group.sample_size(10);
        group.bench_function("wasm-oci", |bencher| once_each(bencher, &|| pull.prepare(), &|| pull.ours()));
        group.bench_function("raw GET, sha256 and fsync", |bencher| {
            once_each(bencher, &|| pull.prepare(), &|| pull.raw());
        });
        group.bench_function("oras pull", |bencher| {
            once_each(bencher, &|| pull.prepare(), &|| pull.oras(&oras));
        });
        group.finish();
        if is_bench() {
            compare(
                &format!("pull of {name}, beside oras pull"),
                turns,
                &|| pull.prepare(),
                &|| pull.ours(),
                &|| pull.oras(&oras),
            );
            compare(
                &format!("pull of {name}, beside raw GET"),
                turns,
                &|| pull.prepare(),
                &|| pull.ours(),
                &|| pull.raw(),
            );
        }
    }
}

fn pack(criterion: &mut Criterion) {
    let wasm =
        guests::need!("http-server").map_or_else(|| guests::HELLO.wasm(), |path| fs::read(path).unwrap());
    let packed =
        || drop(black_box(Pack::new(wasm.clone(), "/app.wasm").unwrap().build(Format::Compat).unwrap()));
    let alone = || {
        let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
        gzip.write_all(&wasm).unwrap();
        drop(black_box(gzip.finish().unwrap()));
    };
    let mut group = criterion.benchmark_group("oci/pack");
    group.sample_size(10);
    group.bench_function("wasm-oci", |bencher| bencher.iter(packed));
    group.bench_function("the compressor alone", |bencher| bencher.iter(alone));
    group.finish();
    if is_bench() {
        compare(&format!("packing {} bytes, beside the compressor", wasm.len()), 15, &|| (), &packed, &alone);
    }
}

fn once_each<T>(bencher: &mut Bencher<'_>, prepare: &dyn Fn(), run: &dyn Fn() -> T) {
    bencher.iter_batched(prepare, |()| run(), BatchSize::PerIteration);
}

/// Prints how long ours takes, as a ratio to the other.
fn compare<T>(what: &str, turns: u32, prepare: &dyn Fn(), ours: &dyn Fn() -> T, other: &dyn Fn() -> T) {
    let made = RefCell::new(None);
    let (mut of_ours, mut of_other) = (Turns::default(), Turns::default());
    for _ in 0..turns {
        for (turns, run) in [(&mut of_ours, ours), (&mut of_other, other)] {
            prepare();
            turns.turn(1, || drop(made.replace(Some(run()))));
            made.take();
        }
    }
    let (ours, other) = (of_ours.median(), of_other.median());
    println!("{what}: {:.2}x ({ours:.2?} to {other:.2?})", ours.as_secs_f64() / other.as_secs_f64());
}

criterion_group!(benches, pull, pack);
criterion_main!(benches);
