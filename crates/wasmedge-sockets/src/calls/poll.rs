//! `poll_oneoff`: waiting for sockets, for what is none, and for clocks, all at once.

use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::{Duration, Instant},
};

use rustix::event::PollFlags;
use smallvec::SmallVec;
use wasmtime_wasi::p1::{WasiP1Ctx, wasi_snapshot_preview1 as preview1};
use wiggle::GuestMemory;

use super::{Parts, stat};
use crate::{
    errno::{Errno, Fault, Outcome, finish},
    memory::Memory,
    reactor::{Ready, Wanted},
    sockets::{Sockets, View, is_socket},
};

/// Also `epoll_oneoff`: WasmEdge asks the system for edges there, but registers every descriptor anew in each call, so
/// that what is ready is told each time.
pub(crate) async fn poll(
    mut parts: Parts<'_>,
    subscriptions: i32,
    events: i32,
    count: i32,
    out: i32,
) -> wasmtime::Result<i32> {
    let [at, events_at, number, out_at] = [subscriptions, events, count, out].map(i32::cast_unsigned);
    if let Err(errno) = check(&parts, at, events_at, number, out_at) {
        return Ok(errno.code());
    }
    match read(&parts.memory, at, number) {
        Ok(wanted) if is_ours(&wanted) => finish(poll_all(&mut parts, &wanted, events_at, out_at).await),
        // Also no subscriptions at all: it says what that is.
        _ => {
            let memory = &mut GuestMemory::Unshared(parts.memory.0);
            preview1::poll_oneoff(parts.view.wasi, memory, subscriptions, events, count, out).await
        }
    }
}

/// One thing that a guest waits for.
#[derive(Debug, Clone, Copy)]
struct Subscription {
    userdata: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Clock { id: u32, timeout: u64, flags: u16 },
    Read(u32),
    Write(u32),
    Unknown(u8),
}

impl Kind {
    fn tag(self) -> u8 {
        match self {
            Self::Clock { .. } => CLOCK,
            Self::Read(_) => READ,
            Self::Write(_) => WRITE,
            Self::Unknown(tag) => tag,
        }
    }
}

/// Everything is in the memory, and not more of it than may be.
fn check(parts: &Parts<'_>, at: u32, events: u32, count: u32, out: u32) -> Result<(), Errno> {
    let memory = &parts.memory;
    memory.place(at, count.checked_mul(SUBSCRIPTION).ok_or(Errno::FAULT)?, 8)?;
    memory.place(events, count.checked_mul(EVENT).ok_or(Errno::FAULT)?, 8)?;
    memory.place(out, 4, 4)?;
    if count > parts.view.sockets.limits.subscriptions { Err(Errno::NOMEM) } else { Ok(()) }
}

fn read(memory: &Memory<'_>, at: u32, count: u32) -> Result<Few<Subscription>, Errno> {
    let list = memory.bytes(at, count * SUBSCRIPTION)?;
    Ok(list.as_chunks().0.iter().map(Subscription::of).collect())
}

impl Subscription {
    fn of(bytes: &[u8; SUBSCRIPTION as usize]) -> Self {
        let long = |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let kind = match bytes[8] {
            CLOCK => Kind::Clock { id: long(16) as u32, timeout: long(24), flags: long(40) as u16 },
            READ => Kind::Read(long(16) as u32),
            WRITE => Kind::Write(long(16) as u32),
            tag => Kind::Unknown(tag),
        };
        Self { userdata: long(0), kind }
    }
}

/// Tells whether sockets are waited for, or nothing but clocks: a guest's runtime that gives way by a sleep of some
/// nanoseconds would else be put to sleep for as long as a timer takes at least.
fn is_ours(wanted: &[Subscription]) -> bool {
    let is_descriptor = |kind| matches!(kind, Kind::Read(_) | Kind::Write(_));
    let socket = |kind| matches!(kind, Kind::Read(fd) | Kind::Write(fd) if is_socket(fd));
    !wanted.is_empty()
        && (wanted.iter().any(|wanted| socket(wanted.kind))
            || !wanted.iter().any(|wanted| is_descriptor(wanted.kind)))
}

