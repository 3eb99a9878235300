;; `sock_getaddrinfo`: addresses and services that are numbers, into lists of two.
(import "wasi_snapshot_preview1" "sock_getaddrinfo"
  (func $getaddrinfo (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(data (i32.const 0x500) "127.0.0.1\00")
(data (i32.const 0x510) "::1\00")
(data (i32.const 0x520) "80\00")
(data (i32.const 0x528) "10.1.2.3")
(func $ask (param $node i32) (param $len i32) (param $service i32) (param $service_len i32)
  (call $list)
  (call $errno (call $getaddrinfo (local.get $node) (local.get $len) (local.get $service) (local.get $service_len)
    (i32.const 0x1000) (i32.const 0x1020) (i32.const 2) (i32.const 0x1024)))
  (call $show (i32.const 0x1020) (i32.const 8))
  (call $show (i32.const 0x1030) (i32.const 0x1c)) (call $show (i32.const 0x1050) (i32.const 12))
  (call $show (i32.const 0x1060) (i32.const 32)) (call $show (i32.const 0x1080) (i32.const 16))
  (call $show (i32.const 0x1130) (i32.const 0x1c)) (call $show (i32.const 0x1150) (i32.const 12))
  (call $show (i32.const 0x1160) (i32.const 32)) (call $show (i32.const 0x1180) (i32.const 16)))
;; Two entries at 0x1030 and 0x1130, each with an address 0x20 and 0x30 further, and a name 0x50 further.
(func $list
  (call $fill (i32.const 0x1020) (i32.const 0x180))
  (i32.store (i32.const 0x1020) (i32.const 0x1030))
  (call $entry (i32.const 0x1030) (i32.const 0x1130))
  (call $entry (i32.const 0x1130) (i32.const 0)))
(func $entry (param $at i32) (param $next i32)
  (memory.fill (local.get $at) (i32.const 0) (i32.const 28))
  (i32.store offset=8 (local.get $at) (i32.const 12))
  (i32.store offset=12 (local.get $at) (i32.add (local.get $at) (i32.const 0x20)))
  (i32.store offset=16 (local.get $at) (i32.add (local.get $at) (i32.const 0x50)))
  (i32.store offset=20 (local.get $at) (i32.const 16))
  (i32.store offset=24 (local.get $at) (local.get $next))
  (memory.fill (i32.add (local.get $at) (i32.const 0x20)) (i32.const 0) (i32.const 12))
  (i32.store offset=0x24 (local.get $at) (i32.const 26))
  (i32.store offset=0x28 (local.get $at) (i32.add (local.get $at) (i32.const 0x30))))
(func (export "_start")
  (memory.fill (i32.const 0x1000) (i32.const 0) (i32.const 28)) ;; the hints
  (i32.store8 offset=2 (i32.const 0x1000) (i32.const 1)) ;; IPv4
  (i32.store8 offset=3 (i32.const 0x1000) (i32.const 2)) ;; stream
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (call $ask (i32.const 0x500) (i32.const 10) (i32.const 0x520) (i32.const 3)) ;; with a NUL at the end
  (call $ask (i32.const 0x528) (i32.const 8) (i32.const 0) (i32.const 0)) ;; no service
  (call $ask (i32.const 0) (i32.const 0) (i32.const 0x520) (i32.const 2)) ;; no name
  (call $ask (i32.const 0x510) (i32.const 3) (i32.const 0x520) (i32.const 2)) ;; of the other family
  (i32.store8 offset=2 (i32.const 0x1000) (i32.const 2)) ;; IPv6
  (call $ask (i32.const 0x510) (i32.const 3) (i32.const 0x520) (i32.const 2))
  (i32.store8 offset=2 (i32.const 0x1000) (i32.const 1))
  (i32.store8 offset=3 (i32.const 0x1000) (i32.const 1)) ;; datagrams
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (i32.store8 offset=3 (i32.const 0x1000) (i32.const 0)) ;; any type: there are more than two
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2))
  (i32.store8 offset=2 (i32.const 0x1000) (i32.const 0)) ;; any family
  (i32.store8 offset=3 (i32.const 0x1000) (i32.const 2))
  (call $ask (i32.const 0x500) (i32.const 9) (i32.const 0x520) (i32.const 2)))
