;; Prints `Hello, World!` once and ends with code 0.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "Hello, World!\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16)) ;; where the text is
    (i32.store (i32.const 4) (i32.const 14)) ;; how long it is
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
