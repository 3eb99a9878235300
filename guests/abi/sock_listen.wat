;; `sock_listen` and `sock_listen_v2`.
(import "wasi_snapshot_preview1" "sock_listen_v2" (func $listen_v2 (param i32 i32) (result i32)))
(func (export "_start")
  (local $fd i32)
  (local.set $fd (call $socket (i32.const 1) (i32.const 2)))
  (call $must (call $sock_bind (local.get $fd) (global.get $V4) (i32.const 4000)))
  (call $errno (call $sock_listen (local.get $fd) (i32.const 128)))
  (call $errno (call $sock_listen (local.get $fd) (i32.const 1))) ;; again
  (call $errno (call $listen_v2 (local.get $fd) (i32.const 1)))
  (call $errno (call $sock_listen (local.get $fd) (i32.const -1)))
  (call $errno (call $sock_listen (call $socket (i32.const 1) (i32.const 2)) (i32.const 8))) ;; bound nowhere
  (call $errno (call $listen_v2 (call $socket (i32.const 1) (i32.const 2)) (i32.const 0)))
  (call $errno (call $sock_listen (call $datagrams (i32.const 4001)) (i32.const 8))) ;; no TCP
  (call $errno (call $sock_listen (i32.const 77) (i32.const 8)))
  (call $errno (call $sock_listen (i32.const 1) (i32.const 8)))
  (call $pair-to-4002)
  (call $errno (call $sock_listen (global.get $client) (i32.const 8)))) ;; connected
(func $pair-to-4002
  (global.set $listener (call $listening (i32.const 4002)))
  (global.set $client (call $socket (i32.const 1) (i32.const 2)))
  (call $must (call $sock_connect (global.get $client) (global.get $V4) (i32.const 4002))))
