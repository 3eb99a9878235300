;; Copies descriptor 0 to descriptor 1 until its end; ends with code 0, or with the errno of the call that failed.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  ;; 0: the vector (address, length); 8: what a call returns; 65536: the buffer, one page
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))
  (func (export "_start") (local $end i32)
    (loop $next
      (i32.store (i32.const 0) (i32.const 65536))
      (i32.store (i32.const 4) (i32.const 65536))
      (call $check (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.eqz (i32.load (i32.const 8))) (then (return)))
      (local.set $end (i32.add (i32.const 65536) (i32.load (i32.const 8))))
      (loop $rest ;; a write may take less than it is given
        (i32.store (i32.const 4) (i32.sub (local.get $end) (i32.load (i32.const 0))))
        (call $check (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 8))))
        (br_if $rest (i32.lt_u (i32.load (i32.const 0)) (local.get $end))))
      (br $next))))
