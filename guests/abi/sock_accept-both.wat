;; `sock_accept` by both of its types in one module.
(import "wasi_snapshot_preview1" "sock_accept" (func $one (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_accept" (func $two (param i32 i32 i32) (result i32)))
(func (export "_start")
  (call $errno (call $one (i32.const 77) (global.get $FD)))
  (call $errno (call $two (i32.const 77) (i32.const 0) (global.get $FD))))
