//! What holds for every input.

use std::{fs, path::PathBuf};

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};
use wasm_bundle::{
    Bundle, Handler, Like, Mount, Network, Resources, UserNamespace, Workload, config_json,
    oci_spec::runtime::Spec,
};

use crate::image::{MODULE, Tar, Yard, app};

/// An absolute path that no runtime mounts to.
fn path() -> impl Strategy<Value = PathBuf> {
    vec("[a-z.é ]{0,3}[a-z]", 1..4).prop_map(|parts| format!("/my/{}", parts.join("/")).into())
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![Just(Network::Isolated), Just(Network::Host), path().prop_map(Network::Path)]
}

fn mount() -> impl Strategy<Value = Mount> {
    (path(), path(), any::<bool>())
        .prop_map(|(source, destination, read_only)| Mount::new(source, destination).read_only(read_only))
}

fn resources() -> impl Strategy<Value = Resources> {
    (option::of(1..1_u64 << 50), option::of(10..u32::MAX), option::of(1..u32::MAX)).prop_map(
        |(memory, cpu, pids)| {
            let mut resources = Resources::default();
            (resources.memory, resources.cpu_millis, resources.pids) = (memory, cpu, pids);
            resources
        },
    )
}

prop_compose! {
    /// Any workload that can be written.
    pub(crate) fn workload()(
        args in vec("[^\0]{1,9}", 1..4), env in vec("[^\0=]{1,5}=[^\0]{0,9}", 0..4), cwd in path(),
        ids in any::<(u32, u32)>(), hostname in option::of("[a-z0-9.-]{1,64}"), read_only_root in any::<bool>(),
        mounts in vec(mount(), 0..4), network in network(),
        annotations in vec(("[^\0]{1,9}", "[^\0]{0,9}"), 0..4), resources in resources(),
        users in option::of(0..1_u32 << 30),
    ) -> Workload {
        let mut workload = Workload::new(args)
            .cwd(cwd).user(ids.0, ids.1).read_only_root(read_only_root).network(network);
        workload.env = env;
        workload.resources = resources;
        if let Some(host) = users {
            // As many as there are: the workload's user may be any.
            workload = workload.user(ids.0 % (1 << 31), ids.1 % (1 << 31));
            workload.user_namespace = Some(UserNamespace::new(host, 1 << 31));
        }
        workload.hostname = hostname;
        workload.mounts = mounts;
        workload.annotations = annotations.into_iter().collect();
        workload
    }
}

/// Strings that have ended parsers before.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("/".into()),
        Just("..".into()),
        Just("/proc/self".into()),
        Just("a\0b".into()),
        Just("A=b".into()),
        Just("run.oci.handler".into()),
        Just("bind".into()),
        Just("ro".into()),
        ".{0,6}",
        "/[a-z/.]{0,6}",
    ]
}

prop_compose! {
    /// A configuration of the right shape with any values in it.
    fn configuration()(
        args in vec(nasty(), 0..3), env in vec(nasty(), 0..3), cwd in nasty(), hostname in option::of(nasty()),
        mounts in vec((nasty(), option::of(nasty()), option::of(nasty()), vec(nasty(), 0..3)), 0..4),
        namespace in option::of(option::of(nasty())), annotations in vec((nasty(), nasty()), 0..3),
        limits in any::<(i64, i64, i64)>(), map in any::<(u32, u32, u32)>(),
    ) -> Value {
        let mounts: Vec<_> = mounts.into_iter().map(|(destination, source, kind, options)| {
            json!({ "destination": destination, "source": source, "type": kind, "options": options })
        }).collect();
        let annotations: serde_json::Map<_, _> =
            annotations.into_iter().map(|(name, value)| (name, value.into())).collect();
        let namespaces: Vec<_> = namespace.into_iter().map(|path| json!({ "type": "network", "path": path })).collect();
        json!({
            "ociVersion": "1.0.0",
            "process": { "user": { "uid": 1, "gid": 2 }, "args": args, "env": env, "cwd": cwd },
            "hostname": hostname, "mounts": mounts, "annotations": annotations,
            "linux": {
                "namespaces": namespaces,
                "resources": {
                    "memory": { "limit": limits.0 }, "cpu": { "quota": limits.1 }, "pids": { "limit": limits.2 },
                },
                "uidMappings": [{ "containerID": map.0, "hostID": map.1, "size": map.2 }],
            },
        })
    }
}

