// Identity and settings: ids and their rules, groups, capabilities, limits, prctl, priorities, scheduling, uname, random.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#define TRY(x) ({ errno = 0; long r_ = (long)(x); printf("%s: %ld %d\n", #x, r_, errno); r_; })
static void ids(void) { int a, b, c, d, e, f; getresuid(&a, &b, &c); getresgid(&d, &e, &f); printf("ids %d %d %d / %d %d %d\n", a, b, c, d, e, f); }
static void caps(void) { struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0}; struct __user_cap_data_struct d[2]; syscall(SYS_capget, &h, d); printf("caps eff %d perm %d\n", d[0].effective & 1, d[0].permitted & 1); }
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0); int st;
  if (getuid() == 0) {
    if (!fork()) { gid_t g[3] = {5, 3, 9}; TRY(setgroups(3, g)); TRY(getgroups(0, 0)); gid_t h[3]; getgroups(3, h); printf("%d %d %d\n", h[0], h[1], h[2]); TRY(getgroups(2, h)); TRY(setresgid(100, 101, 102)); TRY(setresuid(1000, 1001, 1002)); ids(); caps(); TRY(setuid(0)); TRY(setuid(1002)); ids(); TRY(setreuid(1002, 1000)); ids(); TRY(setresuid(-1, 1002, 1000)); ids(); TRY(setgroups(0, 0)); TRY(setgid(102)); ids(); TRY(setregid(-1, 100)); TRY(setresgid(0, 0, 0)); TRY(kill(1, 0)); TRY(setpriority(PRIO_PROCESS, 0, -5)); TRY(setpriority(PRIO_PROCESS, 0, 5)); TRY(getpriority(PRIO_PROCESS, 0)); TRY(setpriority(PRIO_PROCESS, 0, 3)); TRY(chroot("/")); TRY(sethostname("x", 1)); TRY(open("/etc/shadow", O_RDONLY)); _exit(0); } wait(0);
    if (!fork()) { TRY(seteuid(1000)); ids(); caps(); TRY(seteuid(0)); ids(); caps(); TRY(setuid(1000)); TRY(seteuid(0)); caps(); _exit(0); } wait(0);
    if (!fork()) { TRY(prctl(PR_SET_KEEPCAPS, 1)); TRY(setuid(1000)); caps(); _exit(0); } wait(0);
    if (!fork()) { TRY(setfsuid(1000)); TRY(setfsuid(-1)); TRY(setfsgid(7)); TRY(setfsgid(-1)); _exit(0); } wait(0);
    if (!fork()) { TRY(setreuid(1000, -1)); ids(); TRY(setreuid(-1, 5)); ids(); TRY(setreuid(5, 1000)); ids(); _exit(0); } wait(0);
    if (!fork()) { struct rlimit rl = {3, 3}; setuid(1234); TRY(setrlimit(RLIMIT_NPROC, &rl)); for (int i = 0; i < 4; i++) { int p = fork(); if (!p) { usleep(300000); _exit(0); } printf("fork %d %d\n", p > 0, p < 0 ? errno : 0); } while (wait(0) > 0); _exit(0); } wait(0);
    pid_t pid = fork(); if (!pid) { setuid(1000); usleep(100000); _exit(0); } usleep(20000); if (!fork()) { setuid(2000); TRY(kill(pid, 0)); TRY(prlimit(pid, RLIMIT_NOFILE, 0, &(struct rlimit){0})); _exit(0); } wait(0); wait(0);
  }
  struct rlimit rl; getrlimit(RLIMIT_STACK, &rl); printf("stack %ld %d\n", (long)rl.rlim_cur, rl.rlim_max == RLIM_INFINITY);
  rl = (struct rlimit){10, 5}; TRY(setrlimit(RLIMIT_NOFILE, &rl)); TRY(getrlimit(99, &rl)); TRY(syscall(SYS_getrlimit, 1, 8)); TRY(syscall(SYS_prlimit64, 999999, 1, 0, 0)); rl = (struct rlimit){1, 1 << 30}; TRY(setrlimit(RLIMIT_NOFILE, &rl));
  rl = (struct rlimit){5, 100}; TRY(setrlimit(RLIMIT_NOFILE, &rl)); int fd; while ((fd = open("/dev/null", O_RDONLY)) >= 0) st = fd; printf("last fd %d errno %d\n", st, errno); TRY(dup(0)); TRY(fcntl(0, F_DUPFD, 50)); rl.rlim_cur = 50; TRY(setrlimit(RLIMIT_NOFILE, &rl));
  if (!fork()) { rl = (struct rlimit){100, 100}; setrlimit(RLIMIT_FSIZE, &rl); char n[50]; snprintf(n, 50, "/tmp/guise-fs-%d", getpid()); fd = open(n, O_CREAT | O_WRONLY, 0600); unlink(n); char b[200]; TRY(write(fd, b, 200)); signal(SIGXFSZ, SIG_IGN); TRY(write(fd, b, 1)); signal(SIGXFSZ, SIG_DFL); write(fd, b, 1); _exit(0); } wait(&st); printf("fsize %d\n", WTERMSIG(st));
  if (!fork()) { rl = (struct rlimit){1 << 20, 1 << 20}; setrlimit(RLIMIT_DATA, &rl); printf("data %d %d\n", sbrk(2 << 20) == (void *)-1, mmap(0, 4 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED); _exit(0); } wait(0);
  char name[17] = {0}; TRY(prctl(PR_SET_NAME, "a-name-longer-than-fifteen")); TRY(prctl(PR_GET_NAME, name)); printf("%s\n", name); TRY(prctl(PR_GET_DUMPABLE)); TRY(prctl(PR_SET_DUMPABLE, 2)); TRY(prctl(PR_SET_DUMPABLE, 0)); TRY(prctl(PR_GET_DUMPABLE));
  TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); TRY(prctl(PR_SET_PDEATHSIG, 99)); TRY(prctl(PR_SET_PDEATHSIG, SIGUSR1)); TRY(prctl(PR_GET_PDEATHSIG, &st)); printf("%d\n", st); prctl(PR_SET_PDEATHSIG, 0); TRY(prctl(12345)); TRY(prctl(PR_GET_TIMERSLACK)); TRY(prctl(PR_GET_SECCOMP));
  if (!fork()) { int p[2]; pipe(p); if (!fork()) { signal(SIGUSR1, SIG_DFL); prctl(PR_SET_PDEATHSIG, SIGKILL); write(p[1], "x", 1); sleep(5); printf("pdeathsig failed\n"); _exit(0); } char c; read(p[0], &c, 1); _exit(0); } wait(0); usleep(20000);
  TRY(sched_getscheduler(0)); TRY(sched_get_priority_max(SCHED_FIFO)); TRY(sched_get_priority_min(SCHED_OTHER)); TRY(sched_get_priority_max(77)); struct sched_param sp = {5}; TRY(sched_setscheduler(0, SCHED_OTHER, &sp)); sp.sched_priority = 0; TRY(sched_setscheduler(0, SCHED_BATCH, &sp)); TRY(sched_getscheduler(0)); TRY(sched_getscheduler(99999)); cpu_set_t cs; CPU_ZERO(&cs); TRY(sched_setaffinity(0, sizeof cs, &cs)); TRY(syscall(SYS_sched_getaffinity, 0, 3, &cs)); unsigned cpu = 99, node = 99; syscall(SYS_getcpu, &cpu, &node, 0); printf("node %u\n", node);
  struct utsname u; TRY(uname(&u)); printf("%s %s\n", u.sysname, u.machine); TRY(uname((void *)8)); struct sysinfo si; TRY(sysinfo(&si)); printf("%d %d\n", si.mem_unit, si.procs > 0); char r[8]; TRY(getrandom(r, 8, 0)); TRY(getrandom(r, 8, 99)); TRY(getrandom((void *)8, 8, 0)); TRY(personality(0xffffffff)); TRY(syscall(SYS_membarrier, 8, 0, 0)); TRY(syscall(SYS_membarrier, 16, 0, 0)); TRY(syscall(SYS_membarrier, 8, 0, 0)); TRY(syscall(SYS_arch_prctl, 0x3001, &st)); TRY(syscall(SYS_arch_prctl, 0x1003, 8)); TRY(syscall(SYS_arch_prctl, 0x1002, 1ul << 63)); TRY(syscall(1000)); TRY(syscall(-1)); TRY(syscall(0x40000027)); printf("%d\n", syscall(0x100000027l) == getpid());
  TRY(syscall(SYS_rseq, 1, 32, 0, 5)); TRY(syscall(SYS_set_robust_list, 0, 5)); TRY(syscall(SYS_set_tid_address, 0) == gettid());
  return 0;
}
