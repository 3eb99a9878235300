use wasmedge_sys::ffi;

use super::capi::Failure;
use crate::{Trap, TrapKind};

/// Returns the trap that a failed call tells of.
pub(super) fn trap(failure: Failure) -> Trap {
    let kind = kind(failure.code());
    match kind {
        TrapKind::Other | TrapKind::Host => Trap::new(kind).detail(failure.to_string()),
        kind => Trap::new(kind),
    }
}

#[expect(non_upper_case_globals, reason = "names of the C API")]
fn kind(code: ffi::WasmEdge_ErrCode) -> TrapKind {
    use ffi::{
        WasmEdge_ErrCode_AccessNullArray, WasmEdge_ErrCode_AccessNullException,
        WasmEdge_ErrCode_AccessNullFunc, WasmEdge_ErrCode_AccessNullStruct,
        WasmEdge_ErrCode_CastNullToNonNull, WasmEdge_ErrCode_DataSegDoesNotFit,
        WasmEdge_ErrCode_DivideByZero, WasmEdge_ErrCode_ElemSegDoesNotFit, WasmEdge_ErrCode_HostFuncError,
        WasmEdge_ErrCode_IndirectCallTypeMismatch, WasmEdge_ErrCode_IntegerOverflow,
        WasmEdge_ErrCode_InvalidConvToInt, WasmEdge_ErrCode_MemoryOutOfBounds,
        WasmEdge_ErrCode_TableOutOfBounds, WasmEdge_ErrCode_UnalignedAtomicAccess,
        WasmEdge_ErrCode_UndefinedElement, WasmEdge_ErrCode_UninitializedElement,
        WasmEdge_ErrCode_Unreachable,
    };
    match code {
        WasmEdge_ErrCode_Unreachable => TrapKind::Unreachable,
        WasmEdge_ErrCode_MemoryOutOfBounds | WasmEdge_ErrCode_DataSegDoesNotFit => {
            TrapKind::MemoryOutOfBounds
        }
        WasmEdge_ErrCode_TableOutOfBounds
        | WasmEdge_ErrCode_ElemSegDoesNotFit
        | WasmEdge_ErrCode_UndefinedElement => TrapKind::TableOutOfBounds,
        WasmEdge_ErrCode_UninitializedElement => TrapKind::UninitializedElement,
        WasmEdge_ErrCode_IndirectCallTypeMismatch => TrapKind::IndirectCallType,
        WasmEdge_ErrCode_DivideByZero => TrapKind::DivisionByZero,
        WasmEdge_ErrCode_IntegerOverflow => TrapKind::IntegerOverflow,
        WasmEdge_ErrCode_InvalidConvToInt => TrapKind::InvalidConversion,
        WasmEdge_ErrCode_UnalignedAtomicAccess => TrapKind::UnalignedAtomic,
        WasmEdge_ErrCode_AccessNullFunc
        | WasmEdge_ErrCode_AccessNullStruct
        | WasmEdge_ErrCode_AccessNullArray
        | WasmEdge_ErrCode_AccessNullException
        | WasmEdge_ErrCode_CastNullToNonNull => TrapKind::NullReference,
        WasmEdge_ErrCode_HostFuncError => TrapKind::Host,
        _ => TrapKind::Other,
    }
}
