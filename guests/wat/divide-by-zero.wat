;; Divides by zero, which traps. The divisor comes from memory, so that no compiler sees it coming.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (i32.div_u (i32.const 1) (i32.load (i32.const 0))))))
