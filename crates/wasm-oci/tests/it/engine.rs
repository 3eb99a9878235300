//! Native engines in images.

use std::{
    ffi::OsStr,
    fs::{self, File, FileTimes},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink, net::UnixListener},
    path::Path,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;
use wasm_oci::{Artifact, Consumer, Engine, Error, Format, Layer, Pack};

/// A statically linked program.
macro_rules! busybox {
    () => {
        match lab::need!("busybox") {
            Some(path) => path,
            None => return,
        }
    };
}

/// What a layer holds, as `ls` would tell it.
fn members(layer: &Layer) -> Vec<String> {
    let mut archive = tar::Archive::new(layer.open().unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
        let mode = match header.mode().unwrap() {
            0o777 => "rwxrwxrwx",
            0o755 => "rwxr-xr-x",
            0o644 => "rw-r--r--",
            other => panic!("{other:o}"),
        };
        let path = entry.path().unwrap().display().to_string();
        match (header.entry_type(), entry.link_name().unwrap()) {
            (tar::EntryType::Directory, _) => format!("d{mode} {path}"),
            (tar::EntryType::Symlink, Some(target)) => format!("l{mode} {path} -> {}", target.display()),
            _ => format!("-{mode} {path}"),
        }
    });
    entries.collect()
}

fn build(wasm: Vec<u8>, engine: Engine) -> Artifact {
    Pack::new(wasm, "/app.wasm").unwrap().arg("--loud").engine(engine).build(Format::Compat).unwrap()
}

/// A tree with the program in `bin`, and a link to it.
fn tree(program: &Path) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
    fs::copy(program, dir.path().join("usr/bin/engine")).unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    fs::write(dir.path().join("etc/engine.conf"), "fast\n").unwrap();
    symlink("usr/bin", dir.path().join("bin")).unwrap();
    dir
}

#[test]
fn a_static_program_under_a_module() {
    let busybox = busybox!();
    let image = build(guests::HELLO.wasm(), Engine::file(&busybox).unwrap().arg("run").arg("--fast"));
    let process = image.config().config().clone().unwrap();
    assert_eq!(process.entrypoint().as_deref().unwrap(), ["/bin/busybox", "run", "--fast", "/app.wasm"]);
    assert_eq!(process.cmd().as_deref().unwrap(), ["--loud"]);
    assert_eq!(image.platform().os, "linux");
    assert_eq!(image.layers().len(), 2);
    assert_eq!(members(&image.layers()[0]), ["-rwxr-xr-x bin/busybox"]);
    assert_eq!(members(&image.layers()[1]), ["-rwxr-xr-x app.wasm"]);
    // What is started is no WebAssembly, and nothing may say so.
    assert_eq!(*image.manifest().annotations(), None);
}

#[test]
fn a_directory_becomes_the_root() {
    let dir = tree(&busybox!());
    let image = build(guests::HELLO.wasm(), Engine::tree(dir.path(), "/bin/engine").unwrap());
    let expected = [
        "lrwxrwxrwx bin -> usr/bin",
        "drwxr-xr-x etc/",
        "-rw-r--r-- etc/engine.conf",
        "drwxr-xr-x usr/",
        "drwxr-xr-x usr/bin/",
        "-rwxr-xr-x usr/bin/engine",
    ];
    assert_eq!(members(&image.layers()[0]), expected);
    assert_eq!(image.entrypoint(), Some("/bin/engine"));
}

#[test]
fn the_same_files_give_the_same_layer_and_modules_share_it() {
    let busybox = busybox!();
    let (one, other) = (tree(&busybox), tree(&busybox));
    let file = File::options().write(true).open(other.path().join("etc/engine.conf")).unwrap();
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_times(FileTimes::new().set_modified(past)).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(other.path().join("etc"), fs::Permissions::from_mode(0o700)).unwrap();
    let image = |dir: &TempDir, wasm| build(wasm, Engine::tree(dir.path(), "/usr/bin/engine").unwrap());
    assert_eq!(image(&one, guests::HELLO.wasm()).digest(), image(&other, guests::HELLO.wasm()).digest());
    let layer = |image: Artifact| image.layers()[0].descriptor().clone();
    assert_eq!(layer(image(&one, guests::HELLO.wasm())), layer(image(&one, guests::TRAP.wasm())));
}

#[test]
fn other_formats_have_no_room_for_it() {
    let engine = Engine::file(&busybox!()).unwrap();
    let pack = Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap().engine(engine);
    for format in [Format::Runwasi, Format::Artifact, Format::Legacy] {
        let error = pack.build(format).unwrap_err();
        assert_eq!(error.to_string(), format!("the format `{format}` has no room for an engine"));
    }
}

#[test]
fn a_module_in_the_place_of_the_engine() {
    let engine = Engine::file(&busybox!()).unwrap();
    let pack = Pack::new(guests::HELLO.wasm(), "/bin/busybox").unwrap().engine(engine);
    let error = pack.build(Format::Compat).unwrap_err().to_string();
    assert_eq!(error, "`/bin/busybox` cannot be a path in an image: the engine has something there already");
}

