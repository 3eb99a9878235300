;; `sock_bind`: pointers and descriptors that are none.
(func (export "_start")
  (local $fd i32)
  (local.set $fd (call $socket (i32.const 1) (i32.const 2)))
  (call $errno (call $sock_bind (local.get $fd) (i32.const 1) (i32.const 4000))) ;; not aligned
  (call $errno (call $sock_bind (local.get $fd) (i32.const 0xfffc) (i32.const 4000))) ;; over the end
  (call $errno (call $sock_bind (local.get $fd) (i32.const 0x10000) (i32.const 4000)))
  (call $errno (call $sock_bind (local.get $fd) (i32.const -8) (i32.const 4000)))
  (i32.store (i32.const 0) (i32.const 0xfffd)) ;; the bytes over the end
  (call $errno (call $sock_bind (local.get $fd) (global.get $V4) (i32.const 4000)))
  (i32.store (i32.const 0) (i32.const -4))
  (call $errno (call $sock_bind (local.get $fd) (global.get $V4) (i32.const 4000)))
  (i32.store (i32.const 0) (i32.const 9)) ;; bytes need no alignment
  (i32.store (i32.const 9) (i32.const 0x0100007f))
  (call $errno (call $sock_bind (local.get $fd) (global.get $V4) (i32.const 4000)))
  (call $errno (call $sock_bind (i32.const 77) (global.get $V4) (i32.const 4001))) ;; no descriptor
  (call $errno (call $sock_bind (i32.const -1) (global.get $V4) (i32.const 4001)))
  (call $errno (call $sock_bind (i32.const 1) (global.get $V4) (i32.const 4001))) ;; no socket
  (call $errno (call $sock_bind (i32.const 77) (i32.const 1) (i32.const 4001))) ;; two faults
  (call $errno (call $fd_close (local.get $fd)))
  (call $errno (call $sock_bind (local.get $fd) (global.get $V4) (i32.const 4002)))) ;; closed