/// What is known of a subscription before anybody waits.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// It is so now.
    Event(Errno),
    /// It will be so then; `None` is never.
    Until(Option<Instant>),
    /// A side of a socket, which has this place among those that are waited for.
    Socket(usize, PollFlags),
    /// It is asked of wasmtime-wasi.
    Other,
}

async fn poll_all(parts: &mut Parts<'_>, wanted: &[Subscription], events: u32, out: u32) -> Outcome {
    let mut targets = Few::with_capacity(wanted.len());
    let mut polled = Polled::begin(parts.view.sockets);
    for wanted in wanted {
        targets.push(match wanted.kind {
            Kind::Clock { id, timeout, flags } => clock(&mut parts.view, id, timeout, flags)?,
            Kind::Read(fd) if is_socket(fd) => polled.add(parts.view.sockets, fd, PollFlags::IN),
            Kind::Write(fd) if is_socket(fd) => polled.add(parts.view.sockets, fd, PollFlags::OUT),
            Kind::Read(fd) | Kind::Write(fd) => descriptor(&mut parts.view, fd).await?,
            Kind::Unknown(_) => Target::Event(Errno::INVAL),
        });
    }
    let happened = wait(&mut parts.view, wanted, &targets, &polled).await?;
    let mut told: Few<_> = (0..wanted.len())
        .filter_map(|index| Some((polled.turn(parts.view.sockets, targets[index]), index, happened[index]?)))
        .collect();
    told.sort_unstable_by_key(|(turn, index, _)| (*turn, *index));
    let mut at = events;
    for (_, index, happened) in &told {
        parts.memory.set(at, &happened.event(&wanted[*index]))?;
        at += EVENT;
    }
    polled.told(parts.view.sockets, told.iter().map(|(_, index, _)| targets[*index]));
    Ok(parts.memory.set_u32(out, told.len() as u32)?)
}

/// The sockets that are waited for, each once: guests ask for both sides of one apart.
#[derive(Debug)]
struct Polled {
    /// The number of this poll.
    turn: u64,
    sockets: Few<(u32, PollFlags)>,
}

impl Polled {
    fn begin(sockets: &mut Sockets) -> Self {
        sockets.polls += 1;
        Self { turn: sockets.polls, sockets: Few::new() }
    }

    fn add(&mut self, sockets: &mut Sockets, fd: u32, side: PollFlags) -> Target {
        let polled = match sockets.get_mut(fd) {
            Ok(socket) => &mut socket.polled,
            Err(errno) => return Target::Event(errno),
        };
        if polled.0 != self.turn {
            *polled = (self.turn, self.sockets.len());
            self.sockets.push((fd, PollFlags::empty()));
        }
        let place = polled.1;
        let (_, sides) = &mut self.sockets[place];
        if sides.contains(side) {
            return Target::Event(Errno::EXIST);
        }
        sides.insert(side);
        Target::Socket(place, side)
    }

    /// What is told earlier than something else has a lower number. A guest serves its sockets in the order in which it is
    /// told: in one that is always the same those at its end would miss every other turn, so what the guest has not read
    /// from for longest comes first.
    fn turn(&self, sockets: &Sockets, target: Target) -> u64 {
        self.reads(target).and_then(|fd| sockets.get(fd).ok()).map_or(0, |socket| socket.told)
    }

    /// Remembers which sockets the guest will read from now.
    fn told(&self, sockets: &mut Sockets, targets: impl Iterator<Item = Target>) {
        for fd in targets.filter_map(|target| self.reads(target)) {
            if let Ok(socket) = sockets.get_mut(fd) {
                socket.told = self.turn;
            }
        }
    }

    fn reads(&self, target: Target) -> Option<u32> {
        match target {
            Target::Socket(place, PollFlags::IN) => Some(self.sockets[place].0),
            _ => None,
        }
    }

