;; `sock_accept` with two parameters: version 1.
(import "wasi_snapshot_preview1" "sock_accept" (func $sock_accept (param i32 i32) (result i32)))
(func $connect
  (call $must (call $sock_connect (call $socket (i32.const 1) (i32.const 2)) (global.get $V4) (i32.const 4000))))
(func (export "_start")
  (local $fd i32)
  (local.set $fd (call $listening (i32.const 4000)))
  (call $connect)
  (call $fill (i32.const 0x1ec) (i32.const 12))
  (call $errno (call $sock_accept (local.get $fd) (global.get $FD)))
  (call $show (i32.const 0x1ec) (i32.const 4)) ;; four bytes are written
  (call $show (i32.const 0x1f4) (i32.const 4))
  (call $value (i32.ne (i32.load (global.get $FD)) (i32.const 0xaaaaaaaa)))
  (call $nonblocking (local.get $fd))
  (call $errno (call $sock_accept (local.get $fd) (global.get $FD))) ;; nobody is there
  (call $connect)
  (call $errno (call $sock_accept (local.get $fd) (i32.const 0x1f1))) ;; not aligned
  (call $errno (call $sock_accept (local.get $fd) (i32.const 0x10000))) ;; outside
  (call $errno (call $sock_accept (local.get $fd) (global.get $FD))) ;; it is still there
  (call $errno (call $sock_accept (call $socket (i32.const 1) (i32.const 2)) (global.get $FD))) ;; does not listen
  (call $errno (call $sock_accept (i32.load (global.get $FD)) (global.get $FD)))
  (call $errno (call $sock_accept (call $datagrams (i32.const 4001)) (global.get $FD))) ;; no TCP
  (call $errno (call $sock_accept (i32.const 77) (global.get $FD)))
  (call $errno (call $sock_accept (i32.const 1) (global.get $FD))))
