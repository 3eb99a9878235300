use std::{
    future::{Future, ready},
    pin::pin,
    sync::Arc,
};

use wasmtime::{Caller, ExternType, InstancePre, Linker, Module, ModuleExport};

use crate::{
    address::Version::{V1, V2},
    calls::{
        self, Parts,
        connection::{
            self,
            End::{Local, Peer},
        },
        data, descriptor, option, poll, resolve,
    },
    errno::finish,
    imports::{MODULE, params},
    sockets::SocketsView,
};

/// Links a module with WasmEdge's sockets, and with what a linker has: preview 1, above all.
///
/// The linker stays as it is. What it has under the names of the functions that are also asked about sockets (`fd_close`,
/// `fd_fdstat_get`, `fd_fdstat_set_flags`, `fd_filestat_get`, `fd_read`, `fd_renumber`, `fd_write`, `poll_oneoff` and
/// those of preview 1 that begin with `sock_`), and of `clock_time_get`, which servers call for each answer, is not
/// called: for what is no socket these call wasmtime-wasi's own.
///
/// # Errors
///
/// [`Error`] when the module cannot run with sockets, and why.
pub fn link<T: SocketsView + 'static>(linker: &Linker<T>, module: &Module) -> Result<InstancePre<T>, Error> {
    link_as(linker, module, false)
}

/// Links a module whose guests have their threads for themselves, as in a process for each guest.
///
/// The same as [`link`], but for `sock_recv` and `sock_send`: those keep the thread until they are done, by
/// [`Reactor::block_on`](crate::Reactor::block_on), and cost a guest that needs not wait no future. A busy server answers
/// about a twentieth more, of which a part is there also with [`link`] as long as its sockets do not block.
///
/// The guest still has to be called by `call_async`, and whoever drops that future meets a guest that waits in these two
/// functions only when they return: the reactor has to end such a wait. [`Reactor`](crate::Reactor) shows one.
///
/// # Errors
///
/// As [`link`].
pub fn link_blocking<T: SocketsView + 'static>(
    linker: &Linker<T>,
    module: &Module,
) -> Result<InstancePre<T>, Error> {
    link_as(linker, module, true)
}

fn link_as<T: SocketsView + 'static>(
    linker: &Linker<T>,
    module: &Module,
    blocking: bool,
) -> Result<InstancePre<T>, Error> {
    check(module.get_export(MEMORY))?;
    let memory = module.get_export_index(MEMORY).ok_or(Error::NoMemory)?;
    let mut linker = linker.clone();
    linker.allow_shadowing(true);
    let linked = |error: wasmtime::Error| Error::Link { source: error.into() };
    sockets(&mut linker, memory).map_err(linked)?;
    streams(&mut linker, memory, blocking).map_err(linked)?;
    variants(&mut linker, module, memory)?;
    descriptors(&mut linker, memory).map_err(linked)?;
    linker.instantiate_pre(module).map_err(linked)
}

/// Why a module cannot be linked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The functions work on the memory that the module exports by this name, and there is none.
    #[error("the module exports no memory by the name `memory`")]
    NoMemory,
    /// The module's memory belongs to several threads.
    #[error("the memory of the module is shared between threads")]
    SharedMemory,
    /// A function is imported by both of its types; each name can be linked once.
    #[error("the module imports {name} by both of its types")]
    BothTypes {
        /// The function.
        name: &'static str,
    },
    /// The linker lacks something.
    #[error("the module cannot be linked")]
    Link {
        /// What wasmtime says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Whether the functions can work on what the module exports as `memory`.
fn check(memory: Option<ExternType>) -> Result<(), Error> {
    match memory {
        Some(ExternType::Memory(memory)) if memory.is_shared() => Err(Error::SharedMemory),
        Some(ExternType::Memory(_)) => Ok(()),
        _ => Err(Error::NoMemory),
    }
}

/// Defines one function: the memory that it works on, its name, its parameters, and what is called with them.
macro_rules! define {
    ($linker:ident, $memory:ident, $name:literal, ($($param:ident),*), $call:path $(, $given:expr)?) => {
        $linker.func_wrap_async(
            MODULE,
            $name,
            move |mut caller: Caller<'_, T>, ($($param,)*): ($(define!(@i32 $param),)*)| {
                Box::new(define!(@future caller, $memory, $call, ($($given,)? $($param.cast_unsigned()),*)))
            },
        )?;
    };
    (@future $caller:ident, $memory:ident, $call:path, ($($argument:expr),*)) => {
        async move {
            let mut parts = Parts::of(&mut $caller, &$memory)?;
            parts.give_way().await;
            finish($call(parts, $($argument),*).await)
        }
    };
    (@i32 $param:ident) => { i32 };
}

