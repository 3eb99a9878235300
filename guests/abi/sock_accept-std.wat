;; `sock_accept` with three parameters, which is preview 1's and version 2: flags for the new descriptor.
(import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
(func $connect
  (call $must (call $sock_connect (call $socket (i32.const 1) (i32.const 2)) (global.get $V4) (i32.const 4000))))
(func $flags
  (call $errno (call $fd_fdstat_get (i32.load (global.get $FD)) (global.get $BUF)))
  (call $value (i32.load16_u offset=2 (global.get $BUF))))
(func (export "_start")
  (local $fd i32)
  (local.set $fd (call $listening (i32.const 4000)))
  (call $connect)
  (call $errno (call $accept (local.get $fd) (i32.const 0) (global.get $FD)))
  (call $flags)
  (call $connect)
  (call $errno (call $accept (local.get $fd) (i32.const 4) (global.get $FD))) ;; not blocking
  (call $flags)
  (call $connect)
  (call $errno (call $accept (local.get $fd) (i32.const 1) (global.get $FD))) ;; appending
  (call $flags)
  (call $connect)
  (call $errno (call $accept (local.get $fd) (i32.const 0x20) (global.get $FD))) ;; no such flag
  (call $errno (call $accept (local.get $fd) (i32.const 0x10004) (global.get $FD)))
  (call $errno (call $accept (local.get $fd) (i32.const 0) (i32.const 0x1f2)))
  (call $errno (call $accept (local.get $fd) (i32.const 0) (i32.const 0x10000)))
  (call $errno (call $accept (i32.const 77) (i32.const 0) (global.get $FD))))
