// Time: clocks, sleeps, timers, limits of CPU time, the vDSO against the system calls.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static long long ns(struct timespec t) { return t.tv_sec * 1000000000ll + t.tv_nsec; }
static volatile int fired; static siginfo_t last;
static void on(int s, siginfo_t *i, void *u) { fired++; last = *i; }
static long long now(int c) { struct timespec t; clock_gettime(c, &t); return ns(t); }
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct timespec ts; struct timeval tv;
  for (int c = -3; c < 14; c++) { errno = 0; int r = clock_getres(c, &ts); printf("clock %d res %d %d %ld", c, r, errno, r ? 0 : ts.tv_nsec); errno = 0; printf(" get %ld %d\n", syscall(SYS_clock_gettime, c, &ts), errno); }
  int back = 0, far = 0;
  for (int c = 0; c < 2; c++) { long long before = now(c); for (int i = 0; i < 3000; i++) { long long a; if (i % 3) a = now(c); else { syscall(SYS_clock_gettime, c, &ts); a = ns(ts); } if (a < before) back++; before = a; } }
  for (int i = 0; i < 200; i++) { syscall(SYS_clock_gettime, 1, &ts); long long d = now(1) - ns(ts); if (d < -200000 || d > 50000000) far++; } // a busy machine may come between the two readings
  printf("backwards %d far %d\n", back, far > 20);
  gettimeofday(&tv, 0); long long d = tv.tv_sec * 1000000000ll + tv.tv_usec * 1000ll - now(0); printf("gettimeofday near %d time near %d\n", llabs(d) < 2000000000, labs(time(0) - tv.tv_sec) < 2);
  printf("vdso %d year %d\n", getauxval(AT_SYSINFO_EHDR) != 0, time(0) > 1600000000);
  printf("efault %ld %d\n", syscall(SYS_clock_gettime, 0, 8), errno);
  long long a = now(1); usleep(20000); long long b = now(1); printf("usleep %d\n", b - a >= 20000000 && b - a < 5000000000);
  clock_gettime(1, &ts); ts.tv_nsec += 15000000; if (ts.tv_nsec > 999999999) ts.tv_nsec -= 1000000000, ts.tv_sec++;
  a = now(1); printf("abs %d", clock_nanosleep(1, TIMER_ABSTIME, &ts, 0)); b = now(1); printf(" %d\n", b >= ns(ts) && b - a < 5000000000);
  ts = (struct timespec){0, -1}; printf("einval %d %d\n", clock_nanosleep(1, 0, &ts, 0), clock_nanosleep(99, 0, &ts, 0)); ts.tv_nsec = 1; printf("thread clock %d\n", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, 0));
  printf("settime %d", clock_settime(1, &ts)); printf(" %d\n", errno);
  a = now(CLOCK_PROCESS_CPUTIME_ID); for (volatile long i = 0; i < 5000000; i++); b = now(CLOCK_PROCESS_CPUTIME_ID); printf("cpu %d thread %d\n", b > a, now(CLOCK_THREAD_CPUTIME_ID) > 0);
  clockid_t cid; printf("getcpuclockid %d", clock_getcpuclockid(0, &cid)); printf(" %d\n", clock_gettime(cid, &ts));
  struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO}; sigaction(SIGALRM, &sa, 0); sigaction(SIGVTALRM, &sa, 0); sigaction(SIGPROF, &sa, 0); sigaction(SIGXCPU, &sa, 0); sigaction(SIGRTMIN, &sa, 0);
  printf("alarm %d", alarm(10)); printf(" %d", alarm(0)); printf(" %d\n", alarm(0));
  struct itimerval it = {{0, 10000}, {0, 10000}}, old; setitimer(ITIMER_REAL, &it, 0);
  while (fired < 3) pause(); getitimer(ITIMER_REAL, &old); printf("itimer code %d interval %ld left %d\n", last.si_code, old.it_interval.tv_usec, old.it_value.tv_usec <= 10000);
  it = (struct itimerval){0}; setitimer(ITIMER_REAL, &it, &old); printf("old %ld\n", old.it_interval.tv_usec); fired = 0; usleep(25000); printf("off %d\n", fired);
  it.it_value.tv_usec = 1000000; printf("einval %d", setitimer(0, &it, 0)); printf(" %d", errno); printf(" %d\n", setitimer(9, &it, 0));
  it = (struct itimerval){{0, 0}, {0, 20000}}; setitimer(ITIMER_VIRTUAL, &it, 0); fired = 0; while (!fired); printf("virtual %d\n", last.si_signo);
  setitimer(ITIMER_PROF, &it, 0); fired = 0; while (!fired); printf("prof %d\n", last.si_signo);
  timer_t id; struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN}; ev.sigev_value.sival_int = 99;
  printf("timer_create %d\n", timer_create(CLOCK_MONOTONIC, &ev, &id));
  struct itimerspec is = {{0, 0}, {0, 10000000}}; fired = 0; timer_settime(id, 0, &is, 0); while (!fired) usleep(1000);
  printf("timer signo %d code %d value %d overrun %d\n", last.si_signo == SIGRTMIN, last.si_code, last.si_value.sival_int, timer_getoverrun(id));
  is.it_value.tv_sec = 100; timer_settime(id, 0, &is, 0); timer_gettime(id, &is); printf("left %d\n", is.it_value.tv_sec >= 99); printf("delete %d %d\n", timer_delete(id), timer_delete(id));
  sigset_t m; sigemptyset(&m); sigaddset(&m, SIGRTMIN); sigprocmask(SIG_BLOCK, &m, 0); timer_create(CLOCK_MONOTONIC, &ev, &id); is = (struct itimerspec){{0, 1000000}, {0, 1000000}}; timer_settime(id, 0, &is, 0); usleep(30000);
  siginfo_t si; sigwaitinfo(&m, &si); printf("overrun %d\n", si.si_overrun > 5); timer_delete(id);
  printf("bad clock %d", timer_create(77, &ev, &id)); printf(" %d\n", errno);
  printf("fork has no timers: "); it = (struct itimerval){{0, 0}, {50, 0}}; setitimer(ITIMER_REAL, &it, 0); int pid = fork(), st; if (!pid) { getitimer(0, &old); _exit(old.it_value.tv_sec != 0 || old.it_value.tv_usec != 0); } waitpid(pid, &st, 0); printf("%d\n", st); setitimer(0, &(struct itimerval){0}, 0);
  pid = fork(); if (!pid) { struct rlimit rl = {1, 2}; setrlimit(RLIMIT_CPU, &rl); fired = 0; while (!fired); _exit(last.si_signo); } waitpid(pid, &st, 0); printf("xcpu %x\n", st);
  pid = fork(); if (!pid) { struct rlimit rl = {1, 1}; setrlimit(RLIMIT_CPU, &rl); for (;;); } waitpid(pid, &st, 0); printf("cpu kill %x\n", st);
  struct tms t; clock_t c = times(&t); printf("times %d\n", c > 0);
  return 0;
}
