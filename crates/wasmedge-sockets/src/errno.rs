use rustix::io::Errno as System;

/// A number that a function of preview 1 returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) u16);

impl Errno {
    pub(crate) const SUCCESS: Self = Self(0);
    pub(crate) const ACCES: Self = Self(2);
    pub(crate) const ADDRNOTAVAIL: Self = Self(4);
    pub(crate) const AGAIN: Self = Self(6);
    pub(crate) const BADF: Self = Self(8);
    pub(crate) const EXIST: Self = Self(20);
    pub(crate) const FAULT: Self = Self(21);
    pub(crate) const INPROGRESS: Self = Self(26);
    pub(crate) const INVAL: Self = Self(28);
    pub(crate) const MFILE: Self = Self(33);
    pub(crate) const NOBUFS: Self = Self(42);
    pub(crate) const NOMEM: Self = Self(48);
    pub(crate) const NOSYS: Self = Self(52);
    pub(crate) const NOTSOCK: Self = Self(57);
    pub(crate) const NOTSUP: Self = Self(58);
    pub(crate) const PERM: Self = Self(63);

    /// Those of name look-up, which are WasmEdge's own.
    pub(crate) const AIBADFLAG: Self = Self(79);
    pub(crate) const AIFAIL: Self = Self(80);
    pub(crate) const AIFAMILY: Self = Self(81);
    pub(crate) const AIMEMORY: Self = Self(82);
    pub(crate) const AINONAME: Self = Self(84);

    /// As what the guest gets it.
    pub(crate) fn code(self) -> i32 {
        self.0.into()
    }

    /// The number of a failed look-up, from that of the system's resolver.
    pub(crate) fn of_lookup(code: i32) -> Self {
        Self(match code {
            EAI_ADDRFAMILY => 77,
            libc::EAI_AGAIN => 78,
            libc::EAI_BADFLAGS => 79,
            libc::EAI_FAMILY => 81,
            libc::EAI_MEMORY => 82,
            libc::EAI_NODATA => 83,
            libc::EAI_NONAME => 84,
            libc::EAI_SERVICE => 85,
            libc::EAI_SOCKTYPE => 86,
            libc::EAI_SYSTEM => 87,
            _ => 80,
        })
    }
}

/// What glibc says when a name has addresses, but none of this family.
const EAI_ADDRFAMILY: i32 = -9;

/// What a function does not do.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The guest is told.
    Errno(Errno),
    /// The guest is ended.
    Trap(wasmtime::Error),
}

pub(crate) type Outcome<T = ()> = Result<T, Fault>;

/// What the guest gets.
pub(crate) fn finish(outcome: Outcome) -> wasmtime::Result<i32> {
    match outcome {
        Ok(()) => Ok(Errno::SUCCESS.code()),
        Err(Fault::Errno(errno)) => Ok(errno.code()),
        Err(Fault::Trap(error)) => Err(error),
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<System> for Fault {
    fn from(errno: System) -> Self {
        Self::Errno(errno.into())
    }
}

impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

/// Those that sockets meet; WasmEdge tells all that it does not know as `ENOSYS`.
impl From<System> for Errno {
    fn from(errno: System) -> Self {
        Self(match errno {
            System::ACCESS => 2,
            System::ADDRINUSE => 3,
            System::ADDRNOTAVAIL => 4,
            System::AFNOSUPPORT => 5,
            System::AGAIN => 6,
            System::ALREADY => 7,
            System::BADF => 8,
            System::CONNABORTED => 13,
            System::CONNREFUSED => 14,
            System::CONNRESET => 15,
            System::DESTADDRREQ => 17,
            System::DOM => 18,
            System::EXIST => 20,
            System::FAULT => 21,
            System::HOSTUNREACH => 23,
            System::INPROGRESS => 26,
            System::INTR => 27,
            System::INVAL => 28,
            System::IO => 29,
            System::ISCONN => 30,
            System::MFILE => 33,
            System::MSGSIZE => 35,
            System::NETDOWN => 38,
            System::NETRESET => 39,
            System::NETUNREACH => 40,
            System::NFILE => 41,
            System::NOBUFS => 42,
            System::NODEV => 43,
            System::NOENT => 44,
            System::NOMEM => 48,
            System::NOPROTOOPT => 50,
            System::NOTCONN => 53,
            System::NOTSOCK => 57,
            System::OPNOTSUPP => 58,
            System::NXIO => 60,
            System::PERM => 63,
            System::PIPE => 64,
            System::PROTO => 65,
            System::PROTONOSUPPORT => 66,
            System::PROTOTYPE => 67,
            System::TIMEDOUT => 73,
            _ => 52,
        })
    }
}
