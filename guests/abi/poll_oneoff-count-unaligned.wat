;; `poll_oneoff`: a place for the number of events that is not aligned.
(func (export "_start")
  (call $pair)
  (call $when (i32.const 0) (i32.const 2) (global.get $server))
  (call $errno (call $poll_oneoff (global.get $SUBS) (global.get $EVENTS) (i32.const 1) (i32.const 0x5f1))))
