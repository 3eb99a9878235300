;; `sock_getaddrinfo`: hints, and what they cannot be.
(import "wasi_snapshot_preview1" "sock_getaddrinfo"
  (func $getaddrinfo (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(data (i32.const 0x500) "127.0.0.1")
(data (i32.const 0x510) "localhost")
(data (i32.const 0x520) "80")
(data (i32.const 0x528) "http")
(data (i32.const 0x530) "no.such.name.invalid")
(func $hints (param $flags i32) (param $family i32) (param $type i32) (param $protocol i32)
  (i32.store16 (i32.const 0x1000) (local.get $flags))
  (i32.store8 offset=2 (i32.const 0x1000) (local.get $family))
  (i32.store8 offset=3 (i32.const 0x1000) (local.get $type))
  (i32.store8 offset=4 (i32.const 0x1000) (local.get $protocol)))
(func $ask (param $node i32) (param $len i32) (param $service i32) (param $service_len i32)
  (memory.fill (i32.const 0x1020) (i32.const 0) (i32.const 0x80))
  (i32.store (i32.const 0x1020) (i32.const 0x1030))
  (i32.store offset=8 (i32.const 0x1030) (i32.const 12))
  (i32.store offset=12 (i32.const 0x1030) (i32.const 0x1050))
  (i32.store offset=16 (i32.const 0x1030) (i32.const 0x1080))
  (i32.store offset=20 (i32.const 0x1030) (i32.const 16))
  (i32.store offset=4 (i32.const 0x1050) (i32.const 26))
  (i32.store offset=8 (i32.const 0x1050) (i32.const 0x1060))
  (call $errno (call $getaddrinfo (local.get $node) (local.get $len) (local.get $service) (local.get $service_len)
    (i32.const 0x1000) (i32.const 0x1020) (i32.const 1) (i32.const 0x1024)))
  (call $show (i32.const 0x1024) (i32.const 4))
  (call $show (i32.const 0x1030) (i32.const 0x1c))
  (call $show (i32.const 0x1050) (i32.const 0x40)))
(func (export "_start")
  (memory.fill (i32.const 0x1000) (i32.const 0) (i32.const 28))
  (call $hints (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 1)) ;; TCP
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 2)) ;; UDP
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 2)) ;; which does not go together
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 1) (i32.const 1) (i32.const 2) (i32.const 0)) ;; PASSIVE
  (call $ask (i32.const 0) (i32.const 0) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 2) (i32.const 1) (i32.const 2) (i32.const 0)) ;; CANONNAME
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 0)) ;; NUMERICHOST
  (call $ask (i32.const 0x510) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 8) (i32.const 1) (i32.const 2) (i32.const 0)) ;; NUMERICSERV
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x528) (i32.const 4))
  (call $hints (i32.const 0x80) (i32.const 1) (i32.const 2) (i32.const 0)) ;; no such flag
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 0) (i32.const 4) (i32.const 2) (i32.const 0)) ;; family
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 0) (i32.const 1) (i32.const 3) (i32.const 0)) ;; type
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 3)) ;; protocol
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $hints (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 0))
  (call $ask (i32.const 0x510) (i32.const 9) (i32.const 0x520) (i32.const 2)) ;; a name of this machine
  (call $ask (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) ;; nothing to ask
  (call $hints (i32.const 4) (i32.const 1) (i32.const 2) (i32.const 0))
  (call $ask (i32.const 0x530) (i32.const 20) (i32.const 0x520) (i32.const 2)))