/// Defines one function that seldom has to wait: what is called first leaves it to the second, if it has to. To
/// make a future for each call costs more than all else that the host does beside the system's part.
macro_rules! define_quick {
    ($linker:ident, $memory:ident, $blocking:ident, $name:ident, ($($param:ident),*), $now:path, $call:path) => {
        let now = move |caller: &mut Caller<'_, T>, $($param: define!(@i32 $param)),*| {
            let outcome = $now(Parts::of(caller, &$memory)?, $($param.cast_unsigned()),*);
            outcome.map(finish).transpose()
        };
        if $blocking {
            $linker.func_wrap(
                MODULE,
                $name,
                move |mut caller: Caller<'_, T>, $($param: define!(@i32 $param)),*| {
                    if let Some(errno) = now(&mut caller, $($param),*)? {
                        return Ok(errno);
                    }
                    let reactor = Arc::clone(&caller.data_mut().sockets().sockets.reactor);
                    let call = define!(@future caller, $memory, $call, ($($param.cast_unsigned()),*));
                    reactor.block_on(pin!(call))
                },
            )?;
        } else {
            $linker.func_wrap_async(
                MODULE,
                $name,
                move |mut caller: Caller<'_, T>, ($($param,)*): ($(define!(@i32 $param),)*)| -> Answer<'_> {
                    match now(&mut caller, $($param),*).transpose() {
                        Some(answer) => Box::new(ready(answer)),
                        None => {
                            Box::new(define!(@future caller, $memory, $call, ($($param.cast_unsigned()),*)))
                        }
                    }
                },
            )?;
        }
    };
}

/// What wasmtime waits for.
type Answer<'a> = Box<dyn Future<Output = wasmtime::Result<i32>> + Send + 'a>;

/// Those that have one type, in both of their versions.
fn sockets<T: SocketsView + 'static>(linker: &mut Linker<T>, memory: ModuleExport) -> wasmtime::Result<()> {
    define!(linker, memory, "sock_open", (family, kind, out), connection::open);
    define!(linker, memory, "sock_open_v2", (family, kind, out), connection::open);
    define!(linker, memory, "sock_bind", (fd, address, port), connection::bind, V1);
    define!(linker, memory, "sock_bind_v2", (fd, address, port), connection::bind, V2);
    define!(linker, memory, "sock_listen", (fd, backlog), connection::listen);
    define!(linker, memory, "sock_listen_v2", (fd, backlog), connection::listen);
    define!(linker, memory, "sock_accept_v2", (fd, flags, out), connection::accept_with);
    define!(linker, memory, "sock_connect", (fd, address, port), connection::connect, V1);
    define!(linker, memory, "sock_connect_v2", (fd, address, port), connection::connect, V2);
    define!(linker, memory, "sock_shutdown", (fd, how), connection::shutdown);
    define!(linker, memory, "sock_getlocaladdr_v2", (fd, address, port), connection::name_v2, Local);
    define!(linker, memory, "sock_getpeeraddr_v2", (fd, address, port), connection::name_v2, Peer);
    define!(
        linker,
        memory,
        "sock_recv_from_v2",
        (fd, list, count, address, flags, port, out, out_flags),
        data::receive_from_v2
    );
    define!(linker, memory, "sock_send_to", (fd, list, count, address, port, flags, out), data::send_to, V1);
    define!(
        linker,
        memory,
        "sock_send_to_v2",
        (fd, list, count, address, port, flags, out),
        data::send_to,
        V2
    );
    define!(linker, memory, "sock_getsockopt", (fd, level, name, value, size), option::get);
    define!(linker, memory, "sock_setsockopt", (fd, level, name, value, length), option::set);
    define!(
        linker,
        memory,
        "sock_getaddrinfo",
        (node, node_length, service, service_length, hints, list, most, out),
        resolve::addresses
    );
    Ok(())
}

/// Those of which a busy server calls several for each answer.
fn streams<T: SocketsView + 'static>(
    linker: &mut Linker<T>,
    memory: ModuleExport,
    blocking: bool,
) -> wasmtime::Result<()> {
    for (receive, send) in [("sock_recv", "sock_send"), ("sock_recv_v2", "sock_send_v2")] {
        define_quick!(
            linker,
            memory,
            blocking,
            receive,
            (fd, list, count, flags, out, out_flags),
            data::receive_now,
            data::receive
        );
        define_quick!(
            linker,
            memory,
            blocking,
            send,
            (fd, list, count, flags, out),
            data::send_now,
            data::send
        );
    }
    Ok(())
}

