;; `poll_oneoff`: standard streams beside sockets, and a socket twice.
(func (export "_start")
  (call $pair)
  (call $when (i32.const 0) (i32.const 2) (i32.const 1)) ;; standard output
  (call $poll (i32.const 1))
  (call $events)
  (call $when (i32.const 0) (i32.const 2) (i32.const 1))
  (call $when (i32.const 1) (i32.const 2) (global.get $server))
  (call $poll (i32.const 2))
  (call $events)
  (call $hello (global.get $client))
  (call $when (i32.const 0) (i32.const 1) (global.get $server)) ;; twice the same
  (call $when (i32.const 1) (i32.const 1) (global.get $server))
  (call $poll (i32.const 2))
  (call $events))
