;; `sock_getsockopt`: rooms of other sizes.
(import "wasi_snapshot_preview1" "sock_getsockopt" (func $getsockopt (param i32 i32 i32 i32 i32) (result i32)))
(func $ask (param $fd i32) (param $option i32) (param $size i32)
  (call $fill (global.get $BUF) (i32.const 24))
  (i32.store (i32.const 0x3f8) (local.get $size))
  (call $errno (call $getsockopt (local.get $fd) (i32.const 0) (local.get $option) (global.get $BUF)
    (i32.const 0x3f8)))
  (call $show (i32.const 0x3f8) (i32.const 4))
  (call $show (global.get $BUF) (i32.const 20)))
(func (export "_start")
  (local $fd i32)
  (local.set $fd (call $socket (i32.const 1) (i32.const 2)))
  (call $ask (local.get $fd) (i32.const 1) (i32.const 0)) ;; its type
  (call $ask (local.get $fd) (i32.const 1) (i32.const 1))
  (call $ask (local.get $fd) (i32.const 1) (i32.const 3))
  (call $ask (local.get $fd) (i32.const 1) (i32.const 8))
  (call $ask (local.get $fd) (i32.const 2) (i32.const 8)) ;; its error
  (call $ask (local.get $fd) (i32.const 13) (i32.const 8)) ;; whether it listens
  (call $ask (local.get $fd) (i32.const 13) (i32.const 2)))
