use wasmtime::{FrameInfo, WasmBacktrace, component::ResourceTableError};
use wasmtime_wasi::I32Exit;

use super::{drive::not_instantiated, meter::Stopped, state::State};
use crate::{Exit, Result, Stop, Trap, TrapKind};

/// Returns how a guest ended by an error of a call.
pub(super) fn ended(error: wasmtime::Error) -> Result<Exit> {
    // A pool that is full may have had a place for the instance and none for its stack.
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return Err(not_instantiated(error));
    }
    Ok(exit(&error).unwrap_or_else(|| host(&error)))
}

/// Returns how a guest ended before there was an instance, or why none could be made.
pub(super) fn unborn(state: &State, error: wasmtime::Error) -> Result<Exit> {
    exit(&error).ok_or_else(|| state.refusal(&error).unwrap_or_else(|| not_instantiated(error)))
}

/// Returns how a guest ended by an error; `None` if it was not the guest.
fn exit(error: &wasmtime::Error) -> Option<Exit> {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Some(Exit::Code(*code));
    }
    if let Some(stop) = stop(error) {
        return Some(Exit::Stopped(stop));
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
fn host(error: &wasmtime::Error) -> Exit {
    let trap = Trap::new(TrapKind::Host).detail(error.root_cause().to_string());
    Exit::Trap(with_backtrace(trap, error))
}

fn stop(error: &wasmtime::Error) -> Option<Stop> {
    if let Some(Stopped(stop)) = error.downcast_ref() {
        return Some(*stop);
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return Some(Stop::Handles);
    }
    matches!(error.downcast_ref(), Some(wasmtime::Trap::OutOfFuel)).then_some(Stop::Fuel)
}

fn with_backtrace(trap: Trap, error: &wasmtime::Error) -> Trap {
    match error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames) {
        None | Some([]) => trap,
        Some(frames) => {
            let lines: Vec<_> = frames.iter().enumerate().map(|(depth, of)| frame(depth, of)).collect();
            trap.backtrace(lines.join("\n"))
        }
    }
}

fn frame(depth: usize, frame: &FrameInfo) -> String {
    let name = match frame.func_name() {
        Some(name) => name.escape_debug().to_string(),
        None => format!("function {}", frame.func_index()),
    };
    match frame.module_offset() {
        Some(offset) => format!("{depth}: {name}, byte {offset}"),
        None => format!("{depth}: {name}"),
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
