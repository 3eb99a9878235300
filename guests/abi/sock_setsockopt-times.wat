;; The options RCVTIMEO, SNDTIMEO and LINGER: what they are given as.
(import "wasi_snapshot_preview1" "sock_getsockopt" (func $getsockopt (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_setsockopt" (func $setsockopt (param i32 i32 i32 i32 i32) (result i32)))
(func $set (param $option i32) (param $one i64) (param $two i64) (param $size i32)
  (i64.store (global.get $BUF) (local.get $one))
  (i64.store offset=8 (global.get $BUF) (local.get $two))
  (call $errno (call $setsockopt (global.get $server) (i32.const 0) (local.get $option) (global.get $BUF)
    (local.get $size)))
  (call $ask (local.get $option) (i32.const 16))
  (call $ask (local.get $option) (i32.const 8)))
(func $ask (param $option i32) (param $size i32)
  (call $fill (global.get $BUF) (i32.const 20))
  (i32.store (i32.const 0x3f8) (local.get $size))
  (call $errno (call $getsockopt (global.get $server) (i32.const 0) (local.get $option) (global.get $BUF)
    (i32.const 0x3f8)))
  (call $show (i32.const 0x3f8) (i32.const 4))
  (call $show (global.get $BUF) (i32.const 16)))
(func (export "_start")
  (call $pair)
  (call $set (i32.const 11) (i64.const 0) (i64.const 20000) (i32.const 16)) ;; 20 ms as two of 8 bytes
  (call $set (i32.const 12) (i64.const 1) (i64.const 0) (i32.const 16))
  (call $errno (call $sock_recv (global.get $server) (global.get $IN) (i32.const 1) (i32.const 0) (global.get $N)
    (global.get $FLAGS))) ;; in vain, for 20 ms
  (call $set (i32.const 11) (i64.const 0) (i64.const 0) (i32.const 12)) ;; as 8 and 4 bytes
  (call $set (i32.const 11) (i64.const 0) (i64.const 0) (i32.const 8))
  (call $set (i32.const 11) (i64.const 0) (i64.const 1000000) (i32.const 16)) ;; too many microseconds
  (call $set (i32.const 11) (i64.const 0) (i64.const 0) (i32.const 4))
  (call $set (i32.const 9) (i64.const 0x0000000500000001) (i64.const 0) (i32.const 8)) ;; on, 5 s
  (call $set (i32.const 9) (i64.const 0x0000000500000001) (i64.const 0) (i32.const 4)))
