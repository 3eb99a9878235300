;; `sock_getsockopt`: pointers that are none.
(import "wasi_snapshot_preview1" "sock_getsockopt" (func $getsockopt (param i32 i32 i32 i32 i32) (result i32)))
(func $ask (param $at i32) (param $size i32)
  (call $errno (call $getsockopt (global.get $client) (i32.const 0) (i32.const 1) (local.get $at) (local.get $size))))
(func (export "_start")
  (global.set $client (call $socket (i32.const 1) (i32.const 2)))
  (i32.store (i32.const 0x3f8) (i32.const 4))
  (call $ask (i32.const 0x401) (i32.const 0x3f8)) ;; a value need not be aligned
  (call $ask (global.get $BUF) (i32.const 0x3f9))
  (call $ask (i32.const 0xfffe) (i32.const 0x3f8))
  (call $ask (i32.const 0x10000) (i32.const 0x3f8))
  (call $ask (global.get $BUF) (i32.const 0x10000))
  (i32.store (i32.const 0x3f8) (i32.const -1))
  (call $ask (global.get $BUF) (i32.const 0x3f8)))
