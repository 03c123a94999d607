/** Functions that are system calls under their own name or another one: files, sockets, time, identity (O1). */
import { type Calls, direct, type DirectCall } from "../direct.ts";
import { callNamed } from "@guise/linux/services";

// deno-fmt-ignore
/** The same name in libc and kernel. */
const same = `access accept accept4 bind chdir chmod chown chroot clock_getres clock_gettime close close_range connect
  copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait fchdir fchmod fchown
  fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat
  getcpu getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getrandom getresgid getresuid getrlimit
  getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr ioctl kill lchown lgetxattr link linkat
  listen listxattr llistxattr lremovexattr lseek lsetxattr lstat madvise memfd_create mincore mkdir mkdirat mlock mlockall
  mmap mprotect mremap msync munlock munlockall munmap nanosleep open openat pause pipe pipe2 poll ppoll pread64
  preadv prctl prlimit64 pwrite64 pwritev read readlink readlinkat readv recvfrom recvmsg removexattr
  rename renameat renameat2 rmdir sched_get_priority_max sched_get_priority_min sched_getparam sched_getscheduler
  sched_rr_get_interval sched_setaffinity sched_setparam sched_setscheduler sched_yield select sendfile sendmsg sendto
  setgid setgroups sethostname setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsockopt
  setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack socket socketpair splice stat statfs statx symlink
  symlinkat sync syncfs sysinfo time timerfd_create timerfd_gettime timerfd_settime times truncate umask uname unlink
  unlinkat utime utimensat utimes write writev`.trim().split(/\s+/);

/** Another name, or the 64-bit one of a time when off_t had 32. */
const other: Readonly<Record<string, string>> = {
  __open64_2: "open",
  __open_2: "open",
  __openat64_2: "openat",
  creat64: "creat",
  eventfd: "eventfd2",
  fallocate: "fallocate",
  fallocate64: "fallocate",
  fcntl64: "fcntl",
  fstat64: "fstat",
  fstatat: "newfstatat",
  fstatat64: "newfstatat",
  fstatfs64: "fstatfs",
  ftruncate64: "ftruncate",
  getrlimit64: "getrlimit",
  lseek64: "lseek",
  lstat64: "lstat",
  mmap64: "mmap",
  open64: "open",
  openat64: "openat",
  pread: "pread64",
  prlimit: "prlimit64",
  pwrite: "pwrite64",
  sendfile64: "sendfile",
  setrlimit64: "setrlimit",
  stat64: "stat",
  statfs64: "statfs",
  truncate64: "truncate",
};

const rows: Record<string, DirectCall> = {};
for (const name of same) if (callNamed(name) !== undefined) rows[name] = direct(name);
for (const [name, call] of Object.entries(other)) rows[name] = direct(call);

/** See the file's head. */
export const kernelCalls: Calls = rows;
