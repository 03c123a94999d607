/** Functions that are system calls under their own name or another one: files, sockets, time, identity (O1). */
import { type Calls, direct, type DirectCall } from "../direct.ts";

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
  unlinkat utime utimensat utimes write writev alarm capget capset clock_settime fremovexattr inotify_add_watch
  inotify_init inotify_init1 inotify_rm_watch mknod mknodat mount name_to_handle_at open_by_handle_at pivot_root
  process_vm_readv process_vm_writev quotactl readahead reboot setdomainname setfsgid setfsuid setns settimeofday swapoff
  swapon sync_file_range tee umount2 unshare vhangup vmsplice acct adjtimex clock_adjtime init_module delete_module
  fanotify_mark fanotify_init ioperm iopl personality ptrace remap_file_pages timer_create timer_delete timer_settime
  timer_gettime timer_getoverrun msgctl msgget msgrcv msgsnd semctl semget semop semtimedop mq_unlink mlock2
  membarrier mq_timedsend mq_timedreceive mq_notify mq_getsetattr`.trim().split(/\s+/);

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
  __poll: "poll",
  __read: "read",
  __write: "write",
  __close: "close",
  __open: "open",
  __lseek: "lseek",
  __fcntl: "fcntl",
  __pipe: "pipe",
  __dup2: "dup2",
  __select: "select",
  __poll_chk: "poll",
  __pread64_chk: "pread64",
  __pread_chk: "pread64",
  __read_chk: "read",
  __readlink_chk: "readlink",
  __readlinkat_chk: "readlinkat",
  __recvfrom_chk: "recvfrom",
  __openat_2: "openat",
};

const rows: Record<string, DirectCall> = {};
// What Linux's services have not is ENOSYS here too, instead of a system call of the libc under us.
for (const name of same) rows[name] = direct(name);
for (const [name, call] of Object.entries(other)) rows[name] = direct(call);

/** See the file's head. */
export const kernelCalls: Calls = rows;
