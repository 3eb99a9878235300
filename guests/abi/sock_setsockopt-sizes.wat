;; `sock_setsockopt`: values of other sizes, and pointers.
(import "wasi_snapshot_preview1" "sock_setsockopt" (func $setsockopt (param i32 i32 i32 i32 i32) (result i32)))
(func $set (param $fd i32) (param $option i32) (param $at i32) (param $size i32)
  (call $errno (call $setsockopt (local.get $fd) (i32.const 0) (local.get $option) (local.get $at)
    (local.get $size))))
(func (export "_start")
  (local $fd i32)
  (local.set $fd (call $socket (i32.const 1) (i32.const 2)))
  (i32.store (global.get $BUF) (i32.const 1))
  (call $set (local.get $fd) (i32.const 0) (global.get $BUF) (i32.const 4))
  (call $set (local.get $fd) (i32.const 0) (global.get $BUF) (i32.const 0))
  (call $set (local.get $fd) (i32.const 0) (global.get $BUF) (i32.const 1))
  (call $set (local.get $fd) (i32.const 0) (global.get $BUF) (i32.const 3))
  (call $set (local.get $fd) (i32.const 0) (global.get $BUF) (i32.const 8))
  (call $set (local.get $fd) (i32.const 0) (global.get $BUF) (i32.const -1))
  (call $set (local.get $fd) (i32.const 0) (i32.const 0x401) (i32.const 4)) ;; not aligned
  (call $set (local.get $fd) (i32.const 0) (i32.const 0xfffe) (i32.const 4)) ;; outside
  (call $set (local.get $fd) (i32.const 0) (i32.const 0x10000) (i32.const 4))
  (call $set (local.get $fd) (i32.const 0) (i32.const 0x10000) (i32.const 0)))
