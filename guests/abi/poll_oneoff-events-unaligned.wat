;; `poll_oneoff`: events that are not aligned.
(func (export "_start")
  (call $pair)
  (call $when (i32.const 0) (i32.const 2) (global.get $server))
  (call $errno (call $poll_oneoff (global.get $SUBS) (i32.const 0x804) (i32.const 1) (global.get $COUNT))))
