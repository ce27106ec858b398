;; What Go's runtime asks an operating system for, answered by nobody: WASI preview 1 inside the component.
;;
;; wit-component links this module to Go's as an adapter, and drops the functions that Go doesn't import. What remains
;; imports nothing but `diagnostics`, and all of it is the same at every run:
;;
;; - the clock is virtual: it starts at one second, each look at it takes a microsecond, sleeping moves it on;
;; - random bytes come from one seed;
;; - there are no arguments, no environment and no files;
;; - what is written to standard output and standard error becomes diagnostics, 16 KiB of each write;
;; - exit traps.
(module
  (import "skewless:transform/diagnostics@0.1.0" "write" (func $write (param i32 i32)))
  (import "env" "memory" (memory 0))

  ;; Nanoseconds. Go refuses to start at 0.
  (global $clock (mut i64) (i64.const 1000000000))
  (global $seed (mut i64) (i64.const 0))

  ;; Error numbers: 8 is a bad file descriptor, 52 a function that isn't there.

  (func (export "args_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "environ_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  (func (export "clock_res_get") (param $id i32) (param $resolution i32) (result i32)
    (i64.store (local.get $resolution) (i64.const 1000))
    (i32.const 0))
  (func (export "clock_time_get") (param $id i32) (param $precision i64) (param $time i32) (result i32)
    (global.set $clock (i64.add (global.get $clock) (i64.const 1000)))
    (i64.store (local.get $time) (global.get $clock))
    (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; Every subscription (48 bytes) is ready at once, as an event (32 bytes). One of a clock moves the clock.
  (func (export "poll_oneoff")
    (param $subscription i32) (param $event i32) (param $count i32) (param $events i32) (result i32)
    (i32.store (local.get $events) (local.get $count))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (if (i32.eqz (i32.load8_u offset=8 (local.get $subscription)))
          (then (call $sleep
            (i64.load offset=24 (local.get $subscription))
            (i32.load16_u offset=40 (local.get $subscription)))))
        ;; What the subscriber calls it, no error, and its kind.
        (i64.store (local.get $event) (i64.load (local.get $subscription)))
        (i64.store offset=8 (local.get $event)
          (i64.shl (i64.load8_u offset=8 (local.get $subscription)) (i64.const 16)))
        (i64.store offset=16 (local.get $event) (i64.const 0))
        (i64.store offset=24 (local.get $event) (i64.const 0))
        (local.set $subscription (i32.add (local.get $subscription) (i32.const 48)))
        (local.set $event (i32.add (local.get $event) (i32.const 32)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 0))
  (func $sleep (param $time i64) (param $flags i32)
    ;; Until an instant where the first flag is set, else for a while. Time never goes back.
    (if (i32.eqz (i32.and (local.get $flags) (i32.const 1)))
      (then (local.set $time (i64.add (global.get $clock) (local.get $time)))))
    (if (i64.gt_u (local.get $time) (global.get $clock))
      (then (global.set $clock (local.get $time)))))

  (func (export "random_get") (param $to i32) (param $count i32) (result i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (i32.store8 (local.get $to) (i32.wrap_i64 (call $random)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.const 0))
  ;; splitmix64
  (func $random (result i64)
    (local $mixed i64)
    (global.set $seed (i64.add (global.get $seed) (i64.const 0x9e3779b97f4a7c15)))
    (local.set $mixed (global.get $seed))
    (local.set $mixed (i64.mul
      (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 30))) (i64.const 0xbf58476d1ce4e5b9)))
    (local.set $mixed (i64.mul
      (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 27))) (i64.const 0x94d049bb133111eb)))
    (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 31))))

  ;; Only standard output and standard error can be written.
  (func (export "fd_write") (param $fd i32) (param $piece i32) (param $count i32) (param $written i32) (result i32)
    (local $length i32)
    (local $total i32)
    (if (i32.and (i32.ne (local.get $fd) (i32.const 1)) (i32.ne (local.get $fd) (i32.const 2)))
      (then (return (i32.const 8))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $length (i32.load offset=4 (local.get $piece)))
        (local.set $total (i32.add (local.get $total) (local.get $length)))
        (if (i32.gt_u (local.get $length) (i32.const 16384)) (then (local.set $length (i32.const 16384))))
        (call $write (i32.load (local.get $piece)) (local.get $length))
        (local.set $piece (i32.add (local.get $piece) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $total))
    (i32.const 0))
  ;; The three standard files are character devices that can be written.
  (func (export "fd_fdstat_get") (param $fd i32) (param $stat i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (i64.store (local.get $stat) (i64.const 2))
    (i64.store offset=8 (local.get $stat) (i64.const 0x40))
    (i64.store offset=16 (local.get $stat) (i64.const 0))
    (i32.const 0))
  ;; Reading standard input finds its end.
  (func (export "fd_read") (param $fd i32) (param $pieces i32) (param $count i32) (param $read i32) (result i32)
    (if (i32.ne (local.get $fd) (i32.const 0)) (then (return (i32.const 8))))
    (i32.store (local.get $read) (i32.const 0))
    (i32.const 0))
  (func (export "fd_close") (param i32) (result i32) (i32.const 0))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 0))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "proc_exit") (param i32) unreachable)

  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 52))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 52))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 52))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "proc_raise") (param i32) (result i32) (i32.const 52))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 52)))