    fn wanted<'a>(&self, sockets: &'a Sockets) -> Result<Few<Wanted<'a>>, Errno> {
        let wanted = |(fd, sides): &(u32, PollFlags)| {
            let [read, write] = [PollFlags::IN, PollFlags::OUT].map(|side| sides.contains(side));
            Ok(Wanted { socket: &sockets.get(*fd)?.descriptor, read, write })
        };
        self.sockets.iter().map(wanted).collect()
    }
}

/// When a clock will have got there.
fn clock(view: &mut View<'_>, id: u32, timeout: u64, flags: u16) -> Outcome<Target> {
    if !matches!(id, REALTIME | MONOTONIC) || flags & !ABSOLUTE != 0 {
        return Ok(Target::Event(Errno::INVAL));
    }
    let mut timeout = Duration::from_nanos(timeout);
    if flags & ABSOLUTE != 0 {
        timeout = timeout.saturating_sub(now(view.wasi, id)?);
    }
    Ok(Target::Until(Instant::now().checked_add(timeout)))
}

/// What a clock of the guest shows.
fn now(wasi: &mut WasiP1Ctx, id: u32) -> Outcome<Duration> {
    let mut own = [0; 8];
    let memory = &mut GuestMemory::Unshared(&mut own);
    match preview1::clock_time_get(wasi, memory, id.cast_signed(), 0, 0)? {
        0 => Ok(Duration::from_nanos(u64::from_le_bytes(own))),
        errno => Err(Errno(errno as u16).into()),
    }
}

/// A descriptor that is no socket.
async fn descriptor(view: &mut View<'_>, fd: u32) -> Outcome<Target> {
    match stat(view, fd).await {
        Ok(REGULAR_FILE) => Ok(Target::Event(Errno::SUCCESS)),
        Ok(_) => Ok(Target::Other),
        Err(Fault::Errno(errno)) => Ok(Target::Event(errno)),
        Err(trap) => Err(trap),
    }
}

/// What came of a subscription.
#[derive(Debug, Clone, Copy)]
struct Happened {
    errno: Errno,
    /// That there will be nothing more.
    hangup: bool,
}

impl Happened {
    const READY: Self = Self { errno: Errno::SUCCESS, hangup: false };

    fn event(self, of: &Subscription) -> [u8; EVENT as usize] {
        let mut event = [0; EVENT as usize];
        event[..8].copy_from_slice(&of.userdata.to_le_bytes());
        event[8..10].copy_from_slice(&self.errno.0.to_le_bytes());
        event[10] = of.kind.tag();
        if self.errno == Errno::SUCCESS && event[10] != CLOCK {
            // WasmEdge does not count what can be read either.
            event[16] = 1;
            event[24] = self.hangup.into();
        }
        event
    }
}

/// Waits until something has happened, and tells what.
async fn wait(
    view: &mut View<'_>,
    wanted: &[Subscription],
    targets: &[Target],
    polled: &Polled,
) -> Outcome<Few<Option<Happened>>> {
    let sockets = polled.wanted(view.sockets)?;
    let reactor = &*view.sockets.reactor;
    let others = wanted.iter().zip(targets).filter(|(_, target)| matches!(target, Target::Other));
    let others: Vec<_> = others.map(|(wanted, _)| *wanted).collect();
    let mut others = pin!(ask_others(view.wasi, &others));
    let mut answer = poll_once(others.as_mut()).await.transpose()?;
    loop {
        let rest = rest(targets);
        let is_over = answer.is_some() || rest.is_some_and(|rest| rest <= AT_ONCE);
        let ready = if is_over {
            Ready::now(&sockets)
        } else {
            // The system is asked once for what there is and for what comes.
            let mut ready = reactor.wait(&sockets, rest);
            let either = poll_fn(|cx| match others.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Err(answer)),
                Poll::Pending => ready.as_mut().poll(cx).map(Ok),
            });
            match either.await {
                Ok(ready) => ready,
                Err(others) => {
                    answer = Some(others?);
                    continue;
                }
            }
        };
        let happened = happened(targets, &ready, answer.as_deref());
        if happened.iter().any(Option::is_some) {
            return Ok(happened);
        }
    }
}

