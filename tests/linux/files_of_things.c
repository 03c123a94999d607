// Timers, signals and processes as files: timerfd, signalfd, pidfd, with poll and epoll.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define TRY(x) ({ errno = 0; long r_ = (long)(x); printf("%s: %ld %d\n", #x, r_, errno); r_; })
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0); uint64_t n; struct itimerspec is = {{0, 0}, {0, 10000000}}, old;
  int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); TRY(read(t, &n, 8)); TRY(timerfd_settime(t, 0, &is, 0));
  struct pollfd p = {t, POLLIN}; TRY(poll(&p, 1, 1000)); TRY(read(t, &n, 4)); TRY(read(t, &n, 8)); printf("%d\n", (int)n); TRY(timerfd_gettime(t, &old)); printf("%ld\n", old.it_value.tv_nsec);
  is.it_interval.tv_nsec = 2000000; timerfd_settime(t, 0, &is, &old); usleep(30000); read(t, &n, 8); printf("many %d\n", n >= 5 && n < 5000);
  fcntl(t, F_SETFL, 0); TRY(read(t, &n, 8)); struct timespec now; clock_gettime(CLOCK_REALTIME, &now); int r = timerfd_create(CLOCK_REALTIME, 0); is = (struct itimerspec){{0, 0}, {now.tv_sec, now.tv_nsec}}; TRY(timerfd_settime(r, TFD_TIMER_ABSTIME, &is, 0)); TRY(read(r, &n, 8));
  TRY(timerfd_create(77, 0)); TRY(timerfd_create(1, 5)); TRY(timerfd_settime(0, 0, &is, 0)); is.it_value.tv_nsec = 2000000000; TRY(timerfd_settime(t, 0, &is, 0)); TRY(write(t, &n, 8));
  sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR1); sigaddset(&s, SIGRTMIN); sigaddset(&s, SIGCHLD); sigprocmask(SIG_BLOCK, &s, 0);
  int f = signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC); struct signalfd_siginfo si[3]; TRY(read(f, si, sizeof si)); TRY(read(f, si, 10));
  kill(getpid(), SIGUSR1); union sigval v = {.sival_int = 55}; sigqueue(getpid(), SIGRTMIN, v); sigqueue(getpid(), SIGRTMIN, v); p.fd = f; TRY(poll(&p, 1, 0)); TRY(read(f, si, sizeof si));
  for (int i = 0; i < 3; i++) printf("signo %d code %d pid %d int %d\n", si[i].ssi_signo == SIGRTMIN ? 99 : si[i].ssi_signo, si[i].ssi_code, si[i].ssi_pid == getpid(), si[i].ssi_int);
  int e = epoll_create1(0); struct epoll_event ev = {EPOLLIN, {.fd = f}}; epoll_ctl(e, EPOLL_CTL_ADD, f, &ev); TRY(epoll_wait(e, &ev, 1, 0));
  int pid = fork(); if (!pid) { usleep(20000); _exit(5); } TRY(epoll_wait(e, &ev, 1, 20000)); read(f, si, sizeof si); printf("chld %d status %d\n", si[0].ssi_signo, si[0].ssi_status); int st; waitpid(pid, &st, 0);
  sigdelset(&s, SIGUSR1); TRY(signalfd(f, &s, 0) == f); kill(getpid(), SIGUSR1); TRY(read(f, si, sizeof si)); TRY(signalfd(0, &s, 0)); TRY(signalfd(-1, &s, 9));
  int gate[2]; pipe(gate); pid = fork(); if (!pid) { close(gate[1]); read(gate[0], &n, 1); _exit(6); } int pf = syscall(SYS_pidfd_open, pid, 0); printf("pidfd %d cloexec %d\n", pf > 0, fcntl(pf, F_GETFD)); p.fd = pf; TRY(poll(&p, 1, 0)); close(gate[1]); TRY(poll(&p, 1, 20000)); siginfo_t w = {0}; TRY(waitid(P_PIDFD, pf, &w, WEXITED)); printf("%d %d\n", w.si_status, w.si_pid == pid); TRY(syscall(SYS_pidfd_send_signal, pf, SIGTERM, 0, 0)); TRY(waitid(P_PIDFD, 0, &w, WEXITED));
  pid = fork(); if (!pid) { pause(); } pf = syscall(SYS_pidfd_open, pid, 0); TRY(syscall(SYS_pidfd_send_signal, pf, 0, 0, 0)); TRY(syscall(SYS_pidfd_send_signal, pf, SIGKILL, 0, 0)); waitpid(pid, &st, 0); printf("%x\n", st); TRY(syscall(SYS_pidfd_open, 999999, 0)); TRY(syscall(SYS_pidfd_open, -1, 0)); TRY(syscall(SYS_pidfd_open, getpid(), 5));
  int cf = -1; struct clone_args ca = {.flags = CLONE_PIDFD, .pidfd = (long)&cf, .exit_signal = SIGCHLD}; pid = syscall(SYS_clone3, &ca, sizeof ca); if (!pid) _exit(8); TRY(waitid(P_PIDFD, cf, &w, WEXITED)); printf("%d\n", w.si_status);
  return 0;
}
