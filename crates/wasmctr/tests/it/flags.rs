//! `wasmctr run`: each flag and what the guest has of it.

use std::fs;

use crate::support::{Place, Ran};

#[test]
fn env() {
    let place = Place::new();
    let input = place.file("args-env.wasm", guests::ARGS_ENV.wasm());
    let run = |flags: &[&str]| {
        let args = [&["run"], flags, &[input]].concat();
        Ran::of(place.command(&args).env("OURS", " a=b ").output().unwrap())
    };
    assert_eq!(run(&["--env", "A=", "--env=B=x=y"]).ok(), "args-env.wasm\nA=\nB=x=y\n");
    assert_eq!(run(&["--env", "OURS"]).ok(), "args-env.wasm\nOURS= a=b \n");
    assert_eq!(run(&["--env", "A=1", "--env", "A=2"]).ok(), "args-env.wasm\nA=2\n");
    run(&["--env", "WASMCTR_NOT_SET"])
        .fails(125, "the variable `WASMCTR_NOT_SET` is not set")
        .with("help: say which: `--env WASMCTR_NOT_SET=VALUE`");
    run(&["--env", "=x"]).fails(125, "the environment variable `` has an empty name");
}

/// A flag takes the place of what the image says, and everything else stays.
#[test]
fn env_over_that_of_an_image() {
    let place = Place::new();
    let input = place.file("args-env.wasm", guests::ARGS_ENV.wasm());
    place.wasmctr(&["pack", input, "-o", "oci:l:v1", "--env", "A=1", "--env", "B=2"]).ok();
    assert_eq!(place.wasmctr(&["run", "--env", "A=3", "oci:l:v1"]).ok(), "/args-env.wasm\nB=2\nA=3\n");
}

#[test]
fn dir() {
    const ROFS_OR_PERM: [Option<i32>; 2] = [Some(69), Some(63)];
    let place = Place::new();
    let (read, write) = ("read.wasm", "write.wasm");
    place.file(read, guests::READ_FILE.wasm());
    place.file(write, guests::WRITE_FILE.wasm());
    fs::create_dir(place.path().join("d")).unwrap();
    place.file("d/file.txt", "content");
    for dir in ["d", "d::/data", "d::/data::ro", "d::/data::rw"] {
        assert_eq!(place.wasmctr(&["run", "--dir", dir, read]).ok(), "content");
        let ran = place.wasmctr(&["run", "--dir", dir, write]);
        let written = place.path().join("d/out.txt").exists();
        assert_eq!(written, dir.ends_with("::rw"), "{dir}: {ran:?}");
        assert!(
            if written { ran.code == Some(0) } else { ROFS_OR_PERM.contains(&ran.code) },
            "{dir}: {ran:?}"
        );
    }
    place.wasmctr(&["run", "--dir", "none", read]).fails(125, "cannot open the directory `none`");
    for bad in ["", "d::", "d::rw", "d::/data::wr"] {
        assert_eq!(place.wasmctr(&["run", "--dir", bad, read]).code, Some(2), "{bad}");
    }
}

/// The first directory gets the first descriptor: that of the bundle, and then those of the flags.
#[test]
fn dirs_come_in_order() {
    let place = Place::new();
    let input = place.file("read.wasm", guests::READ_FILE.wasm());
    for dir in ["a", "b"] {
        fs::create_dir(place.path().join(dir)).unwrap();
        fs::write(place.path().join(dir).join("file.txt"), dir).unwrap();
    }
    assert_eq!(place.wasmctr(&["run", "--dir", "a", "--dir", "b", input]).ok(), "a");
    assert_eq!(place.wasmctr(&["run", "--dir", "b", "--dir", "a", input]).ok(), "b");
    place.wasmctr(&["bundle", input, "bundle"]).ok();
    fs::write(place.path().join("bundle/rootfs/file.txt"), "root").unwrap();
    assert_eq!(place.wasmctr(&["run", "--dir", "a", "bundle"]).ok(), "root");
}

