;; Grows its memory page by page (64 KiB each) to 1024 pages and ends with code 0, or with code 1 when it was refused
;; before. Never asks for more than 64 MiB.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $more
      (if (i32.lt_s (memory.grow (i32.const 1)) (i32.const 0))
        (then (call $proc_exit (i32.const 1))))
      (br_if $more (i32.lt_u (memory.size) (i32.const 1024))))))
