;; `poll_oneoff` of sockets: what is ready, what is not, and who has gone.
(import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
(func (export "_start")
  (local $fd i32)
  (call $pair)
  (call $when (i32.const 0) (i32.const 1) (global.get $server))
  (call $when (i32.const 1) (i32.const 2) (global.get $server))
  (call $poll (i32.const 2))
  (call $events) ;; it can be written
  (call $hello (global.get $client))
  (call $when (i32.const 0) (i32.const 1) (global.get $server))
  (call $poll (i32.const 1))
  (call $events) ;; and read
  (call $when (i32.const 0) (i32.const 1) (global.get $server))
  (call $poll (i32.const 1))
  (call $events) ;; and still is
  (call $when (i32.const 0) (i32.const 1) (global.get $client))
  (call $after (i32.const 1) (i32.const 1) (i64.const 1000000) (i32.const 0))
  (call $poll (i32.const 2))
  (call $events) ;; only the time
  (call $must (call $shutdown (global.get $server) (i32.const 2)))
  (call $when (i32.const 0) (i32.const 1) (global.get $client))
  (call $poll (i32.const 1))
  (call $events) ;; the end can be read
  (call $when (i32.const 0) (i32.const 1) (global.get $listener))
  (call $after (i32.const 1) (i32.const 1) (i64.const 1000000) (i32.const 0))
  (call $poll (i32.const 2))
  (call $events) ;; nobody connects
  (local.set $fd (call $socket (i32.const 1) (i32.const 2)))
  (call $must (call $sock_connect (local.get $fd) (global.get $V4) (i32.const 4000)))
  (call $when (i32.const 0) (i32.const 1) (global.get $listener))
  (call $poll (i32.const 1))
  (call $events)) ;; somebody does