#[test]
fn special_files() {
    let place = Place::new();
    let text = guests::READ_FILE.text.replace("data/file.txt", "none/././null");
    let input = place.file("read.wat", text);
    assert_eq!(place.wasmctr(&["run", "--special-files", "--dir", "/dev", input]).ok(), "");
    // The guest cannot open it, and looks for another file, which is not there.
    assert_eq!(place.wasmctr(&["run", "--dir", "/dev", input]).code, Some(44));
}

#[test]
fn entry() {
    let place = Place::new();
    let text = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start"))
        (func (export "three") (call $exit (i32.const 3))))"#;
    let input = place.file("a.wat", text);
    place.wasmctr(&["run", input]).ok();
    assert_eq!(place.wasmctr(&["run", "--entry", "three", input]).code, Some(3));
    place
        .wasmctr(&["run", "--entry", "four", input])
        .fails(126, "the program exports no function `four` without parameters and results")
        .with("help: it exports _start, three: choose one with `--entry`");
}

#[test]
fn net_is_none_or_host_or_rules() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["run", "--net", "none", input]).ok();
    for two in [["none", "host"], ["host", "host"], ["db:5432", "host"], ["none", "db:5432"]] {
        place
            .wasmctr(&["run", "--net", two[0], "--net", two[1], input])
            .fails(2, "`--net none` and `--net host` stand alone");
    }
    let ran = place.wasmctr(&["run", "--net", "db:http", input]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr.contains("`db:http` is no network rule: its port is no number up to 65535"),
        "{ran:?}"
    );
}

/// A rule reaches the guest, and is all that it may do.
#[test]
fn net_rules() {
    let Some(probe) = guests::need!("probe-component") else { return };
    let place = Place::new();
    let here = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = here.local_addr().unwrap().to_string();
    let echo = std::thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = here.accept().unwrap();
            std::io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
        }
    });
    let probe = probe.to_str().unwrap();
    let run = |net: &[&str]| place.wasmctr(&[&["run"], net, &[probe, "connect", &address]].concat());
    for net in
        [&["--net", "host"][..], &["--net", &address], &["--net=10.0.0.1:1", "--net=connect:127.0.0.0/8"]]
    {
        assert_eq!(run(net).ok(), "ping\n", "{net:?}");
    }
    for net in [&[][..], &["--net", "none"], &["--net", "10.0.0.1"], &["--net", "listen:127.0.0.1"]] {
        let ran = run(net);
        assert_eq!(ran.code, Some(1), "{net:?} {ran:?}");
        assert!(ran.stderr.contains("PermissionDenied"), "{net:?} {ran:?}");
    }
    echo.join().unwrap();
}

#[test]
fn limits() {
    let place = Place::new();
    let loops = place.file("loop.wasm", guests::LOOP.wasm());
    let hello = place.file("hello.wasm", guests::HELLO.wasm());
    let read = place.file("read.wasm", guests::READ_FILE.wasm());
    let tables = place.file("tables.wat", "(module (table 6 funcref) (func (export \"_start\")))");
    place.file("file.txt", "content");
    for (flag, enough, too_little, input, code, error) in [
        ("--fuel", "100000", "1000", loops, 124, "the guest was stopped: out of fuel"),
        ("--output-limit", "1K", "5", hello, 124, "the guest was stopped: too much output"),
        ("--handles", "100", "4", read, 124, "the guest was stopped: too many open handles"),
        (
            "--table-elements",
            "6",
            "5",
            tables,
            125,
            "the module begins with 6 table elements, and the task allows 5",
        ),
        ("--instances", "1", "0", hello, 125, "the module begins with 1 instance, and the task allows 0"),
    ] {
        let run = |value: &str| place.wasmctr(&["run", "--dir", ".", "--stdout", "none", flag, value, input]);
        let ran = run(too_little);
        let ran = if code == 125 {
            ran.with(&format!("help: if the module is trusted: `{flag} {enough}`"))
        } else {
            ran
        };
        let ran = ran.fails(code, error);
        if input != loops {
            assert_eq!(run(enough).ok(), "", "{flag} {ran:?}");
        }
        assert_eq!(run("-1").code, Some(2));
    }
    place.wasmctr(&["run", "--fuel", "100000", hello]).ok();
}

