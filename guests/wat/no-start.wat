;; A library: it exports `answer`, which gives 42, and no `_start`.
(module
  (memory (export "memory") 1)
  (func (export "answer") (result i32) (i32.const 42)))
