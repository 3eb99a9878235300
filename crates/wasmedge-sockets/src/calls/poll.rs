//! `poll_oneoff`: waiting for sockets, for what is none, and for clocks, all at once.

use std::{
    collections::BTreeSet,
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::{Duration, Instant},
};

use rustix::event::PollFlags;
use wasmtime_wasi::p1::{WasiP1Ctx, wasi_snapshot_preview1 as preview1};
use wiggle::GuestMemory;

use super::{Parts, stat};
use crate::{
    errno::{Errno, Fault, Outcome, finish},
    memory::Memory,
    reactor::{Wanted, ready},
    sockets::{View, is_socket},
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

fn read(memory: &Memory<'_>, at: u32, count: u32) -> Result<Vec<Subscription>, Errno> {
    let one = |index| {
        let at = at + index * SUBSCRIPTION;
        let kind = match memory.u8(at + 8)? {
            CLOCK => {
                let [id, timeout, flags] = [16, 24, 40].map(|offset| at + offset);
                Kind::Clock { id: memory.u32(id)?, timeout: memory.u64(timeout)?, flags: memory.u16(flags)? }
            }
            READ => Kind::Read(memory.u32(at + 16)?),
            WRITE => Kind::Write(memory.u32(at + 16)?),
            tag => Kind::Unknown(tag),
        };
        Ok(Subscription { userdata: memory.u64(at)?, kind })
    };
    (0..count).map(one).collect()
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
    Socket(u32, bool),
    /// It is asked of wasmtime-wasi.
    Other,
}

async fn poll_all(parts: &mut Parts<'_>, wanted: &[Subscription], events: u32, out: u32) -> Outcome {
    let mut targets = Vec::with_capacity(wanted.len());
    let mut seen = BTreeSet::new();
    for wanted in wanted {
        targets.push(match wanted.kind {
            Kind::Clock { id, timeout, flags } => clock(&mut parts.view, id, timeout, flags).await?,
            Kind::Read(fd) => descriptor(&mut parts.view, fd, true, &mut seen).await?,
            Kind::Write(fd) => descriptor(&mut parts.view, fd, false, &mut seen).await?,
            Kind::Unknown(_) => Target::Event(Errno::INVAL),
        });
    }
    let happened = wait(&mut parts.view, wanted, &targets).await?;
    let mut count = 0;
    for (wanted, happened) in wanted.iter().zip(&happened) {
        let Some(happened) = happened else { continue };
        parts.memory.set(events + count * EVENT, &happened.event(wanted))?;
        count += 1;
    }
    Ok(parts.memory.set_u32(out, count)?)
}

/// When a clock will have got there.
async fn clock(view: &mut View<'_>, id: u32, timeout: u64, flags: u16) -> Outcome<Target> {
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

async fn descriptor(
    view: &mut View<'_>,
    fd: u32,
    read: bool,
    seen: &mut BTreeSet<(u32, bool)>,
) -> Outcome<Target> {
    if is_socket(fd) {
        let is_twice = !seen.insert((fd, read));
        return Ok(match view.sockets.get(fd) {
            Ok(_) if is_twice => Target::Event(Errno::EXIST),
            Ok(_) => Target::Socket(fd, read),
            Err(errno) => Target::Event(errno),
        });
    }
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
) -> Outcome<Vec<Option<Happened>>> {
    let sockets = &*view.sockets;
    let mut descriptors = Vec::with_capacity(targets.len());
    for target in targets {
        if let Target::Socket(fd, read) = *target {
            let socket = &sockets.get(fd)?.descriptor;
            descriptors.push(Wanted { socket, read, write: !read });
        }
    }
    let others: Vec<_> = wanted
        .iter()
        .zip(targets)
        .filter(|(_, target)| matches!(target, Target::Other))
        .map(|(wanted, _)| *wanted)
        .collect();
    let mut others = pin!(ask_others(view.wasi, &others));
    let mut answer = poll_once(others.as_mut()).await.transpose()?;
    loop {
        let flags = if descriptors.is_empty() { Vec::new() } else { ready(&descriptors) };
        let happened = happened(targets, &flags, answer.as_deref());
        if happened.iter().any(Option::is_some) {
            return Ok(happened);
        }
        let mut sleep = sockets.reactor.wait(descriptors.clone(), rest(targets));
        answer = poll_fn(|cx| match others.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer.map(Some)),
            Poll::Pending => sleep.as_mut().poll(cx).map(|()| Ok(None)),
        })
        .await?;
    }
}

/// How long it is to the first of the clocks.
fn rest(targets: &[Target]) -> Option<Duration> {
    let untils = targets.iter().filter_map(|target| match target {
        Target::Until(until) => *until,
        _ => None,
    });
    untils.min().map(|until| until.saturating_duration_since(Instant::now()))
}

fn happened(
    targets: &[Target],
    flags: &[PollFlags],
    others: Option<&[Option<Happened>]>,
) -> Vec<Option<Happened>> {
    let now = Instant::now() + AT_ONCE;
    let mut flags = flags.iter();
    let mut others = others.unwrap_or_default().iter();
    let mut one = |target: &Target| match *target {
        Target::Event(errno) => Some(Happened { errno, hangup: false }),
        Target::Until(until) => until.is_some_and(|until| until <= now).then_some(Happened::READY),
        Target::Socket(_, read) => flags.next().and_then(|flags| socket(*flags, read)),
        Target::Other => others.next().copied().flatten(),
    };
    targets.iter().map(&mut one).collect()
}

/// An error is something to read and to write: whoever does so is told, while an error here would end guests that take
/// it for one of the whole call.
fn socket(flags: PollFlags, read: bool) -> Option<Happened> {
    let side = if read { PollFlags::IN } else { PollFlags::OUT };
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
