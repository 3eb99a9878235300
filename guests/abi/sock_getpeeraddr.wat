;; `sock_getpeeraddr` with four parameters: version 1.
(import "wasi_snapshot_preview1" "sock_getpeeraddr" (func $peer (param i32 i32 i32 i32) (result i32)))
(func $tell (param $fd i32) (param $address i32)
  (call $fill (i32.const 0x210) (i32.const 8))
  (call $fill (i32.const 0x240) (i32.const 20))
  (call $fill (global.get $TYPE) (i32.const 12))
  (call $errno (call $peer (local.get $fd) (local.get $address) (global.get $TYPE) (global.get $PORT)))
  (call $show (i32.const 0x200) (i32.const 0x18))
  (call $show (i32.const 0x230) (i32.const 0x24))
  (call $show (global.get $TYPE) (i32.const 12)))
(func (export "_start")
  (local $fd i32)
  (call $pair)
  (call $tell (global.get $server) (global.get $A4))
  (call $tell (global.get $client) (global.get $A16))
  (call $tell (global.get $client) (global.get $A128)) ;; storage, of version 2
  (call $tell (global.get $listener) (global.get $A4)) ;; nobody
  (call $tell (i32.const 77) (global.get $A4))
  (call $tell (i32.const 1) (global.get $A4)) ;; no socket
  (call $errno (call $peer (global.get $client) (i32.const 0x201) (global.get $TYPE) (global.get $PORT)))
  (call $errno (call $peer (global.get $client) (global.get $A4) (i32.const 0x301) (global.get $PORT)))
  (call $errno (call $peer (global.get $client) (global.get $A4) (global.get $TYPE) (i32.const 0x306)))
  (call $errno (call $peer (global.get $client) (global.get $A4) (global.get $TYPE) (i32.const 0x10000)))
  (local.set $fd (call $socket (i32.const 2) (i32.const 2)))
  (call $must (call $sock_bind (local.get $fd) (global.get $V6) (i32.const 4001)))
  (call $must (call $sock_listen (local.get $fd) (i32.const 1)))
  (local.set $fd (call $socket (i32.const 2) (i32.const 2)))
  (call $must (call $sock_connect (local.get $fd) (global.get $V6) (i32.const 4001)))
  (call $tell (local.get $fd) (global.get $A16))
  (call $tell (local.get $fd) (global.get $A4)) ;; too small
  (call $must (call $fd_close (global.get $client)))
  (call $tell (global.get $server) (global.get $A4))) ;; who has gone
