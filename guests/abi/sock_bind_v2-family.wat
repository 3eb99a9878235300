;; `sock_bind_v2`: storage of families that are none.
(import "wasi_snapshot_preview1" "sock_bind_v2" (func $bind_v2 (param i32 i32 i32) (result i32)))
(func $tcp4 (result i32) (call $socket (i32.const 1) (i32.const 2)))
(func (export "_start")
  (i32.store16 (i32.const 0x38) (i32.const 0)) ;; no family
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S4) (i32.const 4005)))
  (i32.store16 (i32.const 0x38) (i32.const 9))
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S4) (i32.const 4006)))
  (i32.store16 (i32.const 0x38) (i32.const 3)) ;; of files
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S4) (i32.const 4007))))
