;; `sock_send` and `sock_send_v2`, which is the same: flags, vectors, and nobody who reads.
(import "wasi_snapshot_preview1" "sock_send_v2" (func $send_v2 (param i32 i32 i32 i32 i32) (result i32)))
(func $send (param $fd i32) (param $vectors i32) (param $count i32) (param $flags i32) (param $n i32)
  (call $fill (global.get $N) (i32.const 8))
  (call $errno (call $sock_send (local.get $fd) (local.get $vectors) (local.get $count) (local.get $flags)
    (local.get $n)))
  (call $show (global.get $N) (i32.const 8)))
(func (export "_start")
  (call $pair)
  (call $send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N))
  (call $errno (call $send_v2 (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N)))
  (call $send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 1) (global.get $N)) ;; no flag is
  (call $send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0x10000) (global.get $N))
  (call $send (global.get $client) (global.get $HELLO) (i32.const 0) (i32.const 0) (global.get $N)) ;; nothing
  (call $vectors (i32.const 1025))
  (call $send (global.get $client) (i32.const 0x2000) (i32.const 17) (i32.const 0) (global.get $N))
  (call $send (global.get $client) (i32.const 0x2000) (i32.const 1024) (i32.const 0) (global.get $N))
  (call $send (global.get $client) (i32.const 0x2000) (i32.const 1025) (i32.const 0) (global.get $N)) ;; too many
  (call $send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (i32.const 0x1f5)) ;; not aligned
  (call $send (global.get $client) (i32.const 0x319) (i32.const 1) (i32.const 0) (global.get $N))
  (call $send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (i32.const 0x10000)) ;; outside
  (call $send (global.get $client) (i32.const 0xfffc) (i32.const 1) (i32.const 0) (global.get $N))
  (i32.store (i32.const 0x2000) (i32.const 0xfffe))
  (i32.store (i32.const 0x2004) (i32.const 4))
  (call $send (global.get $client) (i32.const 0x2000) (i32.const 1) (i32.const 0) (global.get $N))
  (call $send (i32.const 77) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N))
  (call $send (i32.const 1) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N)) ;; no socket
  (call $send (call $socket (i32.const 1) (i32.const 2)) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N))
  (call $send (global.get $listener) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N))
  (call $must (call $fd_close (global.get $server))) ;; with bytes that nobody has read: the connection is reset
  (call $send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N))
  (call $send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N)))
