;; What each case has: functions to tell what it saw, and to make sockets. The case stands where the line CASE is.
;;
;; Memory: addresses, out-parameters and buffers below 0x1000 (see the globals), the case's own up to 0xefff, and the line
;; that is printed next from 0xf000 on.
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_fdstat_set_flags" (func $fd_fdstat_set_flags (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_open" (func $sock_open (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_bind" (func $sock_bind (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_listen" (func $sock_listen (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_accept_v2" (func $sock_accept_v2 (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_connect" (func $sock_connect (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_send" (func $sock_send (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sock_recv" (func $sock_recv (param i32 i32 i32 i32 i32 i32) (result i32)))

CASE

(memory (export "memory") 1)

;; Addresses to give: 127.0.0.1 and ::1 as bytes, both as storage with their family, and room for one that comes back.
(global $V4 i32 (i32.const 0x000))
(data (i32.const 0x000) "\08\00\00\00\04\00\00\00\7f\00\00\01")
(global $V6 i32 (i32.const 0x010))
(data (i32.const 0x010) "\18\00\00\00\10\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01")
(global $S4 i32 (i32.const 0x030))
(data (i32.const 0x030) "\38\00\00\00\80\00\00\00\01\00\7f\00\00\01")
(global $S6 i32 (i32.const 0x0c0))
(data (i32.const 0x0c0)
  "\c8\00\00\00\80\00\00\00\02\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01")
(global $A4 i32 (i32.const 0x200)) ;; its bytes at 0x210
(data (i32.const 0x200) "\10\02\00\00\04\00\00\00")
(global $A16 i32 (i32.const 0x230)) ;; its bytes at 0x240
(data (i32.const 0x230) "\40\02\00\00\10\00\00\00")
(global $A128 i32 (i32.const 0x260)) ;; its bytes at 0x270
(data (i32.const 0x260) "\70\02\00\00\80\00\00\00")

;; Out-parameters.
(global $FD i32 (i32.const 0x1f0))
(global $N i32 (i32.const 0x1f4))
(global $FLAGS i32 (i32.const 0x1f8))
(global $TYPE i32 (i32.const 0x300))
(global $PORT i32 (i32.const 0x304))

;; Buffers: one of 16 bytes at 0x400 to read into, and `hello` to write.
(global $IN i32 (i32.const 0x310))
(data (i32.const 0x310) "\00\04\00\00\10\00\00\00")
(global $BUF i32 (i32.const 0x400))
(global $HELLO i32 (i32.const 0x318))
(data (i32.const 0x318) "\f0\03\00\00\05\00\00\00")
(data (i32.const 0x3f0) "hello")

;; Subscriptions, events, and how many of them.
(global $SUBS i32 (i32.const 0x600))
(global $EVENTS i32 (i32.const 0x800))
(global $COUNT i32 (i32.const 0x5f0))

;; Two ends of a connection, made by `pair`.
(global $listener (mut i32) (i32.const -1))
(global $client (mut i32) (i32.const -1))
(global $server (mut i32) (i32.const -1))

;; Prints a line: what a function returned.
(func $errno (param $errno i32)
  (call $word (i32.const 0x65) (i32.const 0x72)) ;; er
  (call $decimal (i64.extend_i32_u (local.get $errno)))
  (call $print))

;; Prints a line: a number.
(func $value (param $value i32)
  (call $word (i32.const 0x3d) (i32.const 0x3d)) ;; ==
  (call $decimal (i64.extend_i32_u (local.get $value)))
  (call $print))

;; Prints a line: bytes of the memory.
(func $show (param $from i32) (param $len i32)
  (call $word (i32.const 0x40) (i32.const 0x40)) ;; @@
  (loop $next
    (if (local.get $len) (then
      (call $byte (i32.const 0x20))
      (call $digit (i32.shr_u (i32.load8_u (local.get $from)) (i32.const 4)))
      (call $digit (i32.and (i32.load8_u (local.get $from)) (i32.const 15)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (local.set $len (i32.sub (local.get $len) (i32.const 1)))
      (br $next))))
  (call $print))

;; Makes bytes known, so that it shows which of them are written.
(func $fill (param $from i32) (param $len i32)
  (memory.fill (local.get $from) (i32.const 0xaa) (local.get $len)))

;; Opens a socket; a case cannot go on without.
(func $socket (param $family i32) (param $type i32) (result i32)
  (call $must (call $sock_open (local.get $family) (local.get $type) (global.get $FD)))
  (i32.load (global.get $FD)))

(func $must (param $errno i32)
  (if (local.get $errno) (then (call $errno (local.get $errno)) unreachable)))

;; A socket for TCP that listens at 127.0.0.1.
(func $listening (param $port i32) (result i32)
  (local $fd i32)
  (local.set $fd (call $socket (i32.const 1) (i32.const 2)))
  (call $must (call $sock_bind (local.get $fd) (global.get $V4) (local.get $port)))
  (call $must (call $sock_listen (local.get $fd) (i32.const 8)))
  (local.get $fd))

;; A socket for UDP at 127.0.0.1.
(func $datagrams (param $port i32) (result i32)
  (local $fd i32)
  (local.set $fd (call $socket (i32.const 1) (i32.const 1)))
  (call $must (call $sock_bind (local.get $fd) (global.get $V4) (local.get $port)))
  (local.get $fd))

;; A connection from port 5000 to port 4000.
(func $pair
  (global.set $listener (call $listening (i32.const 4000)))
  (global.set $client (call $socket (i32.const 1) (i32.const 2)))
  (call $must (call $sock_bind (global.get $client) (global.get $V4) (i32.const 5000)))
  (call $must (call $sock_connect (global.get $client) (global.get $V4) (i32.const 4000)))
  (call $must (call $sock_accept_v2 (global.get $listener) (i32.const 0) (global.get $FD)))
  (global.set $server (i32.load (global.get $FD))))

;; Sends `hello` over a connection.
(func $hello (param $fd i32)
  (call $must (call $sock_send (local.get $fd) (global.get $HELLO) (i32.const 1) (i32.const 0) (global.get $N))))

(func $nonblocking (param $fd i32)
  (call $must (call $fd_fdstat_set_flags (local.get $fd) (i32.const 4))))

;; So many vectors of one byte each at 0x2000, of the bytes from 0x5000 on.
(func $vectors (param $count i32)
  (local $at i32)
  (loop $next
    (if (i32.lt_u (local.get $at) (local.get $count)) (then
      (i32.store (i32.add (i32.const 0x2000) (i32.shl (local.get $at) (i32.const 3)))
        (i32.add (i32.const 0x5000) (local.get $at)))
      (i32.store offset=4 (i32.add (i32.const 0x2000) (i32.shl (local.get $at) (i32.const 3))) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))))

;; Subscription number `at`: 1 for reading, 2 for writing. Its user data is 100 and its number.
(func $when (param $at i32) (param $tag i32) (param $fd i32)
  (local $sub i32)
  (local.set $sub (i32.add (global.get $SUBS) (i32.mul (local.get $at) (i32.const 48))))
  (memory.fill (local.get $sub) (i32.const 0) (i32.const 48))
  (i64.store (local.get $sub) (i64.extend_i32_u (i32.add (local.get $at) (i32.const 100))))
  (i32.store8 offset=8 (local.get $sub) (local.get $tag))
  (i32.store offset=16 (local.get $sub) (local.get $fd)))

;; Subscription number `at`: a clock, in nanoseconds.
(func $after (param $at i32) (param $clock i32) (param $time i64) (param $flags i32)
  (local $sub i32)
  (local.set $sub (i32.add (global.get $SUBS) (i32.mul (local.get $at) (i32.const 48))))
  (memory.fill (local.get $sub) (i32.const 0) (i32.const 48))
  (i64.store (local.get $sub) (i64.extend_i32_u (i32.add (local.get $at) (i32.const 100))))
  (i32.store offset=16 (local.get $sub) (local.get $clock))
  (i64.store offset=24 (local.get $sub) (local.get $time))
  (i32.store16 offset=40 (local.get $sub) (local.get $flags)))

;; Polls so many subscriptions.
(func $poll (param $count i32)
  (call $errno (call $poll_oneoff (global.get $SUBS) (global.get $EVENTS) (local.get $count) (global.get $COUNT))))

;; Prints a line for each event: user data, errno, type, number of bytes, flags. Those of smaller user data come first.
(func $events
  (local $want i32) (local $at i32) (local $event i32)
  (call $value (i32.load (global.get $COUNT)))
  (loop $next
    (local.set $at (i32.const 0))
    (loop $search
      (local.set $event (i32.add (global.get $EVENTS) (i32.shl (local.get $at) (i32.const 5))))
      (if (i32.eq (i32.load (local.get $event)) (i32.add (local.get $want) (i32.const 100))) (then
        (call $word (i32.const 0x65) (i32.const 0x76)) ;; ev
        (call $decimal (i64.load (local.get $event)))
        (call $decimal (i64.load16_u offset=8 (local.get $event)))
        (call $decimal (i64.load8_u offset=10 (local.get $event)))
        ;; How much can be written is the kernel's affair.
        (call $decimal (select (i64.const 0) (i64.load offset=16 (local.get $event))
          (i32.eq (i32.load8_u offset=10 (local.get $event)) (i32.const 2))))
        (call $decimal (i64.load16_u offset=24 (local.get $event)))
        (call $print)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $search (i32.lt_u (local.get $at) (i32.load (global.get $COUNT)))))
    (local.set $want (i32.add (local.get $want) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $want) (i32.const 16)))))

;; The line: where it ends, and its number.
(global $end (mut i32) (i32.const 0xf010))
(global $line (mut i32) (i32.const 0))

(func $byte (param $byte i32)
  (i32.store8 (global.get $end) (local.get $byte))
  (global.set $end (i32.add (global.get $end) (i32.const 1))))

(func $digit (param $digit i32)
  (call $byte (i32.add (local.get $digit)
    (select (i32.const 0x30) (i32.const 0x57) (i32.lt_u (local.get $digit) (i32.const 10))))))

;; Begins a line with its number and two letters.
(func $word (param $one i32) (param $two i32)
  (global.set $line (i32.add (global.get $line) (i32.const 1)))
  (call $digits (i64.extend_i32_u (global.get $line)))
  (call $byte (i32.const 0x20))
  (call $byte (local.get $one))
  (call $byte (local.get $two)))

(func $decimal (param $number i64)
  (call $byte (i32.const 0x20))
  (call $digits (local.get $number)))

(func $digits (param $number i64)
  (if (i64.ge_u (local.get $number) (i64.const 10)) (then
    (call $digits (i64.div_u (local.get $number) (i64.const 10)))))
  (call $digit (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))

(func $print
  (call $byte (i32.const 10))
  (i32.store (i32.const 0xf000) (i32.const 0xf010))
  (i32.store (i32.const 0xf004) (i32.sub (global.get $end) (i32.const 0xf010)))
  (global.set $end (i32.const 0xf010))
  (drop (call $fd_write (i32.const 1) (i32.const 0xf000) (i32.const 1) (i32.const 0xf008))))
