/** The lists of spec 3.3, and what a run of the programs here says about each name. */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The 73 of April 2023; `fstatat` is Linux's newfstatat. */
export const NAMES_73: readonly string[] = words(`accept4 bind clock_getres clock_gettime close connect dup3
  epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 exit exit_group fcntl fdatasync flock fstat newfstatat fsync
  ftruncate futex getcwd getdents64 getgid get_mempolicy getpeername getpid getrandom getsockname getsockopt gettid
  getuid ioctl listen lseek madvise mincore mkdir mkdirat mmap munmap nanosleep open openat pipe2 pread64 pselect6
  pwrite64 read readlinkat recvfrom recvmsg renameat rt_sigaction rt_sigprocmask sched_getaffinity sched_setaffinity
  sched_yield select sendmsg sendto set_mempolicy setsockopt sigaltstack socket stat statfs symlinkat tgkill uname
  unlinkat write`);

/** The 60 that were trivial to add. */
export const NAMES_60: readonly string[] = words(
  `accept access alarm chdir creat dup dup2 epoll_create eventfd
  fallocate faccessat fchdir fstatfs futimesat getitimer getpriority getrlimit getrusage gettimeofday kill lstat
  mprotect msync pause pipe poll ppoll prctl readlink readv rename rmdir sched_get_priority_max
  sched_get_priority_min sendfile sethostname setitimer setpriority setrlimit shmget shmat shmctl shmdt shutdown
  socketpair symlink sync sysinfo time timerfd_create timerfd_gettime timerfd_settime times truncate umask unlink
  utime utimensat utimes writev`,
);

/** Of the 60, what OSv's master still lacks. */
export const NOT_IN_MASTER: readonly string[] = words(`eventfd fallocate futimesat getitimer lstat pause
  sched_get_priority_max sched_get_priority_min setitimer sync times utime utimes`);

/** Of both lists, what has no number on aarch64. */
export const NOT_ON_AARCH64: readonly string[] = words(
  `epoll_wait mkdir open select stat access alarm creat dup2
  epoll_create eventfd futimesat lstat pause pipe poll readlink rename rmdir symlink time unlink utime utimes`,
);

/** The names of the calls in an output: each line `name(arguments) = result`. */
export function called(output: string): Set<string> {
  return new Set([...output.matchAll(/^(\w+)\(/gm)].map((match) => match[1]));
}

/** An output's cases by name: the lines after `# name`. */
export function cases(output: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of output.trimEnd().split("\n")) {
    if (line.startsWith("# ")) found.set(line.slice(2), lines = []);
    else lines.push(line);
  }
  return found;
}

/** The same output where some names are missing: a case ends with `name = ENOSYS` at the first of them. */
export function without(output: string, there: (name: string) => boolean): string {
  const lines: string[] = [];
  for (const [name, body] of cases(output)) {
    lines.push(`# ${name}`);
    for (const line of body) {
      const call = /^(\w+)\(/.exec(line)?.[1];
      if (call !== undefined && !there(call)) {
        lines.push(`${call} = ENOSYS`);
        break;
      }
      lines.push(line);
    }
  }
  return lines.join("\n") + "\n";
}
