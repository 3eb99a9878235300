;; Traps with `unreachable` in its start function, so before `_start` can be called.
(module
  (memory (export "memory") 1)
  (func $start (unreachable))
  (start $start)
  (func (export "_start")))
