//! Writing, replacing and opening bundles.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::Path,
};

use serde_json::{Value, json};
use wasm_bundle::{Bundle, Error, Handler, Mount, Workload};
use wasm_oci::{Format, Overwrite, Pack};

use crate::image::{MODULE, Tar, Yard, app, image, spec};

fn message(result: Result<Bundle, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_packed_image_becomes_a_bundle() {
    let yard = Yard::new();
    let image = Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap().build(Format::Compat).unwrap();
    let spec = Workload::from_image(image.config()).unwrap().to_spec(Handler::Compat).unwrap();

    let written = Bundle::write(yard.bundle(), &spec, &image, Overwrite::Refuse).unwrap();
    let opened = Bundle::open(yard.bundle()).unwrap();

    for bundle in [written, opened] {
        assert_eq!(bundle.path(), yard.bundle());
        assert_eq!(bundle.spec(), &spec);
        assert_eq!(bundle.handler(), Some(Handler::Compat));
        assert_eq!(bundle.workload(), &Workload::new(["/hello.wasm"]));
        assert_eq!(bundle.rootfs(), yard.rootfs("").canonicalize().unwrap());
        assert_eq!(bundle.module().unwrap(), guests::HELLO.wasm());
    }
    let config = fs::read(yard.bundle().join("config.json")).unwrap();
    assert_eq!(config, wasm_oci::canonical_json_pretty(&spec).unwrap());
    let mut names: Vec<_> = fs::read_dir(yard.rootfs("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["dev", "hello.wasm", "proc"]);
    yard.assert_untouched("write");
}

#[test]
fn the_directory_has_the_permissions_of_any_new_one() {
    let yard = Yard::new();
    yard.write(&[app().end()]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let plain = yard.path().join("plain");
    fs::create_dir(&plain).unwrap();
    assert_eq!(mode(&yard.bundle()), mode(&plain));
    // The root of the container is entered by its users, whoever they are.
    assert_eq!(mode(&yard.rootfs("")), 0o755);
}

#[test]
fn the_working_directory_is_there() {
    let write = |cwd: &str| {
        let yard = Yard::new();
        let spec = Workload::new(["/app.wasm"]).cwd(cwd).to_spec(Handler::Compat).unwrap();
        let layer = app().dir("real").symlink("link", "real").end();
        let result = Bundle::write(yard.bundle(), &spec, &image(&[layer]), Overwrite::Refuse);
        (yard, result.map(|_| ()))
    };
    for (cwd, made) in [("/", true), ("/a/b", true), ("//real/./a/", true), ("/link/a", true)] {
        let (yard, result) = write(cwd);
        result.unwrap();
        assert_eq!(yard.rootfs(cwd.trim_start_matches('/')).is_dir(), made, "{cwd}");
    }
    let deep = "/a".repeat(129);
    let error = write(&deep).1.unwrap_err().to_string();
    assert!(error.starts_with("the path ") && error.ends_with(" is too long or too deep"), "{error}");
}

#[test]
fn mount_points_are_there() {
    let yard = Yard::new();
    let canary = yard.path().join("canary");
    let workload = Workload::new(["/app.wasm"])
        .mount(Mount::new(&canary, "/data"))
        .mount(Mount::new(canary.join("file"), "/etc/app/file"))
        .mount(Mount::new("/no/such", "/link/deep"))
        .mount(Mount::new(&canary, "/data/inside"))
        .mount(Mount::new(&canary, "/dev/shm"));
    let spec = workload.to_spec(Handler::Compat).unwrap();
    let layer = app().dir("real").symlink("link", "/real").end();
    Bundle::write(yard.bundle(), &spec, &image(&[layer]), Overwrite::Refuse).unwrap();
    assert!(yard.rootfs("data").is_dir() && yard.rootfs("real/deep").is_dir());
    assert!(yard.rootfs("etc/app/file").is_file());
    assert!(!yard.rootfs("data/inside").exists() && !yard.rootfs("dev/shm").exists());
    yard.assert_untouched("mount points");
}

#[test]
fn an_existing_output_is_kept() {
    let yard = Yard::new();
    yard.write(&[app().end()]).unwrap();
    let path = yard.bundle();
    let error = Bundle::write(&path, &spec(), &image(&[app().end()]), Overwrite::Refuse).unwrap_err();
    assert!(matches!(&error, Error::AlreadyExists { path: at } if *at == path), "{error:?}");
    assert!(error.help().unwrap().contains("--force"));

    let empty = Yard::new();
    fs::create_dir(empty.bundle()).unwrap();
    assert!(matches!(empty.write(&[app().end()]).unwrap_err(), Error::AlreadyExists { .. }));
    let dangling = Yard::new();
    symlink("nowhere", dangling.bundle()).unwrap();
    assert!(matches!(dangling.write(&[app().end()]).unwrap_err(), Error::AlreadyExists { .. }));
}

#[test]
fn only_a_bundle_is_replaced() {
    let replace = |yard: &Yard, tar: Tar| {
        Bundle::write(yard.bundle(), &spec(), &image(&[tar.end()]), Overwrite::Replace)
    };
    let yard = Yard::new();
    replace(&yard, app().file("old", b"")).unwrap();
    replace(&yard, app().file("new", b"")).unwrap();
    assert!(yard.rootfs("new").exists() && !yard.rootfs("old").exists());
    yard.assert_untouched("replace");

    // What cannot be unpacked leaves the old one where it is.
    replace(&yard, app().file("../x", b"")).unwrap_err();
    assert!(yard.rootfs("new").exists());
    yard.assert_untouched("failed replace");

    let home = Yard::new();
    fs::create_dir_all(home.rootfs("")).unwrap();
    let not_bundle = format!("`{}` is not a bundle: ", home.bundle().display());
    let error = message(replace(&home, app()));
    assert_eq!(error, not_bundle.clone() + "it has no config.json with a rootfs, and is not replaced");
    fs::remove_dir_all(home.bundle()).unwrap();
    fs::write(home.bundle(), "precious").unwrap();
    assert_eq!(
        message(replace(&home, app())),
        not_bundle.clone() + "it is no directory, and is not replaced"
    );
    fs::remove_file(home.bundle()).unwrap();
    symlink(yard.bundle(), home.bundle()).unwrap();
    assert_eq!(message(replace(&home, app())), not_bundle + "it is no directory, and is not replaced");
    assert!(yard.rootfs("new").exists());
}

#[test]
fn outputs_that_cannot_be() {
    let yard = Yard::new();
    let write = |path: &Path| Bundle::write(path, &spec(), &image(&[app().end()]), Overwrite::Refuse);
    let path = yard.path().join("missing/bundle");
    let error = write(&path).unwrap_err();
    assert!(matches!(&error, Error::ParentMissing { path: at } if *at == path), "{error:?}");

    let error = write(&yard.path().join("canary/file/bundle")).unwrap_err();
    assert!(matches!(&error, Error::Io { action: "create", .. }), "{error:?}");
    for path in ["", "..", "/", "."] {
        let error = write(Path::new(path)).unwrap_err();
        assert!(matches!(&error, Error::NotBundle { .. } | Error::AlreadyExists { .. }), "{error:?}");
    }
    // Nobody writes there, root neither.
    let error = write(Path::new("/proc/self/bundle")).unwrap_err();
    assert!(matches!(&error, Error::Io { .. } | Error::ParentMissing { .. }), "{error:?}");
    yard.assert_nothing_made("outputs");
}

#[test]
fn the_program_must_be_a_module_in_the_image() {
    let with = |args: &[&str], tar: Tar| {
        let yard = Yard::new();
        let spec = Workload::new(args.iter().copied()).to_spec(Handler::Compat).unwrap();
        let result = Bundle::write(yard.bundle(), &spec, &image(&[tar.end()]), Overwrite::Refuse);
        if result.is_err() {
            yard.assert_nothing_made(args[0]);
        }
        result.map(|_| ())
    };
    let component = with(&["/c.wasm"], Tar::new().file("c.wasm", &guests::COMPONENT.wasm())).unwrap_err();
    let message = r#"the program "/c.wasm" is a component, which the handler `compat` does not run"#;
    assert_eq!(component.to_string(), message);
    assert!(component.help().unwrap().contains("wasm32-wasip1"));

    let text = with(&["/a.wat"], Tar::new().file("a.wat", b"(module)")).unwrap_err();
    assert!(matches!(&text, Error::NotWasm { .. }), "{text:?}");
    assert!(std::error::Error::source(&text).unwrap().to_string().starts_with("not WebAssembly but "));

    for (program, tar) in [
        ("/gone.wasm", app()),
        ("/d", app().dir("d")),
        ("../app.wasm/x", app()),
        ("/../../canary/file", app()),
        ("/loop", app().symlink("loop", "loop")),
    ] {
        let error = with(&[program], tar).unwrap_err();
        assert!(matches!(&error, Error::Program { .. }), "{program}: {error:?}");
    }
    with(&["app.wasm"], app()).unwrap();
    with(&["/link"], app().symlink("link", "app.wasm")).unwrap();
    with(&["/bin/app"], app().symlink("bin", "/usr/bin").symlink("usr/bin/app", "/app.wasm")).unwrap();
}

#[test]
fn a_native_program_is_the_runtimes_to_find() {
    let yard = Yard::new();
    let mut spec = spec();
    spec.set_annotations(None);
    let image = image(&[Tar::new().file("sh", b"#!").end()]);
    let bundle = Bundle::write(yard.bundle(), &spec, &image, Overwrite::Refuse).unwrap();
    assert_eq!(bundle.handler(), None);
}

#[test]
fn the_root_file_system_of_a_new_bundle_has_one_place() {
    let yard = Yard::new();
    let mut spec = spec();
    let mut root = spec.root().clone().unwrap();
    root.set_path("/elsewhere".into());
    spec.set_root(Some(root));
    let result = Bundle::write(yard.bundle(), &spec, &image(&[app().end()]), Overwrite::Refuse);
    let expected = r#"root.path "/elsewhere" is not `rootfs`, where a bundle is written"#;
    assert_eq!(message(result), expected);
}

/// A bundle of somebody else's: whatever JSON, and a rootfs with a module.
fn foreign(yard: &Yard, config: &Value) {
    fs::create_dir_all(yard.rootfs("")).unwrap();
    fs::write(yard.rootfs("app.wasm"), MODULE).unwrap();
    fs::write(yard.bundle().join("config.json"), config.to_string()).unwrap();
}

fn config(root: &Value) -> Value {
    json!({
        "ociVersion": "1.0.0", "root": root,
        "process": { "user": { "uid": 0, "gid": 0 }, "args": ["app.wasm"], "cwd": "/" },
    })
}

#[test]
fn bundles_of_others_are_opened() {
    let yard = Yard::new();
    foreign(&yard, &config(&json!({ "path": "rootfs" })));
    let bundle = Bundle::open(yard.bundle()).unwrap();
    assert_eq!(bundle.module().unwrap(), MODULE);
    assert_eq!(bundle.handler(), None);

    let absolute = yard.path().join("canary");
    foreign(&yard, &config(&json!({ "path": absolute })));
    let bundle = Bundle::open(yard.bundle()).unwrap();
    assert_eq!(bundle.rootfs(), absolute.canonicalize().unwrap());
    assert!(matches!(bundle.module().unwrap_err(), Error::Program { .. }));
}

#[test]
fn roots_outside_the_bundle_are_refused() {
    let yard = Yard::new();
    let file = yard.path().join("canary/file");
    for (root, why) in [
        (json!({ "path": "../canary" }), "its root file system is outside of it"),
        (json!({ "path": "rootfs/../../canary" }), "its root file system is outside of it"),
        (json!({ "path": "." }), "its root file system is outside of it"),
        (json!({ "path": "link" }), "its root file system is outside of it"),
        (json!({ "path": "gone" }), "its root file system is missing"),
        (json!({ "path": "" }), "its config.json names no root file system"),
        (Value::Null, "its config.json names no root file system"),
        (json!({ "path": "config.json" }), "its root file system is no directory"),
        (json!({ "path": file }), "its root file system is no directory"),
    ] {
        foreign(&yard, &config(&root));
        let _ = symlink("../canary", yard.bundle().join("link"));
        let expected = format!("`{}` is not a bundle: {why}", yard.bundle().display());
        assert_eq!(message(Bundle::open(yard.bundle())), expected, "{root}");
    }
}

#[test]
fn programs_are_not_read_outside_the_root() {
    let yard = Yard::new();
    foreign(&yard, &config(&json!({ "path": "rootfs" })));
    fs::remove_file(yard.rootfs("app.wasm")).unwrap();
    for target in ["../../canary/file".as_ref(), yard.path().join("canary/file").as_path()] {
        symlink(target, yard.rootfs("app.wasm")).unwrap();
        let error = Bundle::open(yard.bundle()).unwrap().module().unwrap_err();
        assert!(matches!(&error, Error::Program { .. }), "{error:?}");
        fs::remove_file(yard.rootfs("app.wasm")).unwrap();
    }
    // A socket, which like a pipe is nothing to read from.
    let _socket = UnixListener::bind(yard.rootfs("app.wasm")).unwrap();
    let error = Bundle::open(yard.bundle()).unwrap().module().unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "not a regular file");
}

#[test]
fn configurations_that_are_none() {
    let yard = Yard::new();
    let open = || Bundle::open(yard.bundle()).unwrap_err();
    assert!(matches!(open(), Error::Io { action: "open", .. }));
    foreign(&yard, &Value::Null);
    let path = yard.bundle().join("config.json");
    let deep = "[".repeat(100_000);
    let mounts = json!({ "mounts": [{ "destination": 1 }] }).to_string();
    for text in ["", "null", "{", r#"{"process": 1}"#, "\u{feff}{}", "\0", &deep, &mounts] {
        fs::write(&path, text).unwrap();
        assert!(matches!(open(), Error::Config { .. }), "{text:.40}");
    }
    fs::write(&path, vec![b' '; (4 << 20) + 1]).unwrap();
    assert_eq!(open().to_string(), format!("`{}` is larger than 4194304 bytes", path.display()));
    fs::remove_file(&path).unwrap();
    assert!(open().to_string().ends_with("is not a bundle: it has no config.json"));
    symlink("../canary/file", &path).unwrap();
    assert!(matches!(open(), Error::Io { action: "read", .. }));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(open(), Error::Io { action: "read", .. }));
}

#[test]
fn a_configuration_of_many_mounts_is_read() {
    let yard = Yard::new();
    let mount = json!({ "destination": "/m", "source": "/m", "options": ["bind"] });
    let mut config = config(&json!({ "path": "rootfs" }));
    config["mounts"] = vec![mount; 50_000].into();
    foreign(&yard, &config);
    assert_eq!(Bundle::open(yard.bundle()).unwrap().workload().mounts.len(), 50_000);
}
