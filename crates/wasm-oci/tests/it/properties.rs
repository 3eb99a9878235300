use proptest::prelude::*;
use wasm_oci::{Format, Layout, Location, Overwrite, Pack, Platform};

proptest! {
    #[test]
    fn locations_survive_display_and_parse(text in "(oci:|oci-archive:|docker-archive:|docker:|docker://|-|[.]/|\\[::1\\]:5000/|a[.]b/)?[a-z:./@ -]{0,20}") {
        if let Ok(location) = text.parse::<Location>() {
            prop_assert_eq!(location.to_string().parse::<Location>().unwrap(), location);
        }
    }

    #[test]
    fn platforms_survive_display_and_parse(text in "[a-z0-9]{1,8}/[a-z0-9]{1,8}(/[a-z0-9]{1,8})?") {
        prop_assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
    }

    #[test]
    fn an_image_keeps_what_it_was_given(
        name in "/[a-zA-Z0-9_-]{1,150}\\.wasm",
        args in prop::collection::vec(".*", 0..4),
        env in prop::collection::vec("[A-Z]{1,5}=.*", 0..4),
        notes in prop::collection::btree_map("[a-z.]{1,20}", ".*", 0..4),
        section in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        // A custom section makes the module any size and content.
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        let body = [&[1, b'x'][..], &section].concat();
        wasm.push(0);
        wasm.extend(leb128(body.len()));
        wasm.extend(body);

        let mut pack = Pack::new(wasm.clone(), &name).unwrap();
        pack = args.iter().fold(pack, Pack::arg);
        pack = env.iter().fold(pack, Pack::env);
        pack = notes.iter().fold(pack, |pack, (name, value)| pack.annotation(name, value));
        let image = pack.build(Format::Compat).unwrap();

        let dir = tempfile::tempdir().unwrap();
        Layout::write(dir.path(), "t", &image, Overwrite::Refuse).unwrap();
        let read = Layout::open(dir.path()).unwrap().artifact(Some("t")).unwrap();
        let config = read.config().config().clone().unwrap();
        prop_assert_eq!(read.digest(), image.digest());
        prop_assert_eq!(read.wasm().unwrap(), wasm);
        prop_assert_eq!(read.entrypoint(), Some(name.as_str()));
        prop_assert_eq!(config.cmd().clone().unwrap_or_default(), args);
        prop_assert_eq!(config.env().clone().unwrap_or_default(), env);
        for (name, value) in notes {
            prop_assert_eq!(&read.manifest().annotations().as_ref().unwrap()[&name], &value);
        }
    }
}

fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![];
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
