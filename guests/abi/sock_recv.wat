;; `sock_recv` and `sock_recv_v2`, which is the same: flags, the end, and nothing to read.
(import "wasi_snapshot_preview1" "sock_recv_v2" (func $recv_v2 (param i32 i32 i32 i32 i32 i32) (result i32)))
(func $recv (param $flags i32)
  (call $fill (global.get $N) (i32.const 12))
  (call $fill (global.get $BUF) (i32.const 16))
  (call $errno (call $sock_recv (global.get $server) (global.get $IN) (i32.const 1) (local.get $flags) (global.get $N)
    (global.get $FLAGS)))
  (call $show (global.get $N) (i32.const 8))
  (call $show (global.get $BUF) (i32.const 16)))
(func (export "_start")
  (call $pair)
  (call $hello (global.get $client))
  (call $recv (i32.const 1)) ;; a look
  (call $recv (i32.const 0))
  (call $hello (global.get $client))
  (call $errno (call $recv_v2 (global.get $server) (global.get $IN) (i32.const 1) (i32.const 0) (global.get $N)
    (global.get $FLAGS)))
  (call $show (global.get $N) (i32.const 8))
  (call $nonblocking (global.get $server))
  (call $recv (i32.const 0)) ;; nothing
  (call $hello (global.get $client))
  (call $recv (i32.const 2)) ;; all, of which not all is there
  (call $hello (global.get $client))
  (call $recv (i32.const 3))
  (call $recv (i32.const 4)) ;; no such flag
  (call $recv (i32.const 0x10001))
  (call $recv (i32.const 0))
  (call $must (call $fd_close (global.get $client)))
  (call $recv (i32.const 0)) ;; the end
  (call $recv (i32.const 0)))