/// How long it is to the first of what is known to come.
fn rest(targets: &[Target]) -> Option<Duration> {
    let rests = targets.iter().filter_map(|target| match target {
        Target::Event(_) => Some(Duration::ZERO),
        Target::Until(until) => until.map(|until| until.saturating_duration_since(Instant::now())),
        Target::Socket(..) | Target::Other => None,
    });
    rests.min()
}

fn happened(targets: &[Target], ready: &Ready, others: Option<&[Option<Happened>]>) -> Few<Option<Happened>> {
    let now = Instant::now() + AT_ONCE;
    let mut others = others.unwrap_or_default().iter();
    let mut one = |target: &Target| match *target {
        Target::Event(errno) => Some(Happened { errno, hangup: false }),
        Target::Until(until) => until.is_some_and(|until| until <= now).then_some(Happened::READY),
        Target::Socket(place, side) => socket(ready.of(place), side),
        Target::Other => others.next().copied().flatten(),
    };
    targets.iter().map(&mut one).collect()
}

/// An error is something to read and to write: whoever does so is told, while an error here would end guests that take
/// it for one of the whole call.
fn socket(flags: PollFlags, side: PollFlags) -> Option<Happened> {
    let over = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    let hangup = flags.contains(PollFlags::HUP);
    flags.intersects(side | over).then_some(Happened { errno: Errno::SUCCESS, hangup })
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Asks wasmtime-wasi about descriptors that are its own, in a memory that has nothing else; without any it never ends.
async fn ask_others(wasi: &mut WasiP1Ctx, others: &[Subscription]) -> Outcome<Vec<Option<Happened>>> {
    if others.is_empty() {
        return pending().await;
    }
    let count = others.len() as u32;
    let [events, out] = [count * SUBSCRIPTION, count * (SUBSCRIPTION + EVENT)];
    let mut own = vec![0; out as usize + 4];
    for (index, other) in others.iter().enumerate() {
        let at = index * SUBSCRIPTION as usize;
        own[at..at + 8].copy_from_slice(&(index as u64).to_le_bytes());
        own[at + 8] = other.kind.tag();
        if let Kind::Read(fd) | Kind::Write(fd) = other.kind {
            own[at + 16..at + 20].copy_from_slice(&fd.to_le_bytes());
        }
    }
    let memory = &mut GuestMemory::Unshared(&mut own);
    let [events_at, number, out_at] = [events, count, out].map(u32::cast_signed);
    let errno = preview1::poll_oneoff(wasi, memory, 0, events_at, number, out_at).await?;
    if errno != 0 {
        let happened = Happened { errno: Errno(errno as u16), hangup: false };
        return Ok(vec![Some(happened); others.len()]);
    }
    let own = Memory(&mut own);
    let mut happened = vec![None; others.len()];
    for index in 0..own.u32(out)? {
        let at = events + index * EVENT;
        let errno = Errno(own.u16(at + 8)?);
        let of = own.u64(at)? as usize;
        happened[of] = Some(Happened { errno, hangup: own.u16(at + 24)? & 1 != 0 });
    }
    Ok(happened)
}

/// A list that is allocated only if it is long: guests look for what there is several times for each answer.
type Few<T> = SmallVec<[T; 8]>;

const SUBSCRIPTION: u32 = 48;
const EVENT: u32 = 32;

const CLOCK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;

const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;
const ABSOLUTE: u16 = 1;

const REGULAR_FILE: u8 = 4;

/// A time that is over before anybody could go to sleep. `mio_wasi` waits for 10 ns to look and return.
const AT_ONCE: Duration = Duration::from_micros(1);
