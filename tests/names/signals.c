// Signals, clocks, sleeping.
#include "names.h"
#include <sys/time.h>

static const struct timespec moment = {0, 2000000};
static void sleep_until_signal(void) { struct timespec t = {2, 0}; SETUP(nanosleep, &t, 0); }

CASE(rt_sigaction) {
  struct action a = {on_signal, SA_RESTART | 0x04000000, back, 0}, old = {0};
  CALL(rt_sigaction, SIGUSR1, &a, &old, 8), show("was default", old.handler == 0), CALL(rt_sigaction, SIGUSR1, 0, &old, 8), show("is ours", old.handler == on_signal), show("restarts", !!(old.flags & SA_RESTART));
  caught = 0, to_self(SIGUSR1), show("caught", caught), show("number", last);
  a.handler = (void *)1, CALL(rt_sigaction, SIGUSR1, &a, 0, 8), caught = 0, to_self(SIGUSR1), show("ignored", caught);
  CALL(rt_sigaction, SIGKILL, &a, 0, 8), CALL(rt_sigaction, 99, &a, 0, 8), CALL(rt_sigaction, SIGUSR1, &a, 0, 4), CALL(rt_sigaction, SIGUSR1, BAD, 0, 8);
}
CASE(rt_sigprocmask) {
  unsigned long set = 1ul << (SIGUSR2 - 1), old = 9;
  handle(SIGUSR2, 0);
  CALL(rt_sigprocmask, SIG_BLOCK, &set, &old, 8), show("nothing was blocked", old), to_self(SIGUSR2), show("waits", caught), CALL(rt_sigprocmask, SIG_UNBLOCK, &set, &old, 8), show("came", caught), show("was blocked", old == set);
  set = -1, CALL(rt_sigprocmask, SIG_SETMASK, &set, 0, 8), CALL(rt_sigprocmask, SIG_BLOCK, 0, &old, 8), show("never KILL and STOP", old == ~(1ul << 8 | 1ul << 18)), set = 0, CALL(rt_sigprocmask, SIG_SETMASK, &set, 0, 8);
  CALL(rt_sigprocmask, 9, &set, 0, 8), CALL(rt_sigprocmask, 0, &set, 0, 4), CALL(rt_sigprocmask, 0, BAD, 0, 8);
}
static char stack[16384];
static volatile char *handler_stack;
static void on_stack(int n) { char here; handler_stack = &here; }
CASE(sigaltstack) {
  stack_t s = {.ss_sp = stack, .ss_size = sizeof stack}, old;
  struct action a = {on_stack, SA_ONSTACK | 0x04000000, back, 0};
  CALL(sigaltstack, 0, &old), show("off", old.ss_flags), CALL(sigaltstack, &s, 0), SETUP(rt_sigaction, SIGUSR1, &a, 0, 8), to_self(SIGUSR1);
  show("on it", handler_stack > stack && handler_stack < stack + sizeof stack), CALL(sigaltstack, 0, &old), show("its size", old.ss_size);
  s.ss_size = 100, CALL(sigaltstack, &s, 0), s.ss_flags = 99, CALL(sigaltstack, &s, 0), s.ss_flags = SS_DISABLE, CALL(sigaltstack, &s, 0), CALL(sigaltstack, BAD, 0);
}
CASE(tgkill) {
  int pid = SETUP(getpid), tid = SETUP(gettid);
  handle(SIGUSR1, 0);
  CALL(tgkill, pid, tid, SIGUSR1), show("caught", caught), CALL(tgkill, pid, tid, 0), CALL(tgkill, pid, 99999999, SIGUSR1), CALL(tgkill, 99999999, tid, SIGUSR1), CALL(tgkill, pid, tid, 99), CALL(tgkill, 0, tid, 0), CALL(tgkill, pid, 0, 0);
}
CASE(kill) {
  int pid = SETUP(getpid);
  handle(SIGUSR2, 0);
  CALL(kill, pid, SIGUSR2), show("caught", caught), show("number", last), CALL(kill, pid, 0), CALL(kill, pid, 99), CALL(kill, 99999999, 0);
}
CASE(nanosleep) {
  struct timespec bad = {0, 1000000000}, before, after;
  SETUP(clock_gettime, CLOCK_MONOTONIC, &before), CALL(nanosleep, &moment, 0), SETUP(clock_gettime, CLOCK_MONOTONIC, &after);
  show("slept", (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= moment.tv_nsec), CALL(nanosleep, &bad, 0), CALL(nanosleep, BAD, 0);
}
CASE(clock_gettime) {
  struct timespec a, b;
  CALL(clock_gettime, CLOCK_REALTIME, &a), show("after 2020", a.tv_sec > 1577836800), CALL(clock_gettime, CLOCK_MONOTONIC, &a), CALL(clock_gettime, CLOCK_MONOTONIC, &b), show("forward", b.tv_sec * 1000000000 + b.tv_nsec >= a.tv_sec * 1000000000 + a.tv_nsec);
  CALL(clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &a), CALL(clock_gettime, CLOCK_THREAD_CPUTIME_ID, &a), CALL(clock_gettime, CLOCK_BOOTTIME, &a), CALL(clock_gettime, CLOCK_MONOTONIC_RAW, &a), CALL(clock_gettime, CLOCK_REALTIME_COARSE, &a), CALL(clock_gettime, 99, &a), CALL(clock_gettime, 0, 8);
}
CASE(clock_getres) {
  struct timespec a;
  CALL(clock_getres, CLOCK_MONOTONIC, &a), show("seconds", a.tv_sec), show("ns", a.tv_nsec), CALL(clock_getres, CLOCK_REALTIME, 0), CALL(clock_getres, 99, &a), CALL(clock_getres, 0, BAD);
}
CASE(gettimeofday) {
  struct timeval v;
  int zone[2] = {9, 9};
  CALL(gettimeofday, &v, 0), show("after 2020", v.tv_sec > 1577836800), show("us", v.tv_usec < 1000000), CALL(gettimeofday, &v, zone), show("zone", zone[0]), CALL(gettimeofday, 0, 0), CALL(gettimeofday, BAD, 0);
}
CASE(setitimer) {
  struct itimerval t = {{0, 0}, {0, 3000}}, off = {0}, old, bad = {{0, 0}, {0, 1000000}};
  handle(SIGALRM, 0);
  CALL(setitimer, ITIMER_REAL, &t, &old), show("was off", old.it_value.tv_sec + old.it_value.tv_usec), sleep_until_signal(), show("caught", caught), show("number", last), CALL(setitimer, ITIMER_REAL, &off, 0);
  CALL(setitimer, ITIMER_REAL, &bad, 0), CALL(setitimer, 9, &t, 0), CALL(setitimer, ITIMER_REAL, BAD, 0);
}
CASE(getitimer) {
  struct itimerval t = {{7, 0}, {50, 0}}, now, off = {0};
  CALL(getitimer, ITIMER_REAL, &now), show("off", now.it_value.tv_sec + now.it_value.tv_usec), CALL(setitimer, ITIMER_REAL, &t, 0), CALL(getitimer, ITIMER_REAL, &now), show("left", now.it_value.tv_sec >= 48 && now.it_value.tv_sec <= 50), show("interval", now.it_interval.tv_sec), CALL(setitimer, ITIMER_REAL, &off, 0);
  CALL(getitimer, 9, &now), CALL(getitimer, ITIMER_VIRTUAL, BAD);
}
#ifdef __x86_64__
CASE(alarm) {
  CALL(alarm, 100), CALL(alarm, 0), CALL(alarm, 0), handle(SIGALRM, 0);
}
CASE(pause) {
  // Again and again: the first may come before the call.
  struct itimerval t = {{0, 3000}, {0, 3000}}, off = {0};
  handle(SIGALRM, 0);
  long r = RAW(__NR_setitimer, 0, &t, 0);
  if (r == -ENOSYS) RAW(__NR_alarm, 1);
  CALL(pause), RAW(__NR_setitimer, 0, &off, 0), show("caught", caught > 0);
}
CASE(time) {
  long v = 0, now = OK(time, &v);
  show("stored", now == v), OK(time, 0), CALL(time, BAD);
}
#endif
