// Processes: fork, wait of all kinds, groups, stops, orphans, exec errors, limits of ids.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void status(const char *what, int pid, int expect, int st) {
  printf("%s: pid %d", what, pid == expect);
  if (WIFEXITED(st)) printf(" exited %d", WEXITSTATUS(st));
  else if (WIFSIGNALED(st)) printf(" signalled %d", WTERMSIG(st));
  else if (WIFSTOPPED(st)) printf(" stopped %d", WSTOPSIG(st));
  else if (WIFCONTINUED(st)) printf(" continued");
  printf("\n");
}
static volatile int chld;
static siginfo_t last;
static void on_chld(int s, siginfo_t *i, void *u) { chld++; last = *i; }
static int child_fn(void *arg) { *(int *)arg = 5; return 9; }
int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  if (argc > 1 && !strcmp(argv[1], "again")) {
    sigset_t m; sigprocmask(0, 0, &m);
    struct sigaction a, b; sigaction(SIGUSR1, 0, &a); sigaction(SIGUSR2, 0, &b);
    printf("exec'd: argc %d mask %d usr1 %d usr2 %d fd5 %d fd6 %d env %s name0 %s\n", argc, sigismember(&m, SIGTERM),
           a.sa_handler == SIG_DFL, b.sa_handler == SIG_IGN, fcntl(5, F_GETFD), fcntl(6, F_GETFD), getenv("V"), argv[0]);
    return 0;
  }
  int st, pid, r;
  printf("echild %d %d\n", wait(0), errno);
  pid = fork(); if (!pid) _exit(300);
  r = wait(&st); status("exit", r, pid, st);
  pid = fork(); if (!pid) { raise(SIGTERM); _exit(1); }
  r = waitpid(pid, &st, 0); status("term", r, pid, st);
  pid = fork(); if (!pid) { abort(); }
  r = waitpid(pid, &st, 0); st &= ~0x80; status("abort", r, pid, st);
  pid = fork(); if (!pid) { for (;;) pause(); }
  printf("nohang %d\n", waitpid(pid, &st, WNOHANG));
  kill(pid, SIGSTOP); r = waitpid(pid, &st, WUNTRACED); status("stop", r, pid, st);
  printf("again %d\n", waitpid(pid, &st, WUNTRACED | WNOHANG));
  kill(pid, SIGCONT); r = waitpid(pid, &st, WCONTINUED); status("cont", r, pid, st);
  siginfo_t si; memset(&si, 0, sizeof si);
  printf("waitid nohang %d", waitid(P_PID, pid, &si, WEXITED | WNOHANG)); printf(" %d\n", si.si_pid);
  kill(pid, SIGKILL);
  r = waitid(P_PID, pid, &si, WEXITED | WNOWAIT);
  printf("waitid %d signo %d code %d status %d pid %d\n", r, si.si_signo, si.si_code, si.si_status, si.si_pid == pid);
  r = waitid(P_PID, pid, &si, WEXITED); printf("waitid %d code %d\n", r, si.si_code);
  r = waitid(P_ALL, 0, &si, 0); printf("waitid %d %d\n", r, errno);
  r = waitpid(-1, &st, 0x10000); printf("options %d %d\n", r, errno);
  // SIGCHLD's siginfo.
  struct sigaction sa = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGCHLD, &sa, 0);
  pid = fork(); if (!pid) _exit(7);
  r = waitpid(pid, &st, 0); printf("chld %d code %d status %d pid %d uid %d\n", chld, last.si_code, last.si_status, last.si_pid == pid, last.si_uid == getuid());
  sa.sa_flags |= SA_NOCLDSTOP; sigaction(SIGCHLD, &sa, 0); chld = 0;
  pid = fork(); if (!pid) { raise(SIGSTOP); _exit(3); }
  r = waitpid(pid, &st, WUNTRACED); printf("nocldstop %d\n", chld); kill(pid, SIGCONT); waitpid(pid, &st, 0); status("after", pid, pid, st);
  signal(SIGCHLD, SIG_IGN);
  pid = fork(); if (!pid) _exit(0);
  r = wait(&st); printf("ignored %d %d\n", r, errno);
  signal(SIGCHLD, SIG_DFL);
  // Groups and sessions.
  int p[2]; pipe(p); char c;
  pid = fork(); if (!pid) { close(p[1]); read(p[0], &c, 1); _exit(0); }
  printf("setpgid %d group %d\n", setpgid(pid, 0), getpgid(pid) == pid);
  printf("wait group %d\n", waitpid(-pid, &st, WNOHANG));
  printf("wait own group %d %d\n", waitpid(0, &st, WNOHANG), errno);
  write(p[1], "x", 1); r = waitpid(-pid, &st, 0); status("group", r, pid, st);
  printf("setpgid gone %d %d\n", setpgid(pid, pid), errno);
  printf("setpgid neg %d %d\n", setpgid(0, -5), errno);
  pid = fork(); if (!pid) { int s = setsid(); printf("setsid %d pgrp %d sid %d again %d\n", s == getpid(), getpgrp() == s, getsid(0) == s, setsid()); _exit(errno); }
  waitpid(pid, &st, 0); status("setsid", pid, pid, st);
  // Orphans.
  pipe(p);
  pid = fork();
  if (!pid) {
    int me = getpid();
    if (!fork()) { while (getppid() == me) usleep(1000); write(p[1], getppid() == me ? "n" : "y", 1); _exit(0); }
    _exit(0);
  }
  waitpid(pid, &st, 0); read(p[0], &c, 1); printf("orphan adopted %c\n", c);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid = fork();
  if (!pid) { if (!fork()) { usleep(20000); _exit(getppid() > 1 ? 44 : 45); } _exit(0); }
  waitpid(pid, &st, 0); r = wait(&st); status("subreaper", r > 0 && r != pid, 1, st);
  // vfork and clone with shared memory.
  volatile int shared = 0;
  pid = vfork(); if (!pid) { shared = 3; _exit(0); }
  printf("vfork shared %d\n", shared); waitpid(pid, &st, 0);
  static char stack[65536]; int cell = 0;
  pid = clone(child_fn, stack + sizeof stack, CLONE_VM | SIGCHLD, &cell);
  waitpid(pid, &st, 0); status("clone vm", pid, pid, st); printf("cell %d\n", cell);
  pid = clone(child_fn, stack + sizeof stack, CLONE_VM, &cell);
  r = waitpid(pid, &st, 0); printf("clone child without wall %d %d\n", r, errno);
  r = waitpid(pid, &st, __WALL); status("wall", r, pid, st);
  printf("clone einval %ld %d\n", syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), errno);
  printf("clone einval %ld %d\n", syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), errno);
  // exec.
  setenv("V", "val", 1);
  signal(SIGUSR1, on_chld == 0 ? SIG_DFL : (void (*)(int))on_chld); signal(SIGUSR2, SIG_IGN);
  dup2(1, 5); dup2(1, 6); fcntl(6, F_SETFD, FD_CLOEXEC);
  sigset_t m; sigemptyset(&m); sigaddset(&m, SIGTERM); 
  pid = fork(); if (!pid) { sigprocmask(SIG_BLOCK, &m, 0); execl("/proc/self/exe", "name", "again", (char *)0); _exit(errno); }
  waitpid(pid, &st, 0); status("exec", pid, pid, st);
  char *args[] = {"x", 0};
  printf("enoent %d %d\n", execv("/nonexistent", args), errno);
  printf("eacces dir %d %d\n", execv("/tmp", args), errno);
  printf("efault %ld %d\n", syscall(SYS_execve, 1, args, 0), errno);
  printf("efault argv %ld %d\n", syscall(SYS_execve, "/bin/true", 1, 0), errno);
  char name[64]; snprintf(name, 64, "/tmp/guise-test-%d", getpid());
  int fd = open(name, O_CREAT | O_WRONLY, 0755); write(fd, "garbage", 7);
  printf("etxtbsy %d %d\n", execv(name, args), errno);
  close(fd); printf("enoexec %d %d\n", execv(name, args), errno);
  chmod(name, 0644); printf("eacces %d %d\n", execv(name, args), errno);
  fd = open(name, O_TRUNC | O_WRONLY); write(fd, "#!/bin/nosuch\n", 14); close(fd); chmod(name, 0755);
  printf("script %d %d\n", execv(name, args), errno);
  fd = open(name, O_TRUNC | O_WRONLY); dprintf(fd, "#!%s\n", name); close(fd);
  printf("loop %d %d\n", execv(name, args), errno);
  fd = open(name, O_TRUNC | O_WRONLY); dprintf(fd, "#!/bin/busybox echo one  two \n"); close(fd);
  pid = fork(); if (!pid) { execl(name, "zero", "three", (char *)0); _exit(errno); }
  waitpid(pid, &st, 0); status("script", pid, pid, st);
  unlink(name);
  static char big[200000]; memset(big, 'a', sizeof big - 1); char *bigs[] = {"x", big, 0};
  printf("e2big %d %d\n", execv("/bin/true", bigs), errno);
  printf("execveat %ld %d\n", syscall(SYS_execveat, -100, "", args, 0, 0), errno);
  fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  char *again[] = {"fexec", "again", 0}, *env[] = {"V=e", 0};
  pid = fork(); if (!pid) { syscall(SYS_execveat, fd, "", again, env, AT_EMPTY_PATH); _exit(errno); }
  waitpid(pid, &st, 0); status("fexec", pid, pid, st);
  struct rusage ru; pid = fork(); if (!pid) { for (volatile long i = 0; i < 3000000; i++); _exit(0); }
  wait4(pid, &st, 0, &ru); printf("rusage %d\n", ru.ru_utime.tv_usec > 0 || ru.ru_utime.tv_sec > 0);
  getrusage(RUSAGE_CHILDREN, &ru); printf("children %d\n", ru.ru_utime.tv_usec > 0 || ru.ru_utime.tv_sec > 0);
  // Fork copies memory.
  int local = 1; pid = fork(); if (!pid) { local = 2; _exit(local); } waitpid(pid, &st, 0); printf("local %d\n", local);
  // Many children.
  for (int i = 0; i < 50; i++) if (!fork()) _exit(i);
  int sum = 0; while ((r = wait(&st)) > 0) sum += WEXITSTATUS(st); printf("sum %d\n", sum);
  return 0;
}
