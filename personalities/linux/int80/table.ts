/**
 * INT 0x80 in 64-bit code: the i386 table (spec X12, X13). Most calls are the 64-bit ones with narrow arguments; structures of
 * another layout are in structures.ts. What needs 32-bit code (signal handlers) answers ENOSYS until there is some.
 */
import { lateTable, type Syscall, type SyscallTable } from "@guise/core";
import type { Rows } from "../rows.ts";
import { ownCalls } from "./calls.ts";
import { MORE_SHARED, moreCalls } from "./more.ts";
import { narrow } from "./narrow.ts";
import { structureCalls } from "./structures.ts";
import { waitingCalls } from "./waiting.ts";

/** i386 numbers of calls whose arguments are plain numbers, paths and bytes. */
// deno-fmt-ignore
const SHARED: readonly (readonly [number: number, name: string])[] = [
  [0, "restart_syscall"], [1, "exit"], [2, "fork"], [3, "read"], [4, "write"], [5, "open"], [6, "close"], [8, "creat"],
  [9, "link"], [10, "unlink"], [12, "chdir"], [14, "mknod"], [15, "chmod"], [20, "getpid"], [27, "alarm"], [29, "pause"],
  [33, "access"], [36, "sync"], [37, "kill"], [38, "rename"], [39, "mkdir"], [40, "rmdir"], [41, "dup"], [42, "pipe"],
  [45, "brk"], [54, "ioctl"], [57, "setpgid"], [60, "umask"], [61, "chroot"], [63, "dup2"], [64, "getppid"],
  [65, "getpgrp"], [66, "setsid"], [74, "sethostname"], [83, "symlink"], [85, "readlink"], [91, "munmap"],
  [94, "fchmod"], [96, "getpriority"], [97, "setpriority"], [118, "fsync"], [122, "uname"], [125, "mprotect"],
  [132, "getpgid"], [133, "fchdir"], [136, "personality"], [143, "flock"], [144, "msync"], [147, "getsid"],
  [148, "fdatasync"], [150, "mlock"], [151, "munlock"], [152, "mlockall"], [153, "munlockall"],
  [154, "sched_setparam"], [155, "sched_getparam"], [156, "sched_setscheduler"], [157, "sched_getscheduler"],
  [158, "sched_yield"], [159, "sched_get_priority_max"], [160, "sched_get_priority_min"], [163, "mremap"], [168, "poll"],
  [172, "prctl"], [183, "getcwd"], [190, "vfork"], [199, "getuid"], [200, "getgid"], [201, "geteuid"], [202, "getegid"],
  [203, "setreuid"], [204, "setregid"], [205, "getgroups"], [206, "setgroups"], [207, "fchown"], [208, "setresuid"],
  [209, "getresuid"], [210, "setresgid"], [211, "getresgid"], [212, "chown"], [213, "setuid"], [214, "setgid"],
  [215, "setfsuid"], [216, "setfsgid"], [218, "mincore"], [219, "madvise"], [220, "getdents64"],
  [224, "gettid"], [238, "tkill"], [252, "exit_group"], [254, "epoll_create"], [255, "epoll_ctl"], [256, "epoll_wait"], [258, "set_tid_address"],
  [239, "sendfile"], [270, "tgkill"], [295, "openat"], [296, "mkdirat"], [297, "mknodat"], [298, "fchownat"], [301, "unlinkat"],
  [302, "renameat"], [303, "linkat"], [304, "symlinkat"], [305, "readlinkat"], [306, "fchmodat"], [307, "faccessat"],
  [318, "getcpu"], [323, "eventfd"], [328, "eventfd2"], [329, "epoll_create1"], [330, "dup3"], [331, "pipe2"],
  [353, "renameat2"], [355, "getrandom"], [356, "memfd_create"], [375, "membarrier"], [384, "arch_prctl"],
  [403, "clock_gettime"], [406, "clock_getres"], [407, "clock_nanosleep"], [422, "futex"], [424, "pidfd_send_signal"],
  [434, "pidfd_open"], [435, "clone3"], [436, "close_range"], [439, "faccessat2"],
];

/** The table for the rows of the 64-bit entry; made when it is first used, which few programs do. */
export function int80Table(rows: Rows): SyscallTable {
  return lateTable("x86-64", "int80", () => int80Rows(rows));
}

function int80Rows(rows: Rows): ReadonlyMap<number, Syscall> {
  const calls = new Map<string, Syscall>(rows.map(([, call]) => [call.name, call]));
  const map = new Map<number, Syscall>();
  for (const [number, name] of [...SHARED, ...MORE_SHARED]) {
    const call = calls.get(name);
    if (call === undefined) throw new Error(`guise: int80 names ${name}, which is not a call`);
    map.set(number, narrow(call));
  }
  for (
    const [number, call] of [
      ...ownCalls(calls),
      ...moreCalls(calls),
      ...structureCalls(calls),
      ...waitingCalls(calls),
    ]
  ) {
    map.set(number, narrow(call));
  }
  return map;
}
