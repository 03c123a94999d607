// What else signals do: over exec and fork, in groups, with pipes, on alternate stacks, to vector registers, in frames that are changed.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
static volatile int count; static char order[100];
static void on(int s) { count++; }
static void mark(int s) { char b[8]; snprintf(b, 8, "%d ", s); strcat(order, b); }
static void xmm(int s) { asm volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm7, %%xmm7; pcmpeqd %%xmm15, %%xmm15; fldz" ::: "xmm0", "xmm7", "xmm15"); count++; }
static void unmask(int s, siginfo_t *i, void *u) { sigaddset(&((ucontext_t *)u)->uc_sigmask, SIGUSR2); sigdelset(&((ucontext_t *)u)->uc_sigmask, SIGHUP); }
static void skip(int s, siginfo_t *i, void *u) { ((ucontext_t *)u)->uc_mcontext.gregs[REG_RIP] += 2; count++; }
static void xmmset(int s, siginfo_t *i, void *u) { ((ucontext_t *)u)->uc_mcontext.fpregs->_xmm[3].element[0] = 0x12345678; }
static char alt[32768];
static void disarm(int s, siginfo_t *i, void *u) { stack_t st; sigaltstack(0, &st); printf("disarmed %d size %zu here %d", st.ss_flags & 3, st.ss_size, (char *)&st > alt && (char *)&st < alt + sizeof alt); st = (stack_t){.ss_sp = alt, .ss_size = 4096, .ss_flags = 0}; printf(" set %d\n", sigaltstack(&st, 0)); }
static int chld; static void onchld(int s) { int st; while (waitpid(-1, &st, WNOHANG) > 0) chld++; }
static sigjmp_buf back; static void jump(int s) { siglongjmp(back, s); }
int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_DFL); setvbuf(stdout, 0, _IONBF, 0); int st, pid, p[2]; sigset_t s, old, pend; struct timespec ts = {0, 30000000};
  if (argc > 1) { sigpending(&pend); struct itimerval it; getitimer(ITIMER_REAL, &it); timer_t t = 0; struct itimerspec is; printf("exec: pending %d alarm %d posix timer %d\n", sigismember(&pend, SIGUSR1), it.it_value.tv_sec > 0, timer_gettime(t, &is)); sigemptyset(&s); sigprocmask(SIG_SETMASK, &s, 0); printf("not reached\n"); return 0; }
  pipe(p); close(p[0]); pid = fork(); if (!pid) { write(p[1], "x", 1); _exit(0); } waitpid(pid, &st, 0); printf("pipe %x\n", st); signal(SIGPIPE, SIG_IGN); printf("epipe %zd %d\n", write(p[1], "x", 1), errno); signal(SIGPIPE, SIG_DFL);
  pid = fork(); if (!pid) { sigemptyset(&s); sigaddset(&s, SIGUSR1); sigprocmask(SIG_BLOCK, &s, 0); raise(SIGUSR1); alarm(100); struct sigevent ev = {.sigev_notify = SIGEV_NONE}; timer_t t; timer_create(CLOCK_MONOTONIC, &ev, &t); execl("/proc/self/exe", "x", "again", (char *)0); _exit(1); } waitpid(pid, &st, 0); printf("killed by pending %x\n", st);
  sigemptyset(&s); sigaddset(&s, SIGUSR1); sigprocmask(SIG_BLOCK, &s, 0); raise(SIGUSR1); pid = fork(); if (!pid) { sigpending(&pend); _exit(sigismember(&pend, SIGUSR1)); } waitpid(pid, &st, 0); printf("child pending %x\n", st); signal(SIGUSR1, SIG_IGN); sigprocmask(SIG_UNBLOCK, &s, 0);
  struct sigaction sa = {.sa_handler = on, .sa_flags = SA_NOCLDWAIT | SA_RESTART}; sigaction(SIGCHLD, &sa, 0); count = 0; pid = fork(); if (!pid) _exit(0); printf("nocldwait %d", waitpid(pid, &st, 0)); printf(" %d count %d\n", errno, count); signal(SIGCHLD, SIG_DFL);
  struct rlimit rl = {3, 3}; sigemptyset(&s); sigaddset(&s, SIGRTMIN); sigprocmask(SIG_BLOCK, &s, 0); pid = fork(); if (!pid) { setuid(4321); setrlimit(RLIMIT_SIGPENDING, &rl); union sigval v = {0}; int n = 0; while (sigqueue(getpid(), SIGRTMIN, v) == 0) n++; printf("queued %d errno %d\n", n, errno); _exit(0); } waitpid(pid, &st, 0); sigprocmask(SIG_UNBLOCK, &s, 0);
  // Masks of sigsuspend, ppoll, pselect; the handler sees the temporary one and the old one comes back.
  sa = (struct sigaction){.sa_handler = on}; sigaction(SIGALRM, &sa, 0); sigemptyset(&s); sigaddset(&s, SIGALRM); sigprocmask(SIG_BLOCK, &s, &old); struct itimerval it = {{0, 0}, {0, 10000}}; sigset_t none; sigemptyset(&none);
  count = 0; setitimer(0, &it, 0); usleep(20000); printf("blocked %d", count); printf(" ppoll %d", ppoll(0, 0, &ts, &none)); printf(" %d count %d", errno, count); sigprocmask(0, 0, &pend); printf(" blocked again %d\n", sigismember(&pend, SIGALRM)); setitimer(0, &it, 0); printf("pselect %d", pselect(0, 0, 0, 0, 0, &none)); printf(" %d\n", errno); setitimer(0, &it, 0); printf("ppoll blocked %d", ppoll(0, 0, &ts, &s)); printf(" count %d\n", count); printf("suspend %d count %d\n", sigsuspend(&none), count); sigprocmask(SIG_SETMASK, &old, 0);
  // Again and again, since the first may come before the wait.
  struct itimerval often = {{0, 10000}, {0, 10000}}, off = {0}; setitimer(0, &often, 0); st = poll(0, 0, 10000); printf("poll %d %d", st, errno); sa.sa_flags = SA_RESTART; sigaction(SIGALRM, &sa, 0); st = poll(0, 0, 10000); printf(" with restart %d %d\n", st, errno); st = select(0, 0, 0, 0, &(struct timeval){10, 0}); printf("select %d %d\n", st, errno); setitimer(0, &off, 0);
  // Vector and x87 state survive a handler; a handler may change them in the frame.
  sa = (struct sigaction){.sa_handler = xmm}; sigaction(SIGUSR1, &sa, 0); unsigned v[12]; pid = getpid(); asm volatile("mov $7, %%eax; movd %%eax, %%xmm0; movd %%eax, %%xmm7; movd %%eax, %%xmm15; fld1; mov $62, %%eax; mov %1, %%edi; mov $10, %%esi; syscall; movd %%xmm0, (%0); movd %%xmm7, 4(%0); movd %%xmm15, 8(%0); fistpl 12(%0)" : : "r"(v), "r"(pid) : "rax", "rcx", "rdi", "rsi", "r11", "xmm0", "xmm7", "xmm15", "memory"); printf("vectors %u %u %u x87 %u\n", v[0], v[1], v[2], v[3]);
  sa = (struct sigaction){.sa_sigaction = xmmset, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &sa, 0); asm volatile("mov $62, %%eax; mov %1, %%edi; mov $10, %%esi; syscall; movd %%xmm3, (%0)" : : "r"(v), "r"(pid) : "rax", "rcx", "rdi", "rsi", "r11", "xmm3", "memory"); printf("changed %x\n", v[0]);
  sa = (struct sigaction){.sa_sigaction = skip, .sa_flags = SA_SIGINFO}; sigaction(SIGILL, &sa, 0); count = 0; asm volatile("ud2; ud2"); printf("skipped %d\n", count);
  sa = (struct sigaction){.sa_sigaction = unmask, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &sa, 0); sigemptyset(&s); sigaddset(&s, SIGHUP); sigprocmask(SIG_SETMASK, &s, 0); raise(SIGUSR1); sigprocmask(0, 0, &s); printf("mask from frame %d %d\n", sigismember(&s, SIGUSR2), sigismember(&s, SIGHUP)); sigemptyset(&s); sigprocmask(SIG_SETMASK, &s, 0);
  stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt, .ss_flags = SS_AUTODISARM}; printf("autodisarm %d\n", sigaltstack(&ss, 0)); sa = (struct sigaction){.sa_sigaction = disarm, .sa_flags = SA_SIGINFO | SA_ONSTACK}; sigaction(SIGUSR1, &sa, 0); raise(SIGUSR1); sigaltstack(0, &ss); printf("rearmed %x %zu\n", ss.ss_flags, ss.ss_size);
  // Groups; orphaned groups do not stop for the terminal's signals; SIGCONT always continues.
  pid = fork(); if (!pid) { setpgid(0, 0); signal(SIGTERM, SIG_DFL); if (!fork()) pause(); kill(0, SIGTERM); pause(); } waitpid(pid, &st, 0); printf("group %x\n", st); pid = fork(); if (!pid) { setsid(); raise(SIGTSTP); _exit(4); } waitpid(pid, &st, WUNTRACED); printf("orphan tstp %x\n", st); pid = fork(); if (!pid) { setsid(); raise(SIGSTOP); _exit(5); } waitpid(pid, &st, WUNTRACED); printf("stop %x", st); kill(pid, SIGTERM); printf(" %d", waitpid(pid, &st, WNOHANG)); kill(pid, SIGCONT); waitpid(pid, &st, 0); printf(" %x\n", st);
  pid = fork(); if (!pid) { signal(SIGCONT, on); raise(SIGSTOP); _exit(10 + count); } waitpid(pid, &st, WUNTRACED); kill(pid, SIGCONT); waitpid(pid, &st, 0); printf("cont handler %x\n", st);
  printf("kill group %d", kill(-999999, 0)); printf(" %d", errno); printf(" self %d\n", kill(0, 0));
  // A loop of children with a handler that reaps them; none is lost.
  sa = (struct sigaction){.sa_handler = onchld, .sa_flags = SA_RESTART}; sigaction(SIGCHLD, &sa, 0); for (int i = 0; i < 30; i++) if (!fork()) _exit(i); while (chld < 30) { sigprocmask(SIG_BLOCK, &s, 0); usleep(1000); } printf("reaped %d\n", chld);
  signal(SIGALRM, jump); if (!(st = sigsetjmp(back, 1))) { setitimer(0, &it, 0); for (;;) ; } printf("out of a loop by %d\n", st);
  pthread_t t; sigemptyset(&s); sigaddset(&s, SIGUSR2); sigprocmask(SIG_BLOCK, &s, 0); kill(getpid(), SIGUSR2); sigset_t w = s; int got; sigwait(&w, &got); printf("sigwait %d\n", got); (void)t;
  order[0] = 0; signal(SIGUSR1, mark); signal(SIGUSR2, mark); sigaddset(&s, SIGUSR1); sigprocmask(SIG_BLOCK, &s, 0); raise(SIGUSR2); raise(SIGUSR1); sigprocmask(SIG_UNBLOCK, &s, 0); printf("order %s\n", order);
  return 0;
}
