;; `poll_oneoff` of a connection that was reset.
(func (export "_start")
  (call $pair)
  (call $hello (global.get $server)) ;; what nobody reads
  (call $must (call $fd_close (global.get $client)))
  (call $when (i32.const 0) (i32.const 1) (global.get $server))
  (call $poll (i32.const 1))
  (call $events)
  (call $errno (call $sock_recv (global.get $server) (global.get $IN) (i32.const 1) (i32.const 0) (global.get $N)
    (global.get $FLAGS))))
