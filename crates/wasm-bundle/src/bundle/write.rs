use std::{fs, io::Read, path::Path};

use cap_std::{ambient_authority, fs::Dir};
use oci_spec::runtime::{Root, Spec};
use wasm_oci::{Artifact, Kind, Overwrite};

use super::{Bundle, CONFIG, place::Place};
use crate::{
    Error, Handler, Result, Workload,
    spec::{ROOTFS, config_json},
    unpack::unpack,
};

pub(super) fn write(path: &Path, spec: &Spec, image: &Artifact, overwrite: Overwrite) -> Result<Bundle> {
    let workload = Workload::from_spec(spec)?;
    check_root(spec)?;
    let config = config_json(spec)?;

    let place = Place::claim(path, overwrite)?;
    let rootfs = place.temporary().join(ROOTFS);
    fs::create_dir(&rootfs).map_err(Error::io("create", path.join(ROOTFS)))?;
    let root =
        Dir::open_ambient_dir(&rootfs, ambient_authority()).map_err(Error::io("open", path.join(ROOTFS)))?;
    unpack(image, root, spec, &workload.mounts)?;
    fs::write(place.temporary().join(CONFIG), config).map_err(Error::io("create", path.join(CONFIG)))?;

    let bundle = Bundle { path: path.to_owned(), spec: spec.clone(), workload, rootfs };
    if let Some(handler) = bundle.handler() {
        check_program(&bundle, handler)?;
    }
    place.take()?;
    let rootfs = super::rootfs(path, spec)?;
    Ok(Bundle { rootfs, ..bundle })
}

/// The root file system is written to one place; a configuration that names another would start without it.
fn check_root(spec: &Spec) -> Result<()> {
    match spec.root().as_ref().map(Root::path) {
        Some(root) if root == Path::new(ROOTFS) => Ok(()),
        root => {
            let root = root.map(|root| root.to_string_lossy()).unwrap_or_default();
            Err(Error::value("root.path", &root, "is not `rootfs`, where a bundle is written"))
        }
    }
}

/// The runtime would find out when the container starts, and say it worse.
fn check_program(bundle: &Bundle, handler: Handler) -> Result<()> {
    let mut preamble = Vec::new();
    let file = bundle.open_program()?;
    file.take(8).read_to_end(&mut preamble).map_err(|source| bundle.unreadable(source))?;
    let path = || bundle.workload.args[0].as_str().into();
    match Kind::of(&preamble) {
        Ok(Kind::Module) => Ok(()),
        Ok(Kind::Component) => Err(Error::Component { path: path(), handler }),
        Err(source) => Err(Error::NotWasm { path: path(), source: source.into() }),
    }
}
