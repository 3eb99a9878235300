;; `sock_send_to` and `sock_send_to_v2`, which takes storage too.
(import "wasi_snapshot_preview1" "sock_send_to" (func $send_to (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_send_to_v2"
  (func $send_to_v2 (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
(global $a (mut i32) (i32.const 0))
(global $b (mut i32) (i32.const 0))
(func $to (param $address i32) (param $port i32) (param $flags i32) (param $n i32)
  (call $fill (global.get $N) (i32.const 8))
  (call $errno (call $send_to (global.get $a) (global.get $HELLO) (i32.const 1) (local.get $address) (local.get $port)
    (local.get $flags) (local.get $n)))
  (call $show (global.get $N) (i32.const 8)))
(func $to_v2 (param $address i32) (param $port i32)
  (call $errno (call $send_to_v2 (global.get $a) (global.get $HELLO) (i32.const 1) (local.get $address)
    (local.get $port) (i32.const 0) (global.get $N))))
(func $receive
  (call $errno (call $sock_recv (global.get $b) (global.get $IN) (i32.const 1) (i32.const 0) (global.get $N)
    (global.get $FLAGS)))
  (call $value (i32.load (global.get $N)))
  (call $show (global.get $BUF) (i32.const 5)))
(func (export "_start")
  (global.set $a (call $socket (i32.const 1) (i32.const 1))) ;; bound nowhere
  (global.set $b (call $datagrams (i32.const 5000)))
  (call $nonblocking (global.get $b))
  (call $to (global.get $V4) (i32.const 5000) (i32.const 0) (global.get $N))
  (call $receive)
  (call $to_v2 (global.get $V4) (i32.const 5000))
  (call $receive)
  (call $to_v2 (global.get $S4) (i32.const 5000))
  (call $receive)
  (call $to (global.get $S4) (i32.const 5000) (i32.const 0) (global.get $N)) ;; storage, of version 2
  (call $to (global.get $V6) (i32.const 5000) (i32.const 0) (global.get $N)) ;; the other family
  (call $to_v2 (global.get $S6) (i32.const 5000))
  (call $to (global.get $V4) (i32.const 0) (i32.const 0) (global.get $N)) ;; no port
  (call $to (global.get $V4) (i32.const 70536) (i32.const 0) (global.get $N)) ;; 65536 and 5000
  (call $to (global.get $V4) (i32.const 5000) (i32.const 1) (global.get $N)) ;; no flag is
  (call $to (i32.const 1) (i32.const 5000) (i32.const 0) (global.get $N)) ;; not aligned
  (call $to (global.get $V4) (i32.const 5000) (i32.const 0) (i32.const 0x1f6))
  (call $to (i32.const 0xfffc) (i32.const 5000) (i32.const 0) (global.get $N)) ;; outside
  (call $to (global.get $V4) (i32.const 5000) (i32.const 0) (i32.const 0x10000))
  (i32.store (i32.const 0) (i32.const 0xfffd))
  (call $to (global.get $V4) (i32.const 5000) (i32.const 0) (global.get $N))
  (i32.store (i32.const 0) (i32.const 8))
  (i32.store (i32.const 4) (i32.const 3))
  (call $to (global.get $V4) (i32.const 5000) (i32.const 0) (global.get $N)) ;; of no form
  (i32.store (i32.const 4) (i32.const 4))
  (call $vectors (i32.const 1025))
  (call $errno (call $send_to (global.get $a) (i32.const 0x2000) (i32.const 1025) (global.get $V4) (i32.const 5000)
    (i32.const 0) (global.get $N)))
  (call $errno (call $send_to (global.get $a) (i32.const 0x2000) (i32.const 20) (global.get $V4) (i32.const 5000)
    (i32.const 0) (global.get $N)))
  (call $value (i32.load (global.get $N)))
  (global.set $a (i32.const 77))
  (call $to (global.get $V4) (i32.const 5000) (i32.const 0) (global.get $N))
  (global.set $a (i32.const 1))
  (call $to (global.get $V4) (i32.const 5000) (i32.const 0) (global.get $N))
  (global.set $a (call $socket (i32.const 1) (i32.const 2))) ;; TCP
  (call $to (global.get $V4) (i32.const 5000) (i32.const 0) (global.get $N)))
