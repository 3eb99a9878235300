use std::{collections::BTreeSet, fmt, sync::Arc};

use wasmtime::component::Resource;
use wasmtime_wasi::{WasiView, p1::WasiP1Ctx};

use crate::{
    errno::{Errno, Fault, Outcome},
    policy::Policy,
    reactor::Reactor,
    socket::Socket,
};

/// The sockets of one guest, with what it may do: what an embedder keeps in the store beside the
/// [`WasiP1Ctx`].
///
/// ```
/// use wasmedge_sockets::{Host, Limits, Network, Rule, Sockets, TokioReactor};
///
/// let sockets = Sockets::new(Network::Allow(vec![Rule::listen(Host::Any).port(8080)]), TokioReactor::default())
///     .limits(Limits::default().sockets(100));
/// assert_eq!(sockets.open(), 0);
/// ```
pub struct Sockets {
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) reactor: Arc<dyn Reactor>,
    pub(crate) limits: Limits,
    pub(crate) nodelay: bool,
    pub(crate) swapped_ports: bool,
    /// The bytes that the guest has asked the system to buffer.
    pub(crate) buffered: usize,
    table: Vec<Option<Entry>>,
    free: BTreeSet<u32>,
    /// How many calls there were since the guest last gave way.
    busy: u32,
    /// How many polls there were.
    pub(crate) polls: u64,
}

struct Entry {
    socket: Socket,
    /// A place in the table that also counts files.
    handle: Resource<Handle>,
}

/// What stands for a socket in the table of `wasmtime_wasi`.
struct Handle;

/// What the functions work on, in the data of an embedder's store.
#[non_exhaustive]
pub struct View<'a> {
    /// The sockets.
    pub sockets: &'a mut Sockets,
    /// All that is no socket.
    pub wasi: &'a mut WasiP1Ctx,
}

impl<'a> View<'a> {
    /// Says where both are.
    #[must_use]
    pub fn new(sockets: &'a mut Sockets, wasi: &'a mut WasiP1Ctx) -> Self {
        Self { sockets, wasi }
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets")
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .field("open", &self.open())
            .finish_non_exhaustive()
    }
}

/// The data of a store with sockets.
///
/// A guest may wait for standard input together with its sockets: what is behind
/// [`WasiCtxBuilder::stdin`](wasmtime_wasi::WasiCtxBuilder::stdin) has to be something that can be waited for without
/// blocking the thread.
pub trait SocketsView: Send {
    /// Returns the sockets and the rest of preview 1.
    fn sockets(&mut self) -> View<'_>;
}

impl Sockets {
    /// Makes a guest's sockets: what it may do, and how it waits.
    pub fn new(policy: impl Policy + 'static, reactor: impl Reactor + 'static) -> Self {
        Self::shared(Arc::new(policy), Arc::new(reactor))
    }

    /// The same, with what many guests have in common.
    #[must_use]
    pub fn shared(policy: Arc<dyn Policy>, reactor: Arc<dyn Reactor>) -> Self {
        Self {
            policy,
            reactor,
            limits: Limits::default(),
            nodelay: true,
            swapped_ports: false,
            buffered: 0,
            table: Vec::new(),
            free: BTreeSet::new(),
            busy: 0,
            polls: 0,
        }
    }

    /// Sets the limits. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sends what a guest writes to a TCP connection at once (`TCP_NODELAY`). Default: yes.
    ///
    /// The ABI has no such option, and the HTTP servers that use it write head and body apart: with the system's default
    /// each answer on a connection that is kept waits for an acknowledgement, about 40 ms.
    #[must_use]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Writes the port that `sock_recv_from` returns as WasmEdge does: 16 bits in network order, the other 16 of the
    /// guest's variable untouched. Default: no, 32 bits in the host's order, as all other functions do.
    #[must_use]
    pub fn swapped_ports(mut self, swapped: bool) -> Self {
        self.swapped_ports = swapped;
        self
    }

    /// Returns how many sockets are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.table.len() - self.free.len()
    }

    pub(crate) fn get(&self, fd: u32) -> Result<&Socket, Errno> {
        let entry = self.table.get(index(fd).ok_or(Errno::BADF)?);
        entry.and_then(Option::as_ref).map(|entry| &entry.socket).ok_or(Errno::BADF)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Result<&mut Socket, Errno> {
        let entry = self.table.get_mut(index(fd).ok_or(Errno::BADF)?);
        entry.and_then(Option::as_mut).map(|entry| &mut entry.socket).ok_or(Errno::BADF)
    }

    /// Counts a call, until it is time to let others have the thread: a guest that always finds something ready would
    /// otherwise keep it.
    pub(crate) fn goes_on(&mut self) -> bool {
        let goes_on = self.busy < CALLS_IN_A_ROW;
        self.busy += u32::from(goes_on);
        goes_on
    }

    /// The same; if it is time, the next calls are counted anew.
    pub(crate) fn gives_way(&mut self) -> bool {
        let gives_way = !self.goes_on();
        if gives_way {
            self.busy = 0;
        }
        gives_way
    }
}

