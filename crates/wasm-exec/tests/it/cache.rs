//! The cache of precompiled code: what is found, who shares it, and what is removed.

use std::{
    fs::{self, File, Permissions},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use wasm_exec::{Cache, Engine, EngineInfo, Error, Exit, Origin, Precompiled, Program, Result, Task};

use crate::{child, support::wasm};

/// A cache in a directory that goes with it, and an engine that counts.
pub(crate) struct Place {
    pub(crate) home: tempfile::TempDir,
    pub(crate) engine: Counting,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), engine: Counting::new("") }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("code")
    }

    pub(crate) fn cache(&self) -> Cache {
        Cache::open(self.dir()).unwrap()
    }

    /// Gets the guest's program, which must work, and tells whether the cache had it.
    #[track_caller]
    pub(crate) fn hit(&self, guest: &[u8]) -> bool {
        hit(&self.cache(), &self.engine, guest)
    }

    /// The one entry's file.
    pub(crate) fn entry(&self) -> PathBuf {
        let [entry] = &self.cache().entries().unwrap()[..] else { panic!("not one entry") };
        self.dir().join(format!("{}.code", entry.key))
    }

    /// Puts other bytes where the entry is.
    pub(crate) fn replace_entry(&self, bytes: &[u8]) {
        let path = self.entry();
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

#[track_caller]
pub(crate) fn hit(cache: &Cache, engine: &dyn Engine, guest: &[u8]) -> bool {
    let cached = cache.program(engine, guest).unwrap();
    assert_eq!(cached.program.run(Task::default()).unwrap(), Exit::Code(7));
    match cached.origin {
        Origin::Cache(_) => true,
        Origin::Compiled(_) => false,
        origin => panic!("{origin:?}"),
    }
}

/// A guest that ends with 7; another for each number.
pub(crate) fn guest(number: i32) -> Vec<u8> {
    wasm(&format!(
        r#"(module
             (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (memory (export "memory") 1)
             (func (export "_start") (drop (i32.const {number})) (call $exit (i32.const 7))))"#
    ))
}

/// wasmtime, which says that its code depends on something more.
#[derive(Debug)]
pub(crate) struct Counting {
    info: EngineInfo,
    engine: Arc<dyn Engine>,
    compiled: AtomicUsize,
}

impl Counting {
    pub(crate) fn new(compatibility: &str) -> Self {
        let engine = wasm_exec::engine("wasmtime").unwrap();
        let mut info = engine.info().clone();
        info.compatibility.push_str(compatibility);
        Self { info, engine, compiled: AtomicUsize::new(0) }
    }

    pub(crate) fn compiled(&self) -> usize {
        self.compiled.load(Ordering::Relaxed)
    }
}

impl Engine for Counting {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn compile(&self, wasm: &[u8]) -> Result<Program> {
        self.compiled.fetch_add(1, Ordering::Relaxed);
        self.engine.compile(wasm)
    }

    fn precompile(&self, wasm: &[u8]) -> Result<Precompiled> {
        self.compiled.fetch_add(1, Ordering::Relaxed);
        self.engine.precompile(wasm)
    }

    fn load(&self, code: &Precompiled) -> Result<Program> {
        self.engine.load(code)
    }
}

#[test]
fn the_second_time_is_a_hit() {
    let place = Place::new();
    assert!(!place.hit(&guest(1)));
    assert!(place.hit(&guest(1)));
    assert!(!place.hit(&guest(2)), "another module");
    assert!(place.hit(&guest(2)));
    assert_eq!(place.engine.compiled(), 2);
    assert_eq!(fs::metadata(place.dir()).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(place.names().len(), 2, "nothing else stays: {:?}", place.names());
    let key = &place.cache().entries().unwrap()[0].key;
    let digest = wasm_oci::sha256(&guest(2)).digest().to_owned();
    assert!(key.starts_with(&digest), "{key}");
}

#[test]
fn another_process_hits() {
    let place = Place::new();
    place.hit(&guest(1));
    let path = place.home.path().join("dir");
    fs::write(&path, place.dir().to_str().unwrap()).unwrap();
    child::finish(child::start("cache::in_another_process", File::open(path).unwrap()));
}

#[test]
#[ignore = "a part of `another_process_hits`"]
fn in_another_process() {
    let mut dir = String::new();
    std::io::stdin().read_to_string(&mut dir).unwrap();
    let engine = wasm_exec::engine("wasmtime").unwrap();
    assert!(hit(&Cache::open(dir).unwrap(), &*engine, &guest(1)));
}

#[test]
fn sixteen_threads_compile_once() {
    let place = Place::new();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| place.hit(&guest(1)));
        }
    });
    assert_eq!(place.engine.compiled(), 1);
    assert_eq!(place.names().len(), 1, "{:?}", place.names());
}

