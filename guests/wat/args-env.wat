;; Prints each argument on a line, then each variable of the environment as `NAME=value` on a line. For up to 16384
;; of each and 2 MiB of text.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 34)
  ;; 0: count; 4: bytes of text; 8: what fd_write returns; 16: its vector (address, length)
  ;; 65536: the table of addresses; 131072: the text, each item with a zero byte after it
  (func $print-lines (param $bytes i32) (local $at i32) (local $end i32)
    (local.set $at (i32.const 131072))
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.eqz (i32.load8_u (local.get $at)))
          (then (i32.store8 (local.get $at) (i32.const 10)))) ;; a line ends where the item did
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $each)))
    (local.set $at (i32.const 131072))
    (loop $rest ;; a write may take less than it is given
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          (i32.store (i32.const 16) (local.get $at))
          (i32.store (i32.const 20) (i32.sub (local.get $end) (local.get $at)))
          (if (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)) (then (unreachable)))
          (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
          (br $rest)))))
  (func (export "_start")
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $args_get (i32.const 65536) (i32.const 131072)))
    (call $print-lines (i32.load (i32.const 4)))
    (drop (call $environ_sizes_get (i32.const 0) (i32.const 4)))
    (drop (call $environ_get (i32.const 65536) (i32.const 131072)))
    (call $print-lines (i32.load (i32.const 4)))))