impl View<'_> {
    /// Tells whether one more socket may be opened, before the system is asked for it.
    pub(crate) fn has_room(&self) -> Result<(), Errno> {
        if self.sockets.open() < self.sockets.limits.sockets { Ok(()) } else { Err(Errno::MFILE) }
    }

    /// Puts a socket into the table, at the lowest place that is free.
    pub(crate) fn insert(&mut self, socket: Socket) -> Outcome<u32> {
        let handle = self.wasi.ctx().table.push(Handle).map_err(|error| Fault::Trap(error.into()))?;
        let entry = Some(Entry { socket, handle });
        let index = match self.sockets.free.pop_first() {
            Some(index) => index,
            None => {
                self.sockets.table.push(None);
                self.sockets.table.len() as u32 - 1
            }
        };
        self.sockets.table[index as usize] = entry;
        Ok(FIRST + index)
    }

    /// Closes a socket.
    pub(crate) fn remove(&mut self, fd: u32) -> Result<(), Errno> {
        self.sockets.get(fd)?;
        let Some(index) = index(fd) else { return Err(Errno::BADF) };
        let Some(entry) = self.sockets.table[index].take() else { return Err(Errno::BADF) };
        self.sockets.free.insert(index as u32);
        self.sockets.buffered -= entry.socket.buffered();
        // A table from which it has gone holds one less.
        let _ = self.wasi.ctx().table.delete(entry.handle);
        Ok(())
    }

    /// Puts a socket in the place of another one, which is closed.
    pub(crate) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.sockets.get(from)?;
        self.sockets.get(to)?;
        let (Some(old), Some(new)) = (index(from), index(to)) else { return Err(Errno::BADF) };
        if old != new {
            self.sockets.table.swap(old, new);
            self.remove(from)?;
        }
        Ok(())
    }
}

/// Tells whether a descriptor is a socket, or would be one: wasmtime-wasi counts up from 0 and never gets here.
pub(crate) fn is_socket(fd: u32) -> bool {
    fd >= FIRST
}

fn index(fd: u32) -> Option<usize> {
    fd.checked_sub(FIRST).map(|index| index as usize)
}

/// The first descriptor that is a socket. It is positive as an `i32`, which libraries in guests take it for.
const FIRST: u32 = 0x4000_0000;

/// How many calls a guest makes before it gives way, if it never waits.
const CALLS_IN_A_ROW: u32 = 128;

/// How much of the host the sockets of one guest may use.
///
/// ```
/// use wasmedge_sockets::Limits;
///
/// let limits = Limits::default().sockets(10);
/// assert_eq!((limits.sockets, limits.subscriptions, limits.buffered), (10, 4096, 16 << 20));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many sockets may be open at once; one more is `EMFILE`. Each of them also has a place in the
    /// [`ResourceTable`](wasmtime_wasi::ResourceTable) of the `WasiP1Ctx`; if that is full the guest is ended by a trap,
    /// as when it opens a file. Default: 1,024.
    pub sockets: usize,
    /// How much it may wait for in one call; more is `ENOMEM`. Default: 4,096.
    pub subscriptions: u32,
    /// How many bytes it may ask the system to buffer for it (`SO_SNDBUF`, `SO_RCVBUF`), all sockets together; more is
    /// `ENOBUFS`. What the system buffers by itself is not counted. Default: 16 MiB.
    pub buffered: usize,
}

impl Limits {
    /// Limits the open sockets.
    #[must_use]
    pub fn sockets(mut self, sockets: usize) -> Self {
        self.sockets = sockets;
        self
    }

    /// Limits what is waited for in one call.
    #[must_use]
    pub fn subscriptions(mut self, subscriptions: u32) -> Self {
        self.subscriptions = subscriptions;
        self
    }

    /// Limits the bytes that a guest asks the system to buffer.
    #[must_use]
    pub fn buffered(mut self, bytes: usize) -> Self {
        self.buffered = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { sockets: 1024, subscriptions: 4096, buffered: 16 << 20 }
    }
}
