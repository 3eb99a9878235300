use std::{
    ffi::CString,
    fs::File,
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

use rustix::{
    fs::{Mode, OFlags, Stat, fstat, open},
    io::Errno,
};

use super::{
    NAME,
    capi::{Replacement, Wasi},
};
use crate::{Access, Error, GuestPathFault, Network, Preopen, Result, Task};

/// What a task grants, in the words of WasmEdge, besides the standard streams.
pub(super) struct Grant {
    args: Vec<CString>,
    env: Vec<CString>,
    directories: Vec<Directory>,
    network: bool,
}

impl Grant {
    /// Opens what the task names; the task has been checked.
    pub(super) fn open(task: &Task) -> Result<Self> {
        let args = task
            .args
            .iter()
            .enumerate()
            .map(|(index, arg)| CString::new(arg.as_bytes()).map_err(|_| Error::Argument { index }));
        let env = task.env.iter().map(|(name, value)| {
            let fault = crate::VariableFault::Nul;
            let name = name.as_str();
            CString::new(format!("{name}={value}")).map_err(|_| Error::Variable { name: name.into(), fault })
        });
        Ok(Self {
            args: args.collect::<Result<_>>()?,
            env: env.collect::<Result<_>>()?,
            directories: task.preopens.iter().map(Directory::open).collect::<Result<_>>()?,
            network: task.network == Network::Host,
        })
    }

    /// Makes the functions of WASI that give it.
    pub(super) fn wasi<'fd>(&self, stdio: [BorrowedFd<'fd>; 3]) -> Result<Wasi<'fd>> {
        let mut wasi = self.in_order(stdio)?;
        // Without arguments WasmEdge makes up an empty program name.
        let args: &[_] = if self.args.is_empty() { NO_ARGS } else { &[] };
        let sockets: &[_] = if self.network { &[] } else { NO_SOCKETS };
        for &(name, params, with) in args.iter().chain(sockets) {
            wasi.replace(name, params, with).ok_or_else(no_wasi)?;
        }
        Ok(wasi)
    }

    /// WasmEdge sorts the directories by where they are in its memory, so they are made until the order is right; those
    /// that were not right are kept meanwhile, so that the next ones get fresh memory, which is in order.
    fn in_order<'fd>(&self, stdio: [BorrowedFd<'fd>; 3]) -> Result<Wasi<'fd>> {
        let preopens = self.directories.iter().map(Directory::words).collect::<Result<Vec<_>>>()?;
        let mut wrong = Vec::new();
        while wrong.len() < ATTEMPTS {
            let wasi = Wasi::new(&self.args, &self.env, &preopens, stdio).ok_or_else(no_wasi)?;
            let places = (FIRST..).zip(&self.directories);
            let mut misplaced = places
                .filter(|(fd, directory)| !wasi.descriptor(*fd).is_some_and(|opened| directory.is(opened)));
            let Some((_, directory)) = misplaced.next() else { return Ok(wasi) };
            if wasi.descriptor(FIRST + (self.directories.len() as i32) - 1).is_none() {
                return Err(directory
                    .preopen
                    .cannot_be_opened(io::Error::other("WasmEdge does not open it by /proc/self/fd")));
            }
            drop(misplaced);
            wrong.push(wasi);
        }
        Err(Error::Instantiate {
            engine: NAME,
            source: "the directories do not come into their order".into(),
        })
    }
}

/// A directory that was opened here, so that it is known whether it can be, and that it is this one that the guest gets.
struct Directory {
    preopen: Preopen,
    opened: File,
    stat: Stat,
}

impl Directory {
    fn open(preopen: &Preopen) -> Result<Self> {
        let failed = |error: Errno| preopen.cannot_be_opened(error.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = File::from(open(&preopen.host, flags, Mode::empty()).map_err(failed)?);
        let stat = fstat(&opened).map_err(failed)?;
        Ok(Self { preopen: preopen.clone(), opened, stat })
    }

    /// Says it as WasmEdge wants it: `guest:host[:readonly]`. The host path is that of the descriptor, which has no
    /// colon in it, whatever the directory is called.
    fn words(&self) -> Result<CString> {
        let Preopen { guest, access, .. } = &self.preopen;
        let refused = |fault| Error::GuestPath { path: guest.as_str().into(), fault };
        if guest.contains(':') {
            return Err(refused(GuestPathFault::Colon));
        }
        let host = self.opened.as_raw_fd();
        let access = match access {
            Access::ReadOnly => ":readonly",
            Access::ReadWrite => "",
        };
        CString::new(format!("{guest}:/proc/self/fd/{host}/.{access}"))
            .map_err(|_| refused(GuestPathFault::Nul))
    }

    fn is(&self, other: BorrowedFd<'_>) -> bool {
        fstat(other).is_ok_and(|other| (other.st_dev, other.st_ino) == (self.stat.st_dev, self.stat.st_ino))
    }
}

impl Preopen {
    fn cannot_be_opened(&self, source: io::Error) -> Error {
        Error::Preopen { host: self.host.clone(), source }
    }
}

fn no_wasi() -> Error {
    Error::Instantiate { engine: NAME, source: "WasmEdge makes no WASI".into() }
}

/// The number of a guest's first directory.
const FIRST: i32 = 3;

/// How often directories are made until they are in order.
const ATTEMPTS: usize = 64;

/// What a guest without arguments gets in the place of WasmEdge's functions: their names and numbers of parameters.
const NO_ARGS: &[(&str, usize, Replacement)] =
    &[("args_get", 2, Replacement::NOTHING), ("args_sizes_get", 2, Replacement::TWO_ZEROS)];

/// The same for a guest without network: no socket can be made and no name looked up. The other functions work on a
/// socket that is there.
const NO_SOCKETS: &[(&str, usize, Replacement)] = &[
    ("sock_open", 3, Replacement::DENIED),
    ("sock_open_v2", 3, Replacement::DENIED),
    ("sock_getaddrinfo", 8, Replacement::DENIED),
];
