;; `sock_shutdown`: of reading, of writing, of both.
(import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
(func $recv (param $fd i32)
  (call $fill (global.get $N) (i32.const 4))
  (call $errno (call $sock_recv (local.get $fd) (global.get $IN) (i32.const 1) (i32.const 0) (global.get $N)
    (global.get $FLAGS)))
  (call $show (global.get $N) (i32.const 4)))
(func (export "_start")
  (call $pair)
  (call $errno (call $shutdown (global.get $client) (i32.const 0))) ;; of nothing
  (call $errno (call $shutdown (global.get $client) (i32.const 4)))
  (call $errno (call $shutdown (global.get $client) (i32.const 0x102)))
  (call $errno (call $shutdown (global.get $client) (i32.const 2)))
  (call $recv (global.get $server)) ;; the end
  (call $errno (call $sock_send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N)))
  (call $hello (global.get $server)) ;; the other way is open
  (call $recv (global.get $client))
  (call $errno (call $shutdown (global.get $client) (i32.const 1)))
  (call $recv (global.get $client))
  (call $errno (call $shutdown (global.get $client) (i32.const 3)))
  (call $errno (call $shutdown (call $socket (i32.const 1) (i32.const 2)) (i32.const 3))) ;; not connected
  (call $errno (call $shutdown (call $datagrams (i32.const 4001)) (i32.const 3)))
  (call $errno (call $shutdown (i32.const 77) (i32.const 3)))
  (call $errno (call $shutdown (i32.const 1) (i32.const 3))) ;; no socket
  (call $errno (call $shutdown (i32.const 77) (i32.const 0)))
  (call $errno (call $shutdown (global.get $listener) (i32.const 3))))
