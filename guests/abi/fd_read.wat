;; `fd_read` and `fd_write` of sockets.
(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
(func $read (param $fd i32)
  (call $fill (global.get $N) (i32.const 8))
  (call $fill (global.get $BUF) (i32.const 16))
  (call $errno (call $fd_read (local.get $fd) (global.get $IN) (i32.const 1) (global.get $N)))
  (call $show (global.get $N) (i32.const 8))
  (call $show (global.get $BUF) (i32.const 16)))
(func $write (param $fd i32) (param $vectors i32) (param $count i32) (param $n i32)
  (call $fill (global.get $N) (i32.const 8))
  (call $errno (call $fd_write (local.get $fd) (local.get $vectors) (local.get $count) (local.get $n)))
  (call $show (global.get $N) (i32.const 8)))
(func (export "_start")
  (call $pair)
  (call $write (global.get $client) (global.get $HELLO) (i32.const 1) (global.get $N))
  (call $read (global.get $server))
  (call $write (global.get $client) (global.get $HELLO) (i32.const 0) (global.get $N)) ;; nothing
  (call $vectors (i32.const 1025))
  (call $write (global.get $client) (i32.const 0x2000) (i32.const 20) (global.get $N))
  (call $read (global.get $server))
  (call $read (global.get $server))
  (call $write (global.get $client) (i32.const 0x2000) (i32.const 1025) (global.get $N)) ;; too many
  (call $nonblocking (global.get $server))
  (call $read (global.get $server)) ;; nothing is there
  (call $write (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0x1f5)) ;; not aligned
  (call $write (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0x10000)) ;; outside
  (call $errno (call $fd_read (global.get $server) (i32.const 0x10000) (i32.const 1) (global.get $N)))
  (call $errno (call $fd_read (global.get $server) (global.get $IN) (i32.const 1) (i32.const 0x10000)))
  (call $read (global.get $listener))
  (call $write (call $socket (i32.const 1) (i32.const 2)) (global.get $HELLO) (i32.const 1) (global.get $N))
  (call $must (call $fd_close (global.get $client)))
  (call $read (global.get $server))) ;; what was sent before all that, and then the end
