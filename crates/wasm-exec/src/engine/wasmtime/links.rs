//! What components import, and where it is not as wasmtime-wasi has it.

use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::{
    filesystem::Descriptor,
    p2::bindings::{
        filesystem::types::{
            DescriptorFlags, DescriptorType, ErrorCode as FileError, HostDescriptor, OpenFlags, PathFlags,
        },
        sockets::{
            ip_name_lookup::{Host as _, ResolveAddressStream},
            network::{ErrorCode as NetworkError, Network},
        },
    },
    sockets::WasiSocketsView,
};

use super::state::State;

/// Links WASI 0.2 and its HTTP; once for each engine that meets a component.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    linker.allow_shadowing(true);
    open_no_special_files(&mut linker)?;
    look_up_what_is_allowed(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// FIFOs, devices and sockets could keep whoever opens them waiting for ever: see `special`.
fn open_no_special_files(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(&of("wasi:filesystem/types"))?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>, args: OpenArgs| {
            Box::new(async move {
                let (dir, follow, path, open, flags) = args;
                let may = store.data().may_open_special_files();
                let mut files = wasmtime_wasi::filesystem::WasiFilesystemView::filesystem(store.data_mut());
                if !may {
                    let found = files.stat_at(borrow(&dir), follow, path.clone()).await;
                    if found.is_ok_and(|stat| is_special(stat.type_)) {
                        return Ok((Err(FileError::Access),));
                    }
                }
                match files.open_at(dir, follow, path, open, flags).await {
                    Ok(opened) => Ok((Ok(opened),)),
                    Err(error) => Ok((Err(error.downcast()?),)),
                }
            })
        },
    )
}

type OpenArgs = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

fn is_special(ty: DescriptorType) -> bool {
    !matches!(ty, DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink)
}

/// wasmtime-wasi allows all names or none.
fn look_up_what_is_allowed(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(&of("wasi:sockets/ip-name-lookup"))?.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, State>, (network, name): (Resource<Network>, String)| {
            if !store.data().policy().may_look_up(&name) {
                return Ok((Err(NetworkError::AccessDenied),));
            }
            match store.data_mut().sockets().resolve_addresses(network, name) {
                Ok(found) => Ok((Ok::<Resource<ResolveAddressStream>, _>(found),)),
                Err(error) => Ok((Err(error.downcast()?),)),
            }
        },
    )
}

fn borrow(descriptor: &Resource<Descriptor>) -> Resource<Descriptor> {
    Resource::new_borrow(descriptor.rep())
}

/// The name under which wasmtime-wasi links an interface.
fn of(interface: &str) -> String {
    format!("{interface}@{RELEASE}")
}

/// The release of WASI that wasmtime 48 has; to shadow a function of another one would shadow nothing, which a test
/// would see.
const RELEASE: &str = "0.2.12";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports;

    /// Something that each interface has, in the order of the import check's list.
    const PARTS: &[&str] = &[
        "get-environment",
        "exit",
        "get-stderr",
        "get-stdin",
        "get-stdout",
        "terminal-input",
        "terminal-output",
        "get-terminal-stderr",
        "get-terminal-stdin",
        "get-terminal-stdout",
        "now",
        "now",
        "get-directories",
        "descriptor",
        "handle",
        "fields",
        "error",
        "poll",
        "input-stream",
        "get-insecure-random-bytes",
        "insecure-seed",
        "get-random-bytes",
        "instance-network",
        "resolve-addresses",
        "network",
        "tcp-socket",
        "create-tcp-socket",
        "udp-socket",
        "create-udp-socket",
    ];

    #[test]
    fn the_import_check_knows_what_is_linked() {
        let mut linker = linker(&wasmtime::Engine::default()).unwrap();
        let mut has = |interface: &str, part: &str| {
            // What is there cannot be defined once more.
            let mut instance = linker.instance(&of(interface)).unwrap();
            instance.func_wrap(part, |_, (): ()| Ok(())).is_err()
        };
        assert_eq!(imports::PREVIEW2.len(), PARTS.len());
        for (interface, part) in imports::PREVIEW2.iter().zip(PARTS) {
            assert!(has(interface, part), "{interface} {part}");
            assert!(!has(interface, "leap"));
        }
    }

    #[test]
    fn what_is_shadowed_is_there() {
        let engine = wasmtime::Engine::default();
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        // Without shadowing, a second definition of the same name is an error.
        assert!(open_no_special_files(&mut linker).is_err());
        assert!(look_up_what_is_allowed(&mut linker).is_err());
    }
}
