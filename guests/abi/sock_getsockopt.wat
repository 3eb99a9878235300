;; `sock_getsockopt`: each option of a new socket, into four bytes.
(import "wasi_snapshot_preview1" "sock_getsockopt" (func $getsockopt (param i32 i32 i32 i32 i32) (result i32)))
(func $ask (param $fd i32) (param $level i32) (param $option i32) (param $size i32)
  (call $fill (global.get $BUF) (i32.const 8))
  (i32.store (i32.const 0x408) (local.get $size))
  (call $errno (call $getsockopt (local.get $fd) (local.get $level) (local.get $option) (global.get $BUF)
    (i32.const 0x408)))
  (call $show (global.get $BUF) (i32.const 12)))
(func (export "_start")
  (local $tcp i32) (local $udp i32) (local $option i32)
  (local.set $tcp (call $socket (i32.const 1) (i32.const 2)))
  (local.set $udp (call $socket (i32.const 1) (i32.const 1)))
  (loop $next ;; but 5, 6, 9, 11 and 12, which are other cases'
    (if (i32.and (i32.shr_u (i32.const 0xe59f) (local.get $option)) (i32.const 1)) (then
      (call $value (local.get $option))
      (call $ask (local.get $tcp) (i32.const 0) (local.get $option) (i32.const 4))))
    (local.set $option (i32.add (local.get $option) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $option) (i32.const 16))))
  (call $ask (local.get $udp) (i32.const 0) (i32.const 1) (i32.const 4)) ;; its type
  (call $ask (call $listening (i32.const 4000)) (i32.const 0) (i32.const 13) (i32.const 4)) ;; it does listen
  (call $ask (local.get $tcp) (i32.const 1) (i32.const 1) (i32.const 4)) ;; no such level
  (call $ask (local.get $tcp) (i32.const 6) (i32.const 1) (i32.const 4))
  (call $ask (local.get $tcp) (i32.const -1) (i32.const 1) (i32.const 4))
  (call $ask (local.get $tcp) (i32.const 0) (i32.const -1) (i32.const 4)) ;; no such option
  (call $ask (i32.const 77) (i32.const 0) (i32.const 1) (i32.const 4))
  (call $ask (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 4))) ;; no socket
