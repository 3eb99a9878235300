;; `fd_renumber` of sockets.
(import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
(func (export "_start")
  (local $fd i32)
  (call $pair)
  (local.set $fd (call $datagrams (i32.const 4001)))
  (call $errno (call $fd_renumber (global.get $client) (local.get $fd)))
  (call $errno (call $sock_send (local.get $fd) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N)))
  (call $errno (call $sock_recv (global.get $server) (global.get $IN) (i32.const 1) (i32.const 0) (global.get $N)
    (global.get $FLAGS)))
  (call $errno (call $sock_send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N)))
  (call $errno (call $fd_close (global.get $client))) ;; it is no more
  (drop (call $datagrams (i32.const 4001))) ;; nor is what was there
  (call $errno (call $fd_renumber (local.get $fd) (local.get $fd)))
  (call $errno (call $fd_renumber (i32.const 77) (local.get $fd)))
  (call $errno (call $fd_renumber (i32.const 77) (i32.const 78))))
