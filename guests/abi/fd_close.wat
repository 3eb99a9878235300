;; `fd_close` of sockets.
(func (export "_start")
  (call $pair)
  (call $hello (global.get $client))
  (call $errno (call $fd_close (global.get $client)))
  (call $errno (call $fd_close (global.get $client))) ;; again
  (call $errno (call $sock_send (global.get $client) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N)))
  (call $errno (call $sock_recv (global.get $server) (global.get $IN) (i32.const 1) (i32.const 0) (global.get $N)
    (global.get $FLAGS)))
  (call $show (global.get $BUF) (i32.const 5)) ;; what was sent arrives
  (call $errno (call $fd_close (global.get $listener)))
  (call $errno (call $sock_connect (call $socket (i32.const 1) (i32.const 2)) (global.get $V4) (i32.const 4000)))
  (call $errno (call $fd_close (i32.const 77)))
  (call $errno (call $fd_close (i32.const -1))))
