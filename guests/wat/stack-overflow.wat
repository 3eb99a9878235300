;; Calls itself until the stack is exhausted, which traps.
(module
  (memory (export "memory") 1)
  (func $again (export "_start")
    (call $again)
    (call $again)))
