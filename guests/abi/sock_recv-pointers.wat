;; `sock_recv`: vectors and pointers.
(func $recv (param $vectors i32) (param $count i32) (param $n i32) (param $flags i32)
  (call $errno (call $sock_recv (global.get $server) (local.get $vectors) (local.get $count) (i32.const 0)
    (local.get $n) (local.get $flags))))
(func $usual (param $vectors i32) (param $count i32)
  (call $fill (i32.const 0x5000) (i32.const 8))
  (call $fill (global.get $N) (i32.const 8))
  (call $recv (local.get $vectors) (local.get $count) (global.get $N) (global.get $FLAGS))
  (call $show (global.get $N) (i32.const 8))
  (call $show (i32.const 0x5000) (i32.const 8)))
(func (export "_start")
  (call $pair)
  (call $nonblocking (global.get $server))
  (call $hello (global.get $client))
  (call $recv (i32.const 0x311) (i32.const 1) (global.get $N) (global.get $FLAGS)) ;; not aligned
  (call $recv (global.get $IN) (i32.const 1) (i32.const 0x1f5) (global.get $FLAGS))
  (call $recv (global.get $IN) (i32.const 1) (global.get $N) (i32.const 0x1f9))
  (call $recv (i32.const 0xfffc) (i32.const 1) (global.get $N) (global.get $FLAGS)) ;; outside
  (call $recv (global.get $IN) (i32.const 1) (i32.const 0x10000) (global.get $FLAGS))
  (call $recv (global.get $IN) (i32.const 1) (global.get $N) (i32.const 0x10000))
  (call $recv (global.get $IN) (i32.const 0x4000) (global.get $N) (global.get $FLAGS)) ;; too many
  (call $recv (global.get $IN) (i32.const -1) (global.get $N) (global.get $FLAGS))
  (call $vectors (i32.const 1025))
  (call $usual (i32.const 0x2000) (i32.const 1025)) ;; one too many
  (call $usual (i32.const 0x2000) (i32.const 0)) ;; none
  (call $usual (i32.const 0x2000) (i32.const 3))
  (call $usual (i32.const 0x2000) (i32.const 1024)) ;; as many as it may be
  (call $hello (global.get $client))
  (i32.store (i32.const 0x2000) (i32.const 0xfffe)) ;; bytes over the end
  (i32.store (i32.const 0x2004) (i32.const 4))
  (call $usual (i32.const 0x2000) (i32.const 1))
  (call $usual (i32.const 0x2000) (i32.const 2))
  (i32.store (i32.const 0x2000) (i32.const 0x10000)) ;; no bytes, outside
  (i32.store (i32.const 0x2004) (i32.const 0))
  (call $usual (i32.const 0x2000) (i32.const 2))
  (i32.store (i32.const 0x2000) (i32.const 0x5000)) ;; too large
  (i32.store (i32.const 0x2004) (i32.const -1))
  (call $usual (i32.const 0x2000) (i32.const 1)))
