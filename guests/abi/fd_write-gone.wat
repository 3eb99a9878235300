;; `fd_write` to a connection that was reset: an errno and no signal.
(func (export "_start")
  (call $pair)
  (call $hello (global.get $client))
  (call $must (call $fd_close (global.get $server)))
  (call $errno (call $fd_write (global.get $client) (global.get $HELLO) (i32.const 1) (global.get $N)))
  (call $errno (call $fd_write (global.get $client) (global.get $HELLO) (i32.const 1) (global.get $N))))