/// Those whose version is told by the type of the import, as WasmEdge does it.
fn variants<T: SocketsView + 'static>(
    linker: &mut Linker<T>,
    module: &Module,
    memory: ModuleExport,
) -> Result<(), Error> {
    let is_second = |name: &'static str, first: usize, second: usize| {
        let has = |number| {
            let is_it = |import: wasmtime::ImportType<'_>| {
                import.module() == MODULE && import.name() == name && params(&import.ty()) == Some(number)
            };
            module.imports().any(is_it)
        };
        match (has(first), has(second)) {
            (true, true) => Err(Error::BothTypes { name }),
            (_, second) => Ok(second),
        }
    };
    let second = [
        is_second("sock_accept", 2, 3)?,
        is_second("sock_recv_from", 7, 8)?,
        is_second("sock_getlocaladdr", 4, 3)?,
        is_second("sock_getpeeraddr", 4, 3)?,
    ];
    define_variants(linker, memory, second).map_err(|error| Error::Link { source: error.into() })
}

fn define_variants<T: SocketsView + 'static>(
    linker: &mut Linker<T>,
    memory: ModuleExport,
    [accept, receive, local, peer]: [bool; 4],
) -> wasmtime::Result<()> {
    if accept {
        define!(linker, memory, "sock_accept", (fd, flags, out), connection::accept_with);
    } else {
        define!(linker, memory, "sock_accept", (fd, out), connection::accept);
    }
    if receive {
        define!(
            linker,
            memory,
            "sock_recv_from",
            (fd, list, count, address, flags, port, out, out_flags),
            data::receive_from_v2
        );
    } else {
        define!(
            linker,
            memory,
            "sock_recv_from",
            (fd, list, count, address, flags, out, out_flags),
            data::receive_from_v1
        );
    }
    if local {
        define!(linker, memory, "sock_getlocaladdr", (fd, address, port), connection::name_v2, Local);
    } else {
        define!(linker, memory, "sock_getlocaladdr", (fd, address, kind, port), connection::name_v1, Local);
    }
    if peer {
        define!(linker, memory, "sock_getpeeraddr", (fd, address, port), connection::name_v2, Peer);
    } else {
        define!(linker, memory, "sock_getpeeraddr", (fd, address, kind, port), connection::name_v1, Peer);
    }
    Ok(())
}

/// Defines one function that is asked about sockets and about files, in the types of wasmtime-wasi.
macro_rules! share {
    ($linker:ident, $memory:ident, $name:literal, ($($param:ident),*), $call:path) => {
        $linker.func_wrap_async(
            MODULE,
            $name,
            move |mut caller: Caller<'_, T>, ($($param,)*): ($(define!(@i32 $param),)*)| {
                Box::new(async move {
                    let mut parts = Parts::of(&mut caller, &$memory)?;
                    parts.give_way().await;
                    $call(parts, $($param),*).await
                })
            },
        )?;
    };
}

fn descriptors<T: SocketsView + 'static>(
    linker: &mut Linker<T>,
    memory: ModuleExport,
) -> wasmtime::Result<()> {
    share!(linker, memory, "fd_close", (fd), descriptor::close);
    share!(linker, memory, "fd_fdstat_get", (fd, out), descriptor::stat);
    share!(linker, memory, "fd_filestat_get", (fd, out), descriptor::file_stat);
    share!(linker, memory, "fd_read", (fd, list, count, out), descriptor::read);
    share!(linker, memory, "fd_renumber", (from, to), descriptor::renumber);
    share!(linker, memory, "fd_write", (fd, list, count, out), descriptor::write);
    share!(linker, memory, "poll_oneoff", (subscriptions, events, count, out), poll::poll);
    share!(linker, memory, "epoll_oneoff", (subscriptions, events, count, out), poll::poll);
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        move |mut caller: Caller<'_, T>, id: i32, precision: i64, out: i32| {
            calls::clock_time(Parts::of(&mut caller, &memory)?, id, precision, out)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_fdstat_set_flags",
        move |mut caller: Caller<'_, T>, fd: i32, flags: i32| {
            descriptor::set_flags(Parts::of(&mut caller, &memory)?, fd, flags)
        },
    )?;
    Ok(())
}

const MEMORY: &str = "memory";

#[cfg(test)]
mod tests {
    use wasmtime::MemoryType;

    use super::*;

    /// Here, because wasmtime compiles such a module with its feature `threads` alone.
    #[test]
    fn a_shared_memory_is_refused() {
        assert!(check(Some(MemoryType::new(1, None).into())).is_ok());
        assert!(check(Some(MemoryType::new64(1, None).into())).is_ok());
        let error = check(Some(MemoryType::shared(1, 1).into())).unwrap_err();
        assert_eq!(error.to_string(), "the memory of the module is shared between threads");
    }
}
