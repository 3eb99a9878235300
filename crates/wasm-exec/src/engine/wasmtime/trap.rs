use wasmtime::WasmBacktrace;
use wasmtime_wasi::I32Exit;

use crate::{Exit, Trap, TrapKind};

/// Returns how a guest ended by an error; `None` if it was not the guest.
pub(super) fn exit(error: &wasmtime::Error) -> Option<Exit> {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Some(Exit::Code(*code));
    }
    let trap = error.downcast_ref::<wasmtime::Trap>()?;
    let kind = kind(*trap);
    let mut exit = Trap::new(kind);
    if kind == TrapKind::Other {
        exit = exit.detail(trap.to_string());
    }
    Some(Exit::Trap(with_backtrace(exit, error)))
}

/// Returns how a guest ended because a host function failed.
pub(super) fn host(error: &wasmtime::Error) -> Exit {
    let trap = Trap::new(TrapKind::Host).detail(error.root_cause().to_string());
    Exit::Trap(with_backtrace(trap, error))
}

fn with_backtrace(trap: Trap, error: &wasmtime::Error) -> Trap {
    match error.downcast_ref::<WasmBacktrace>() {
        Some(backtrace) if !backtrace.frames().is_empty() => trap.backtrace(backtrace.to_string()),
        _ => trap,
    }
}

fn kind(trap: wasmtime::Trap) -> TrapKind {
    use wasmtime::Trap as T;
    match trap {
        T::UnreachableCodeReached => TrapKind::Unreachable,
        T::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        T::TableOutOfBounds => TrapKind::TableOutOfBounds,
        T::IndirectCallToNull => TrapKind::UninitializedElement,
        T::BadSignature => TrapKind::IndirectCallType,
        T::StackOverflow => TrapKind::StackOverflow,
        T::IntegerDivisionByZero => TrapKind::DivisionByZero,
        T::IntegerOverflow => TrapKind::IntegerOverflow,
        T::BadConversionToInteger => TrapKind::InvalidConversion,
        T::HeapMisaligned => TrapKind::UnalignedAtomic,
        T::NullReference => TrapKind::NullReference,
        _ => TrapKind::Other,
    }
}