#[test]
fn what_was_not_used_for_longest_goes() {
    let place = Place::new();
    let guests = [guest(1), guest(2), guest(3)];
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    place.hit(&guests[0]);
    let size = place.cache().entries().unwrap()[0].size;
    let keys =
        |cache: &Cache| cache.entries().unwrap().into_iter().map(|entry| entry.key).collect::<Vec<_>>();
    let age = |seconds| {
        for key in keys(&place.cache()) {
            let file = File::open(place.dir().join(format!("{key}.code"))).unwrap();
            file.set_modified(long_ago + Duration::from_secs(seconds)).unwrap();
        }
    };
    age(1);
    place.hit(&guests[1]);
    let second = keys(&place.cache())[0].clone();
    let file = File::open(place.dir().join(format!("{second}.code"))).unwrap();
    file.set_modified(long_ago).unwrap();
    assert_eq!(*keys(&place.cache()).last().unwrap(), second);
    assert!(place.hit(&guests[1]), "which makes it the one used last");
    assert_eq!(keys(&place.cache())[0], second);

    let bounded = place.cache().max_bytes(2 * size + 100);
    assert!(!hit(&bounded, &place.engine, &guests[2]));
    assert_eq!(keys(&bounded).len(), 2);
    assert!(place.hit(&guests[1]) && place.hit(&guests[2]));

    let pruned = place.cache().prune(size + 100).unwrap();
    assert_eq!((pruned.removed, pruned.left), (1, 1));
    assert!(pruned.left_bytes <= size + 100 && pruned.removed_bytes >= size - 100);
    assert_eq!(place.cache().prune(0).unwrap().left, 0);
}

#[test]
fn what_is_larger_than_the_cache_is_not_stored() {
    let place = Place::new();
    place.hit(&guest(1));
    let cached = place.cache().max_bytes(100).program(&place.engine, &guest(2)).unwrap();
    assert!(matches!(cached.origin, Origin::NotStored(Error::Cache { .. })), "{:?}", cached.origin);
    assert!(place.hit(&guest(1)), "and drives out nothing");
}

#[test]
fn a_program_outlives_its_entry() {
    let place = Place::new();
    place.hit(&guest(1));
    let program = place.cache().program(&place.engine, &guest(1)).unwrap().program;
    place.cache().prune(0).unwrap();
    place.hit(&guest(1));
    assert_eq!(program.run(Task::default()).unwrap(), Exit::Code(7));
}

#[test]
fn prune_removes_what_the_dead_left_and_nothing_else() {
    let place = Place::new();
    place.hit(&guest(1));
    let key = place.entry().file_stem().unwrap().to_str().unwrap().to_owned();
    let [dead, turn, alive] =
        ["1.0.tmp", "lock", "2.0.tmp"].map(|end| place.dir().join(format!("{key}.{end}")));
    for path in [&dead, &turn, &alive] {
        fs::write(path, "half").unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }
    let writing = File::open(&alive).unwrap();
    writing.lock().unwrap();
    fs::write(place.dir().join("mine.lock"), "").unwrap();
    place.cache().prune(u64::MAX).unwrap();
    assert!(!dead.exists() && !turn.exists() && alive.exists());
    assert!(place.dir().join("mine.lock").exists());
    assert!(place.hit(&guest(1)));
}

#[test]
fn nobody_waits_for_what_is_there() {
    let place = Place::new();
    place.hit(&guest(1));
    let lock = place.entry().with_extension("lock");
    let lock = File::create(lock).unwrap();
    lock.lock().unwrap();
    assert!(place.hit(&guest(1)));
}