fn refused(result: Result<Engine, Error>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Engine { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn programs_that_would_not_start() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("engine");
    let text = |why: &str| format!("`{}` cannot be an engine: {why}", path.display());
    fs::copy("/bin/sh", &path).unwrap();
    assert_eq!(refused(Engine::file(&path)), text("it is not statically linked"));
    fs::write(&path, "#!/bin/sh\n").unwrap();
    assert_eq!(refused(Engine::file(&path)), text("it is no Linux program"));
    assert_eq!(
        refused(Engine::file(dir.path())),
        format!("`{}` cannot be an engine: it is no regular file", dir.path().display())
    );
    assert!(matches!(Engine::file(&dir.path().join("absent")), Err(Error::Io { .. })));
    assert!(matches!(Engine::file(Path::new("/")), Err(Error::ImagePath { .. })));
}

#[test]
fn directories_that_lack_something() {
    let dir = TempDir::new().unwrap();
    fs::copy("/bin/sh", dir.path().join("engine")).unwrap();
    let tree = |program| refused(Engine::tree(dir.path(), program));
    assert!(tree("/engine").contains("cannot be an engine: its loader `/lib"), "{}", tree("/engine"));
    let absent = |name: &str| {
        let path = dir.path().join(name);
        format!("`{}` cannot be an engine: there is no such file in the directory", path.display())
    };
    assert_eq!(tree("/absent"), absent("absent"));
    symlink("loop", dir.path().join("loop")).unwrap();
    assert_eq!(tree("/loop"), absent("loop"));

    let error = refused(Engine::tree(dir.path(), "/engine"));
    let loader = error.split('`').nth(3).unwrap();
    let place = dir.path().join(loader.trim_start_matches('/'));
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::copy(loader, &place).unwrap();
    assert!(tree("/engine").contains("the library `lib"), "{}", tree("/engine"));
    assert!(tree("/engine").ends_with("is not in the directory"), "{}", tree("/engine"));
    for program in ["engine", "/../engine", "/"] {
        assert!(matches!(Engine::tree(dir.path(), program), Err(Error::ImagePath { .. })), "{program}");
    }
}

#[test]
fn files_that_no_image_has() {
    let busybox = busybox!();
    let with = |make: &dyn Fn(&Path)| {
        let dir = tree(&busybox);
        make(dir.path());
        Engine::tree(dir.path(), "/usr/bin/engine")
    };
    let socket = with(&|dir| drop(UnixListener::bind(dir.join("socket")).unwrap()));
    assert!(refused(socket).ends_with("socket` cannot be an engine: it is no regular file"));
    let name = with(&|dir| fs::write(dir.join(OsStr::from_bytes(b"\xff")), "").unwrap());
    assert!(refused(name).ends_with("its name is not UTF-8"));
    let target = with(&|dir| symlink(OsStr::from_bytes(b"\xff"), dir.join("link")).unwrap());
    assert!(refused(target).ends_with("its target is not UTF-8"));
    let whiteout = with(&|dir| fs::write(dir.join(".wh.etc"), "").unwrap());
    assert!(matches!(whiteout, Err(Error::ImagePath { .. })), "{whiteout:?}");
    let large = with(&|dir| File::create(dir.join("large")).unwrap().set_len(Engine::LIMIT).unwrap());
    assert!(matches!(large, Err(Error::TooLarge { .. })), "{large:?}");
}

/// A Linux image that starts its module by an engine inside: the module is found, and who runs it is told.
#[test]
fn the_module_under_an_engine_is_found() {
    let busybox = busybox!();
    let image = build(guests::HELLO.wasm(), Engine::file(&busybox).unwrap().arg("run"));
    let embedded = image.embedded().unwrap().unwrap();
    assert_eq!(embedded.engine, ["/bin/busybox", "run"]);
    assert_eq!((embedded.path.as_str(), &embedded.wasm[..]), ("/app.wasm", guests::HELLO.wasm().as_slice()));
    assert!(matches!(image.wasm(), Err(Error::NotWasm { .. })));
    let takes = |image: &Artifact| {
        let taken = Consumer::ALL.into_iter().filter(|consumer| {
            let verdict = consumer.judge(image).unwrap();
            assert!(verdict.remedy.is_none(), "{consumer}");
            verdict.accepts
        });
        taken.map(|consumer| consumer.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(takes(&image), "crun youki runwasi podman docker ctr");
    // The program is behind a link.
    let dir = tree(&busybox);
    let image = build(guests::HELLO.wasm(), Engine::tree(dir.path(), "/bin/engine").unwrap());
    assert_eq!(image.embedded().unwrap().unwrap().engine, ["/bin/engine"]);
    assert_eq!(takes(&image), "crun youki runwasi podman docker ctr");
    // Who asks for WebAssembly does not get a native program.
    let pack = Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap();
    let pack = pack.engine(Engine::file(&busybox).unwrap()).annotation("module.wasm.image/variant", "compat");
    assert_eq!(takes(&pack.build(Format::Compat).unwrap()), "");
}

#[test]
fn other_images_have_no_module_under_an_engine() {
    let pack = || Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap();
    let linux = "linux/amd64".parse::<wasm_oci::Platform>().unwrap();
    for image in [
        pack().build(Format::Compat).unwrap(),
        pack().build(Format::Artifact).unwrap(),
        pack().platform(linux.clone()).build(Format::Compat).unwrap(),
        pack().platform(linux).arg("/app.wasm").build(Format::Compat).unwrap(),
    ] {
        assert_eq!(image.embedded().unwrap(), None);
    }
}
