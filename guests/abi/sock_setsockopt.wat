;; `sock_setsockopt`: what is set is what is told.
(import "wasi_snapshot_preview1" "sock_getsockopt" (func $getsockopt (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_setsockopt" (func $setsockopt (param i32 i32 i32 i32 i32) (result i32)))
(func $set (param $fd i32) (param $option i32) (param $value i32)
  (i32.store (global.get $BUF) (local.get $value))
  (call $errno (call $setsockopt (local.get $fd) (i32.const 0) (local.get $option) (global.get $BUF) (i32.const 4)))
  (call $fill (global.get $BUF) (i32.const 8))
  (i32.store (i32.const 0x408) (i32.const 4))
  (call $errno (call $getsockopt (local.get $fd) (i32.const 0) (local.get $option) (global.get $BUF)
    (i32.const 0x408)))
  (call $show (global.get $BUF) (i32.const 12)))
(func (export "_start")
  (local $tcp i32) (local $udp i32)
  (local.set $tcp (call $socket (i32.const 1) (i32.const 2)))
  (local.set $udp (call $socket (i32.const 1) (i32.const 1)))
  (call $set (local.get $tcp) (i32.const 0) (i32.const 1)) ;; REUSEADDR
  (call $set (local.get $tcp) (i32.const 0) (i32.const 0))
  (call $set (local.get $tcp) (i32.const 0) (i32.const 7))
  (call $set (local.get $tcp) (i32.const 3) (i32.const 1)) ;; DONTROUTE
  (call $set (local.get $udp) (i32.const 4) (i32.const 1)) ;; BROADCAST
  (call $set (local.get $tcp) (i32.const 5) (i32.const 8192)) ;; SNDBUF: the kernel doubles it
  (call $set (local.get $tcp) (i32.const 6) (i32.const 8192)) ;; RCVBUF
  (call $set (local.get $tcp) (i32.const 7) (i32.const 1)) ;; KEEPALIVE
  (call $set (local.get $tcp) (i32.const 8) (i32.const 1)) ;; OOBINLINE
  (call $set (local.get $tcp) (i32.const 10) (i32.const 5)) ;; RCVLOWAT
  (call $set (local.get $tcp) (i32.const 1) (i32.const 1)) ;; TYPE, which cannot be set
  (call $set (local.get $tcp) (i32.const 2) (i32.const 1)) ;; ERROR
  (call $set (local.get $tcp) (i32.const 13) (i32.const 1)) ;; ACCEPTCONN
  (call $set (local.get $tcp) (i32.const 15) (i32.const 1)) ;; none
  (call $set (local.get $tcp) (i32.const -1) (i32.const 1))
  (call $set (i32.const 77) (i32.const 0) (i32.const 1))
  (call $set (i32.const 1) (i32.const 0) (i32.const 1)) ;; no socket
  (i32.store (global.get $BUF) (i32.const 1))
  (call $errno (call $setsockopt (local.get $tcp) (i32.const 1) (i32.const 0) (global.get $BUF) (i32.const 4)))
  (call $errno (call $setsockopt (local.get $tcp) (i32.const 6) (i32.const 1) (global.get $BUF) (i32.const 4))))
