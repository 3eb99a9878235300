;; `sock_connect`, and `sock_connect_v2` with storage.
(import "wasi_snapshot_preview1" "sock_connect_v2" (func $connect_v2 (param i32 i32 i32) (result i32)))
(func $tcp4 (result i32) (call $socket (i32.const 1) (i32.const 2)))
(func (export "_start")
  (local $fd i32)
  (drop (call $listening (i32.const 4000)))
  (local.set $fd (call $tcp4))
  (call $errno (call $sock_connect (local.get $fd) (global.get $V4) (i32.const 4000)))
  (call $errno (call $sock_connect (local.get $fd) (global.get $V4) (i32.const 4000))) ;; it is
  (call $errno (call $sock_connect (call $tcp4) (global.get $V4) (i32.const 4001))) ;; nobody listens
  (call $errno (call $sock_connect (call $tcp4) (global.get $V4) (i32.const 0)))
  (call $errno (call $sock_connect (call $tcp4) (global.get $V6) (i32.const 4000))) ;; the other family
  (call $errno (call $sock_connect (call $tcp4) (global.get $S4) (i32.const 4000))) ;; storage, of version 2
  (call $errno (call $connect_v2 (call $tcp4) (global.get $S4) (i32.const 4000)))
  (call $errno (call $connect_v2 (call $tcp4) (global.get $V4) (i32.const 4000)))
  (call $errno (call $connect_v2 (call $tcp4) (global.get $S4) (i32.const 4001)))
  (call $errno (call $connect_v2 (call $tcp4) (i32.const 0x31) (i32.const 4000)))
  (call $errno (call $sock_connect (call $tcp4) (i32.const 1) (i32.const 4000))) ;; not aligned
  (call $errno (call $sock_connect (call $tcp4) (i32.const 0xfffc) (i32.const 4000))) ;; outside
  (i32.store (i32.const 0) (i32.const 0xfffd))
  (call $errno (call $sock_connect (call $tcp4) (global.get $V4) (i32.const 4000)))
  (i32.store (i32.const 0) (i32.const 8))
  (i32.store (i32.const 4) (i32.const 3)) ;; of no form
  (call $errno (call $sock_connect (call $tcp4) (global.get $V4) (i32.const 4000)))
  (i32.store (i32.const 4) (i32.const 4))
  (call $errno (call $sock_connect (i32.const 77) (global.get $V4) (i32.const 4000)))
  (call $errno (call $sock_connect (i32.const 1) (global.get $V4) (i32.const 4000)))
  (i32.store8 (i32.const 8) (i32.const 203)) ;; 203.0.0.1: there is no way
  (call $errno (call $sock_connect (call $tcp4) (global.get $V4) (i32.const 4000))))
