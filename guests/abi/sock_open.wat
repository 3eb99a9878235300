;; `sock_open`: families, types, and places for the descriptor.
(func (export "_start")
  (call $errno (call $sock_open (i32.const 1) (i32.const 2) (global.get $FD))) ;; IPv4, TCP
  (call $errno (call $sock_open (i32.const 1) (i32.const 1) (global.get $FD))) ;; UDP
  (call $errno (call $sock_open (i32.const 2) (i32.const 2) (global.get $FD))) ;; IPv6
  (call $errno (call $sock_open (i32.const 2) (i32.const 1) (global.get $FD)))
  (call $errno (call $sock_open (i32.const 0) (i32.const 2) (global.get $FD))) ;; no family
  (call $errno (call $sock_open (i32.const 0) (i32.const 1) (global.get $FD)))
  (call $errno (call $sock_open (i32.const 1) (i32.const 0) (global.get $FD))) ;; any type
  (call $errno (call $sock_open (i32.const 0) (i32.const 0) (global.get $FD)))
  (call $errno (call $sock_open (i32.const 3) (i32.const 2) (global.get $FD))) ;; of files
  (call $errno (call $sock_open (i32.const 4) (i32.const 2) (global.get $FD))) ;; there is no such family
  (call $errno (call $sock_open (i32.const 255) (i32.const 2) (global.get $FD)))
  (call $errno (call $sock_open (i32.const 257) (i32.const 2) (global.get $FD)))
  (call $errno (call $sock_open (i32.const -1) (i32.const 2) (global.get $FD)))
  (call $errno (call $sock_open (i32.const 1) (i32.const 3) (global.get $FD))) ;; there is no such type
  (call $errno (call $sock_open (i32.const 1) (i32.const 258) (global.get $FD)))
  (call $fill (global.get $FD) (i32.const 8))
  (call $errno (call $sock_open (i32.const 1) (i32.const 3) (global.get $FD)))
  (call $show (global.get $FD) (i32.const 8)) ;; nothing is written
  (call $errno (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0x1f1))) ;; not aligned
  (call $errno (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0x1f2)))
  (call $errno (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0xfffc))) ;; at the end
  (call $errno (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0xfffe))) ;; over it
  (call $errno (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0x10000)))
  (call $errno (call $sock_open (i32.const 1) (i32.const 2) (i32.const -4)))
  (call $errno (call $sock_open (i32.const 9) (i32.const 9) (i32.const -1))) ;; everything at once
)
