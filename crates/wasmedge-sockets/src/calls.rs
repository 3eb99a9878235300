//! The functions themselves: what a guest gives, what is done, what it gets.

use std::{future::poll_fn, task::Poll};

use wasmtime::{AsContextMut, Caller, Extern, ModuleExport};
use wasmtime_wasi::p1::wasi_snapshot_preview1::{self as preview1, WasiSnapshotPreview1};
use wiggle::GuestMemory;

use crate::{
    errno::{Errno, Fault, Outcome},
    memory::Memory,
    socket::Kind,
    sockets::{SocketsView, View},
};

pub(crate) mod connection;
pub(crate) mod data;
pub(crate) mod descriptor;
pub(crate) mod option;
pub(crate) mod poll;
pub(crate) mod resolve;

/// What a function works on.
pub(crate) struct Parts<'a> {
    pub(crate) memory: Memory<'a>,
    pub(crate) view: View<'a>,
}

impl<'a> Parts<'a> {
    /// Finds the memory of whoever calls, by its place in the module, and what belongs to it.
    pub(crate) fn of<T: SocketsView>(
        caller: &'a mut Caller<'_, T>,
        memory: &ModuleExport,
    ) -> wasmtime::Result<Self> {
        let fuel = caller.as_context_mut().hostcall_fuel();
        let Some(Extern::Memory(memory)) = caller.get_module_export(memory) else {
            // The words are those of the functions that are not ours.
            wasmtime::bail!("missing required memory export");
        };
        let (memory, data) = memory.data_and_store_mut(caller);
        let view = data.sockets();
        view.wasi.set_hostcall_fuel(fuel);
        Ok(Self { memory: Memory(memory), view })
    }

    /// Tells whether what is sent and received on a descriptor is a matter of one call to the system: the socket is one
    /// of a connection that the guest does not wait for. Datagrams are asked about.
    pub(crate) fn answers_at_once(&mut self, fd: u32) -> bool {
        let sockets = &mut self.view.sockets;
        sockets.get(fd).is_ok_and(|socket| socket.nonblocking && socket.kind == Kind::Stream)
            && sockets.goes_on()
    }

    /// Lets others have the thread now and then.
    pub(crate) async fn give_way(&mut self) {
        if self.view.sockets.gives_way() {
            let mut gave_way = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut gave_way, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }

    /// Tells what is wrong with a descriptor that is no socket.
    pub(crate) async fn no_socket(&mut self, fd: u32) -> Fault {
        match stat(&mut self.view, fd).await {
            Ok(_) => Errno::NOTSOCK.into(),
            Err(fault) => fault,
        }
    }
}

/// `clock_time_get`: wasmtime-wasi's own, which finds the memory by its name in each call where it is linked.
pub(crate) fn clock_time(parts: Parts<'_>, id: i32, precision: i64, out: i32) -> wasmtime::Result<i32> {
    let memory = &mut GuestMemory::Unshared(parts.memory.0);
    preview1::clock_time_get(parts.view.wasi, memory, id, precision, out)
}

/// Returns the file type of a descriptor that is no socket.
async fn stat(view: &mut View<'_>, fd: u32) -> Outcome<u8> {
    let mut own = [0; FDSTAT];
    let memory = &mut GuestMemory::Unshared(&mut own);
    match preview1::fd_fdstat_get(view.wasi, memory, fd.cast_signed(), 0).await? {
        0 => Ok(own[0]),
        errno => Err(Errno(errno as u16).into()),
    }
}

/// The size of what describes a descriptor.
const FDSTAT: usize = 24;