#[test]
fn unlimited() {
    let place = Place::new();
    let input = place.file("large.wat", "(module (memory 4097) (func (export \"_start\")))");
    place
        .wasmctr(&["run", input])
        .fails(125, "the module begins with 268500992 bytes of memory, and the task allows 268435456")
        .with("help: if the module is trusted: `--memory 268500992`");
    place.wasmctr(&["run", "--unlimited", input]).ok();
    assert_eq!(place.wasmctr(&["run", "--unlimited", "--memory", "256M", input]).code, Some(125));
}

#[test]
fn streams() {
    let place = Place::new();
    let cat = place.file("cat.wasm", guests::CAT.wasm());
    let stderr = place.file("stderr.wasm", guests::STDERR.wasm());
    place.file("in.txt", "to and fro");
    place.file("out.txt", "what was here before, and is longer");
    let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();

    assert_eq!(place.wasmctr(&["run", "--stdin", "in.txt", "--stdout", "out.txt", cat]).ok(), "");
    assert_eq!(read("out.txt"), "to and fro");
    assert_eq!(place.wasmctr(&["run", "--stdin", "in.txt", "--stdout", "inherit", cat]).ok(), "to and fro");
    assert_eq!(place.wasmctr(&["run", "--stdin", "in.txt", "--stdout", "none", cat]).ok(), "");
    assert_eq!(place.wasmctr(&["run", "--stdin", "none", cat]).ok(), "");

    let ran = place.wasmctr(&["run", "--stderr", "err.txt", stderr]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(read("err.txt"), "Hello, stderr!\n");
    let ran = place.wasmctr(&["run", "--stderr", "none", stderr]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));

    place
        .wasmctr(&["run", "--stdin", "none.txt", cat])
        .fails(125, "cannot open `none.txt` for the guest")
        .with("caused by: No such file or directory (os error 2)");
    place
        .wasmctr(&["run", "--stdout", "none/none.txt", cat])
        .fails(125, "cannot create `none/none.txt` for the guest");
}

/// As `> both.txt 2>&1` has it: nothing is overwritten.
#[test]
fn both_outputs_may_go_to_one_file() {
    let place = Place::new();
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\02\00\00\00")
        (data (i32.const 16) "x\n")
        (func $to (param i32) (drop (call $write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8))))
        (func (export "_start") (call $to (i32.const 1)) (call $to (i32.const 2)) (call $to (i32.const 1))))"#;
    let input = place.file("a.wat", text);
    place.wasmctr(&["run", "--stdout", "both.txt", "--stderr", "both.txt", input]).ok();
    assert_eq!(fs::read_to_string(place.path().join("both.txt")).unwrap(), "x\nx\nx\n");
}

#[test]
fn time_tells_the_phases() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    for code in ["compile", "cache"] {
        let ran = place.wasmctr(&["run", "--time", input]);
        let phases: Vec<_> = ran.stderr.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(phases, ["load", "engine", code, "instantiate", "run"]);
        assert!(ran.stderr.lines().all(|line| line.ends_with(" ms")), "{ran:?}");
        assert_eq!(ran.ok(), "Hello, World!\n");
    }
    assert!(place.wasmctr(&["run", "--time", "--no-cache", input]).stderr.contains("compile"));
}

#[test]
fn an_argument_that_is_not_utf8_is_refused() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let place = Place::new();
    let input = place.file("args-env.wasm", guests::ARGS_ENV.wasm());
    let args = [OsStr::new("run"), OsStr::new(input), OsStr::new("a"), OsStr::from_bytes(b"\xff")];
    place.wasmctr(&args).fails(125, "argument 2 is not UTF-8");
}

#[test]
fn a_compiler_can_have_a_process_of_its_own() {
    let place = Place::new();
    let input = place.file("hello.wasm", guests::HELLO.wasm());
    let run = |seconds: &str| place.wasmctr(&["run", "--no-cache", "--compile-timeout", seconds, input]);
    assert_eq!(run("60").ok(), "Hello, World!\n");
    let refused = run("0");
    assert_eq!(refused.code, Some(126), "{refused:?}");
    assert!(refused.stderr.contains("milliseconds"), "{refused:?}");
    // It is no command for people, and says so when it is called as one.
    let called = place.wasmctr(&["compile-for-parent"]);
    assert_eq!((called.code, called.stdout.as_str()), (Some(1), ""));
}
