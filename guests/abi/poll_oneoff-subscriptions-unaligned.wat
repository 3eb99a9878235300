;; `poll_oneoff`: subscriptions that are not aligned.
(func (export "_start")
  (call $pair)
  (call $when (i32.const 0) (i32.const 2) (global.get $server))
  (call $errno (call $poll_oneoff (i32.const 0x604) (global.get $EVENTS) (i32.const 1) (global.get $COUNT))))
