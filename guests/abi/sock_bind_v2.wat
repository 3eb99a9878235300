;; `sock_bind_v2`: it takes storage too.
(import "wasi_snapshot_preview1" "sock_bind_v2" (func $bind_v2 (param i32 i32 i32) (result i32)))
(func $tcp4 (result i32) (call $socket (i32.const 1) (i32.const 2)))
(func $tcp6 (result i32) (call $socket (i32.const 2) (i32.const 2)))
(func (export "_start")
  (call $errno (call $bind_v2 (call $tcp4) (global.get $V4) (i32.const 4000)))
  (call $errno (call $bind_v2 (call $tcp6) (global.get $V6) (i32.const 4001)))
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S4) (i32.const 4002)))
  (call $errno (call $bind_v2 (call $tcp6) (global.get $S6) (i32.const 4003)))
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S6) (i32.const 4004)))
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S4) (i32.const 4002))) ;; taken
  (i32.store (i32.const 0x34) (i32.const 127)) ;; of no form
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S4) (i32.const 4008)))
  (i32.store (i32.const 0x34) (i32.const 129))
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S4) (i32.const 4009)))
  (i32.store (i32.const 0x34) (i32.const 128))
  (i32.store (i32.const 0x30) (i32.const 0xffc0)) ;; over the end
  (call $errno (call $bind_v2 (call $tcp4) (global.get $S4) (i32.const 4010)))
  (call $errno (call $bind_v2 (call $tcp4) (i32.const 1) (i32.const 4011)))
  (call $errno (call $bind_v2 (i32.const 77) (global.get $S6) (i32.const 4011))))
