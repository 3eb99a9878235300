;; `fd_renumber` of a socket to a standard stream, and back.
(import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
(func (export "_start")
  (call $pair)
  (call $errno (call $fd_renumber (global.get $client) (i32.const 2)))
  (call $errno (call $fd_renumber (i32.const 0) (global.get $server)))
  (call $errno (call $fd_renumber (global.get $listener) (i32.const 77))))
