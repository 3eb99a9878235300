;; `fd_filestat_get` of sockets: all but numbers of this machine.
(import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
(func $get (param $fd i32)
  (call $fill (global.get $BUF) (i32.const 64))
  (call $errno (call $fd_filestat_get (local.get $fd) (global.get $BUF)))
  (call $show (i32.const 0x410) (i32.const 1)) ;; its type
  (call $show (i32.const 0x418) (i32.const 40))) ;; links, size, times
(func (export "_start")
  (call $pair)
  (call $get (global.get $server))
  (call $get (call $datagrams (i32.const 4001)))
  (call $errno (call $fd_filestat_get (global.get $server) (i32.const 0x404))) ;; not aligned
  (call $errno (call $fd_filestat_get (global.get $server) (i32.const 0x10000)))) ;; outside
