/** Which system calls OSv had, and has (spec 3.3). */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The 73 of April 2023. */
export const SET_2023: readonly string[] = words(`accept4 bind clock_getres clock_gettime close connect dup3
  epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 exit exit_group fcntl fdatasync flock fstat newfstatat fsync
  ftruncate futex getcwd getdents64 getgid get_mempolicy getpeername getpid getrandom getsockname getsockopt gettid
  getuid ioctl listen lseek madvise mincore mkdir mkdirat mmap munmap nanosleep open openat pipe2 pread64 pselect6
  pwrite64 read readlinkat recvfrom recvmsg renameat rt_sigaction rt_sigprocmask sched_getaffinity sched_setaffinity
  sched_yield select sendmsg sendto set_mempolicy setsockopt sigaltstack socket stat statfs symlinkat tgkill uname
  unlinkat write`);

/** The 60 that a libc has anyway. */
export const SET_TRIVIAL: readonly string[] = words(
  `accept access alarm chdir creat dup dup2 epoll_create eventfd
  fallocate faccessat fchdir fstatfs futimesat getitimer getpriority getrlimit getrusage gettimeofday kill lstat mprotect
  msync pause pipe poll ppoll prctl readlink readv rename rmdir sched_get_priority_max sched_get_priority_min sendfile
  sethostname setitimer setpriority setrlimit shmget shmat shmctl shmdt shutdown socketpair symlink sync sysinfo time
  timerfd_create timerfd_gettime timerfd_settime times truncate umask unlink utime utimensat utimes writev`,
);

const notInMaster = new Set(words(`eventfd fallocate futimesat getitimer lstat pause sched_get_priority_max
  sched_get_priority_min setitimer sync times utime utimes`));

/** Today's. */
export const SET_MASTER: readonly string[] = [
  ...SET_2023,
  ...SET_TRIVIAL.filter((name) => !notInMaster.has(name)),
  ...words(
    `arch_prctl brk chmod clock_nanosleep clone clone3 close_range epoll_pwait2 fchmod getcpu getegid geteuid
    getppid io_uring_enter io_uring_register io_uring_setup membarrier mknodat mremap preadv2 prlimit64 pwritev2
    renameat2 rt_sigtimedwait set_robust_list set_tid_address splice statx tee vmsplice`,
  ),
];
