;; `fd_fdstat_get` and `fd_fdstat_set_flags` of sockets.
(import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
(func $get (param $fd i32)
  (call $fill (global.get $BUF) (i32.const 28))
  (call $errno (call $fd_fdstat_get (local.get $fd) (global.get $BUF)))
  (call $show (global.get $BUF) (i32.const 1)) ;; its type
  (call $show (i32.const 0x402) (i32.const 2)) ;; its flags
  (call $show (i32.const 0x408) (i32.const 20))) ;; its rights
(func $set (param $fd i32) (param $flags i32)
  (call $errno (call $fd_fdstat_set_flags (local.get $fd) (local.get $flags)))
  (call $get (local.get $fd)))
(func (export "_start")
  (call $pair)
  (call $get (global.get $listener))
  (call $get (global.get $server))
  (call $get (call $datagrams (i32.const 4001)))
  (call $set (global.get $server) (i32.const 4)) ;; not blocking
  (call $set (global.get $server) (i32.const 0))
  (call $set (global.get $server) (i32.const 1)) ;; appending
  (call $set (global.get $server) (i32.const 0x1f)) ;; all that there are
  (call $set (global.get $server) (i32.const 0x20)) ;; none
  (call $set (global.get $server) (i32.const 0x10004))
  (call $errno (call $fd_fdstat_get (global.get $server) (i32.const 0x404))) ;; not aligned
  (call $errno (call $fd_fdstat_get (global.get $server) (i32.const 0x10000)))) ;; outside
