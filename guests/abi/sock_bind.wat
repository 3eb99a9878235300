;; `sock_bind`: forms of addresses, ports, and what cannot be bound.
(func $tcp4 (result i32) (call $socket (i32.const 1) (i32.const 2)))
(func $tcp6 (result i32) (call $socket (i32.const 2) (i32.const 2)))
(func (export "_start")
  (local $fd i32)
  (local.set $fd (call $tcp4))
  (call $errno (call $sock_bind (local.get $fd) (global.get $V4) (i32.const 4000)))
  (call $errno (call $sock_bind (local.get $fd) (global.get $V4) (i32.const 4001))) ;; for the second time
  (call $errno (call $sock_bind (call $tcp4) (global.get $V4) (i32.const 4000))) ;; taken
  (call $errno (call $sock_bind (call $tcp4) (global.get $V4) (i32.const 0))) ;; any port
  (call $errno (call $sock_bind (call $tcp4) (global.get $V4) (i32.const 0x10000))) ;; no such port
  (call $errno (call $sock_bind (call $tcp4) (global.get $V4) (i32.const -1)))
  (call $errno (call $sock_bind (call $tcp6) (global.get $V6) (i32.const 4002)))
  (call $errno (call $sock_bind (call $tcp6) (global.get $V4) (i32.const 4003))) ;; of the other family
  (call $errno (call $sock_bind (call $tcp4) (global.get $V6) (i32.const 4004)))
  (call $errno (call $sock_bind (call $tcp4) (global.get $S4) (i32.const 4005))) ;; storage, which is of version 2
  (i32.store8 (i32.const 8) (i32.const 10)) ;; 10.0.0.1, which nobody has here
  (call $errno (call $sock_bind (call $tcp4) (global.get $V4) (i32.const 4006)))
  (i32.store (i32.const 4) (i32.const 5)) ;; of no form
  (call $errno (call $sock_bind (call $tcp4) (global.get $V4) (i32.const 4007)))
  (i32.store (i32.const 4) (i32.const 0))
  (call $errno (call $sock_bind (call $tcp4) (global.get $V4) (i32.const 4008)))
  (i32.store (i32.const 4) (i32.const -1))
  (call $errno (call $sock_bind (call $tcp4) (global.get $V4) (i32.const 4009))))