proptest! {
    #[test]
    fn reading_undoes_writing(workload in workload()) {
        let spec = workload.to_spec(Handler::Compat).unwrap();
        prop_assert_eq!(Handler::of(&spec), Some(Handler::Compat));
        prop_assert_eq!(&Workload::from_spec(&spec).unwrap(), &workload);

        let bytes = config_json(&spec).unwrap();
        let read: Spec = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&read, &spec);
        prop_assert_eq!(&Workload::from_spec(&read).unwrap().to_spec(Handler::Compat).unwrap(), &spec);
        prop_assert_eq!(config_json(&workload.to_spec(Handler::Compat).unwrap()).unwrap(), bytes);

        let native = workload.to_spec(None).unwrap();
        prop_assert_eq!(Handler::of(&native), None);
        prop_assert_eq!(&Workload::from_spec(&native).unwrap(), &workload);

        for like in [Like::Crun, Like::Youki] {
            let read = Workload::from_spec(&workload.to_spec_like(like, Handler::Compat).unwrap()).unwrap();
            let again = config_json(&read.to_spec_like(like, Handler::Compat).unwrap()).unwrap();
            prop_assert_eq!(again, config_json(&workload.to_spec_like(like, Handler::Compat).unwrap()).unwrap());
        }
    }

    #[test]
    fn what_is_read_can_be_written(configuration in configuration()) {
        let spec: Spec = serde_json::from_value(configuration).unwrap();
        if let Ok(workload) = Workload::from_spec(&spec) {
            let written = workload.to_spec(Handler::Compat).unwrap();
            prop_assert_eq!(Workload::from_spec(&written).unwrap(), workload);
        }
    }
}

/// A path of few parts, so that entries meet, and some that are none.
fn name() -> impl Strategy<Value = String> {
    const ODD: [&str; 9] = ["..", ".", "", "dev", ".wh.a", ".wh.b", ".wh..wh..opq", "app.wasm", "canary"];
    let part = prop_oneof![
        30 => prop::sample::select(vec!["a", "b", "c"]),
        1 => prop::sample::select(ODD.to_vec()),
    ];
    vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

/// An entry of any kind; links climb, or begin at the root.
fn entry() -> impl Strategy<Value = (u8, String, String)> {
    let base = prop::sample::select(vec!["", "../", "../../", "../../../../../../", "/", "/../"]);
    let link =
        (name(), base, name()).prop_map(|(name, base, target)| (b'2', name, format!("{base}{target}")));
    prop_oneof![
        10 => (Just(b'0'), name(), Just(String::new())),
        10 => (Just(b'5'), name(), Just(String::new())),
        10 => link,
        3 => (Just(b'1'), name(), prop_oneof![Just("app.wasm".to_owned()), name()]),
        3 => (Just(b'0'), prop::sample::select(vec!["a/.wh.b".to_owned(), ".wh..wh..opq".into()]), Just(String::new())),
        1 => (prop::sample::select(b"S36xg".to_vec()), name(), name()),
    ]
}

fn layer() -> impl Strategy<Value = Tar> {
    vec(entry(), 0..9).prop_map(|entries| {
        entries.into_iter().fold(Tar::new(), |tar, (kind, name, target)| match kind {
            b'x' => tar.pax(&[&format!("path={name}")]),
            b'0' if !name.contains(".wh.") => tar.file(name, b"content"),
            kind => tar.entry(kind, name, target, b""),
        })
    })
}

/// No whiteout is left, the runtime's mount points are directories, and no file of the root is one from outside.
pub(crate) fn assert_inside(bundle: &Bundle) {
    for name in ["dev", "proc"] {
        assert!(fs::symlink_metadata(bundle.rootfs().join(name)).unwrap().is_dir(), "{name}");
    }
    let mut open = vec![bundle.rootfs().to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            assert!(!entry.file_name().to_str().unwrap().starts_with(".wh."), "{entry:?}");
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => {
                    assert_ne!(fs::read(entry.path()).unwrap(), b"canary", "{entry:?}");
                }
                kind => assert!(kind.is_symlink(), "{entry:?}"),
            }
        }
    }
}

fn check(layers: &[Vec<u8>]) {
    let yard = Yard::new();
    match yard.write(layers) {
        Ok(bundle) => {
            assert_inside(&bundle);
            yard.assert_untouched("unpacked");
        }
        Err(_) => yard.assert_nothing_made("refused"),
    }
}

proptest! {
    #[test]
    fn no_layer_leaves_its_root(first in layer(), second in layer()) {
        check(&[app().end(), first.clone().end()]);
        check(&[[app().bytes(), first.bytes()].concat(), second.end()].map(ended));
    }

    #[test]
    fn no_change_of_a_tar_breaks_out(
        layer in layer(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = [app().bytes(), layer.end()].concat();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            // The checksum is put right, so that the change is seen.
            let header = at / 512 * 512;
            let block = &mut bytes[header..header + 512];
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().copied().map(u32::from).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        check(&[bytes]);
    }
}

fn ended(mut tar: Vec<u8>) -> Vec<u8> {
    tar.extend([0; 1024]);
    tar
}

#[test]
fn modules_are_what_was_packed() {
    let yard = Yard::new();
    assert_eq!(yard.write(&[app().end()]).unwrap().module().unwrap(), MODULE);
}
