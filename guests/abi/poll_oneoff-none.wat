;; `poll_oneoff`: no subscriptions.
(func (export "_start")
  (call $poll (i32.const 0)))
