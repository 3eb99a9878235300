use std::fmt;

/// How a guest ended.
///
/// ```
/// use wasm_exec::{Exit, Trap, TrapKind};
///
/// assert!(Exit::Code(0).success());
/// assert_eq!(Exit::Code(70_000).code(), 70_000);
/// assert_eq!(Exit::Trap(Trap::new(TrapKind::Unreachable)).code(), 134);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It returned from its entry (code 0) or called `proc_exit`, with all 32 bits of the code as it gave them.
    Code(i32),
    /// It did something that WebAssembly does not allow, or a host function could not go on.
    Trap(Trap),
    /// It was ended from outside: by a limit of its task, or because somebody asked for it.
    Stopped(Stop),
}

impl Exit {
    /// Returns what a process ends with that ends as its guest did: the lowest eight bits of [`code`](Self::code), which
    /// are all that the operating system keeps.
    #[must_use]
    pub fn process_code(&self) -> u8 {
        (self.code() & 0xff) as u8
    }

    /// Returns one number for the way it ended.
    ///
    /// | Exit | Number |
    /// |---|---|
    /// | [`Exit::Code`] | the guest's own |
    /// | [`Exit::Trap`] | 134, as of a process that aborts (128 + `SIGABRT`) |
    /// | [`Exit::Stopped`] by a limit | 124, as `timeout` has it |
    /// | [`Stop::Cancelled`] | 137, as of a process that was killed (128 + `SIGKILL`) |
    /// | [`Stop::Signal`] | 128 + the number |
    ///
    /// At the edge of a process the operating system keeps the lowest eight bits.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::Code(code) => *code,
            Self::Trap(_) => TRAP_CODE,
            Self::Stopped(Stop::Cancelled) => SIGNAL_CODE + SIGKILL,
            Self::Stopped(Stop::Signal(number)) => SIGNAL_CODE + i32::from(*number),
            Self::Stopped(Stop::Fuel | Stop::Deadline | Stop::Output | Stop::Handles) => LIMIT_CODE,
        }
    }

    /// Tells whether the guest ended with code 0.
    #[must_use]
    pub fn success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Trap(trap) => write!(f, "trap: {trap}"),
            Self::Stopped(stop) => write!(f, "stopped: {stop}"),
        }
    }
}

/// Why a guest was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// It has computed as much as [`Limits::fuel`](crate::Limits::fuel) allows.
    Fuel,
    /// It has taken as long as [`Limits::deadline`](crate::Limits::deadline) allows.
    Deadline,
    /// It wrote more than [`Limits::output_bytes`](crate::Limits::output_bytes) allows.
    Output,
    /// It opened more than [`Limits::handles`](crate::Limits::handles) allows.
    Handles,
    /// Its [`Cancel`](crate::Cancel) was used.
    Cancelled,
    /// Its [`Cancel`](crate::Cancel) was used, for a signal of this number.
    Signal(u8),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fuel => f.write_str("out of fuel"),
            Self::Deadline => f.write_str("the deadline has passed"),
            Self::Output => f.write_str("too much output"),
            Self::Handles => f.write_str("too many open handles"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Signal(number) => write!(f, "signal {number}"),
        }
    }
}

/// A trap: what went wrong, and where.
///
/// `Display` says what in one line; two traps of one [`kind`](Trap::kind) are the same fault on any engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trap {
    /// What went wrong.
    pub kind: TrapKind,
    /// What the engine adds to the kind; empty when it adds nothing.
    pub detail: String,
    /// The guest's call stack as text, the innermost frame first and one a line, where the engine has it.
    pub backtrace: Option<String>,
}

impl Trap {
    /// Makes a trap of a kind, without detail and backtrace.
    #[must_use]
    pub fn new(kind: TrapKind) -> Self {
        Self { kind, detail: String::new(), backtrace: None }
    }

    /// Sets the detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Sets the backtrace.
    #[must_use]
    pub fn backtrace(mut self, backtrace: impl Into<String>) -> Self {
        self.backtrace = Some(backtrace.into());
        self
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.detail {
            "" => write!(f, "{}", self.kind),
            detail => write!(f, "{}: {detail}", self.kind),
        }
    }
}

/// The kinds of traps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrapKind {
    /// An `unreachable` instruction: most languages compile `abort` and panics to it.
    Unreachable,
    /// A load, store or bulk operation outside of a memory.
    MemoryOutOfBounds,
    /// An access outside of a table.
    TableOutOfBounds,
    /// A call through an empty table slot.
    UninitializedElement,
    /// A call through a table slot whose function has another type.
    IndirectCallType,
    /// Deeper calls than the stack has room for.
    StackOverflow,
    /// Division by zero.
    DivisionByZero,
    /// An integer result that does not fit, such as `i32::MIN / -1`.
    IntegerOverflow,
    /// A float that is no integer of the wanted type.
    InvalidConversion,
    /// An atomic access that is not aligned.
    UnalignedAtomic,
    /// A null reference where none is allowed.
    NullReference,
    /// A host function could not go on.
    Host,
    /// Anything else; the detail has the engine's words.
    Other,
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "unreachable instruction executed",
            Self::MemoryOutOfBounds => "memory access out of bounds",
            Self::TableOutOfBounds => "table access out of bounds",
            Self::UninitializedElement => "call of an uninitialized table element",
            Self::IndirectCallType => "indirect call of a function of another type",
            Self::StackOverflow => "call stack exhausted",
            Self::DivisionByZero => "integer division by zero",
            Self::IntegerOverflow => "integer overflow",
            Self::InvalidConversion => "invalid conversion to integer",
            Self::UnalignedAtomic => "unaligned atomic access",
            Self::NullReference => "null reference",
            Self::Host => "a host function failed",
            Self::Other => "the engine stopped the guest",
        })
    }
}

const TRAP_CODE: i32 = 134;
const LIMIT_CODE: i32 = 124;
const SIGNAL_CODE: i32 = 128;
const SIGKILL: i32 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_it_ended() {
        assert_eq!(Exit::Code(3).to_string(), "exit code 3");
        let trap = Trap::new(TrapKind::DivisionByZero);
        assert_eq!(Exit::Trap(trap).to_string(), "trap: integer division by zero");
        let trap = Trap::new(TrapKind::Host).detail("no memory is exported");
        assert_eq!(Exit::Trap(trap).to_string(), "trap: a host function failed: no memory is exported");
    }

    #[test]
    fn each_stop_has_its_number() {
        for (stop, code, says) in [
            (Stop::Fuel, 124, "stopped: out of fuel"),
            (Stop::Deadline, 124, "stopped: the deadline has passed"),
            (Stop::Output, 124, "stopped: too much output"),
            (Stop::Handles, 124, "stopped: too many open handles"),
            (Stop::Cancelled, 137, "stopped: cancelled"),
            (Stop::Signal(2), 130, "stopped: signal 2"),
            (Stop::Signal(15), 143, "stopped: signal 15"),
            (Stop::Signal(255), 383, "stopped: signal 255"),
        ] {
            let exit = Exit::Stopped(stop);
            assert_eq!((exit.code(), &*exit.to_string()), (code, says));
            assert!(!exit.success());
        }
    }

    #[test]
    fn keeps_codes_whole() {
        for code in [0, 1, 125, 126, 200, 255, 256, 70_000, i32::MAX, -1, i32::MIN] {
            assert_eq!(Exit::Code(code).code(), code);
            assert_eq!(Exit::Code(code).process_code(), code.to_le_bytes()[0]);
        }
    }
}
