;; Calls itself until the stack is exhausted, which traps. WasmEdge's interpreter has no such limit: it takes memory of
;; the host instead, half a gigabyte a second, so give it this guest only with a limit of your own.
(module
  (memory (export "memory") 1)
  (func $again (export "_start")
    (call $again)
    (call $again)))
