;; Imports `nothing` from `env`, which no host provides; else it would end with code 0.
(module
  (import "env" "nothing" (func $nothing))
  (memory (export "memory") 1)
  (func (export "_start") (call $nothing)))
