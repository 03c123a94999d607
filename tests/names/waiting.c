// Descriptors, pipes, counters, timers, and waiting for them.
#include "names.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <sys/eventfd.h>

static const struct timespec soon = {0, 2000000}, at_once = {0, 0};

CASE(dup3) {
  int fd = file("dup3", "0123456789");
  CALL(dup3, fd, 20, O_CLOEXEC), CALL(fcntl, 20, F_GETFD), CALL(read, 20, buf, 3), CALL(lseek, fd, 0, SEEK_CUR);
  CALL(dup3, fd, fd, 0), CALL(dup3, 99, 20, 0), CALL(dup3, fd, 20, 99), CALL(dup3, fd, -1, 0);
}
CASE(dup) {
  int fd = file("dup", "0123456789"), other = CALL(dup, fd);
  CALL(read, other, buf, 4), CALL(lseek, fd, 0, SEEK_CUR), CALL(fcntl, other, F_GETFD), CALL(dup, 99);
}
CASE(pipe2) {
  int p[2];
  CALL(pipe2, p, O_CLOEXEC | O_NONBLOCK), show("in", p[0]), show("out", p[1]), CALL(fcntl, p[0], F_GETFD), CALL(read, p[0], buf, 1), CALL(write, p[1], "abc", 3), CALL(read, p[0], buf, 9);
  CALL(read, p[1], buf, 1), CALL(write, p[0], "x", 1);
  long room = 0, n;
  while ((n = SETUP(write, p[1], buf, 4096)) > 0) room += n;
  show("room", room), SETUP(close, p[1]), CALL(pipe2, BAD, 0), CALL(pipe2, p, 0x999);
}
CASE(eventfd2) {
  uint64_t v = 0;
  int fd = CALL(eventfd2, 3, EFD_NONBLOCK | EFD_CLOEXEC);
  CALL(fcntl, fd, F_GETFD), CALL(read, fd, &v, 8), show("count", v), CALL(read, fd, &v, 8), v = 5, CALL(write, fd, &v, 8), CALL(write, fd, &v, 8), CALL(read, fd, &v, 8), show("sum", v);
  v = -1, CALL(write, fd, &v, 8), v = -2, CALL(write, fd, &v, 8), v = 1, CALL(write, fd, &v, 8), CALL(read, fd, &v, 4), CALL(eventfd2, 0, 99);
  fd = CALL(eventfd2, 2, EFD_SEMAPHORE), CALL(read, fd, &v, 8), show("one", v);
}
CASE(epoll_create1) {
  int fd = CALL(epoll_create1, EPOLL_CLOEXEC);
  CALL(fcntl, fd, F_GETFD), CALL(epoll_create1, 99), CALL(read, fd, buf, 8);
}
CASE(epoll_ctl) {
  int e = SETUP(epoll_create1, 0), p[2];
  struct epoll_event ev = {EPOLLIN, {.u64 = 7}};
  SETUP(pipe2, p, 0), CALL(epoll_ctl, e, EPOLL_CTL_ADD, p[0], &ev), CALL(epoll_ctl, e, EPOLL_CTL_ADD, p[0], &ev), CALL(epoll_ctl, e, EPOLL_CTL_MOD, p[0], &ev), CALL(epoll_ctl, e, EPOLL_CTL_DEL, p[0], 0), CALL(epoll_ctl, e, EPOLL_CTL_DEL, p[0], 0);
  CALL(epoll_ctl, e, EPOLL_CTL_MOD, p[0], &ev), CALL(epoll_ctl, e, 9, p[0], &ev), CALL(epoll_ctl, e, EPOLL_CTL_ADD, e, &ev), CALL(epoll_ctl, e, EPOLL_CTL_ADD, 99, &ev), CALL(epoll_ctl, p[0], EPOLL_CTL_ADD, p[1], &ev);
  CALL(epoll_ctl, e, EPOLL_CTL_ADD, file("epoll_ctl", ""), &ev), CALL(epoll_ctl, e, EPOLL_CTL_ADD, p[0], BAD);
}
CASE(epoll_pwait) {
  int e = SETUP(epoll_create1, 0), p[2];
  struct epoll_event ev = {EPOLLIN | EPOLLET, {.u64 = 11}}, out[2];
  SETUP(pipe2, p, 0), SETUP(epoll_ctl, e, EPOLL_CTL_ADD, p[0], &ev);
  CALL(epoll_pwait, e, out, 2, 0, 0, 8), SETUP(write, p[1], "x", 1), CALL(epoll_pwait, e, out, 2, -1, 0, 8), show("data", out[0].data.u64), show("events", out[0].events);
  // Edge-triggered: the same byte is not told twice, a new one is.
  CALL(epoll_pwait, e, out, 2, 2, 0, 8), SETUP(write, p[1], "y", 1), CALL(epoll_pwait, e, out, 2, 2, 0, 8), CALL(epoll_pwait, e, out, 0, 0, 0, 8), CALL(epoll_pwait, p[0], out, 2, 0, 0, 8), CALL(epoll_pwait, 99, out, 2, 0, 0, 8);
}
CASE(pselect6) {
  int p[2];
  fd_set in;
  SETUP(pipe2, p, 0), memset(&in, 0, sizeof in), in.fds_bits[0] = 1 << p[0];
  CALL(pselect6, 10, &in, 0, 0, &soon, 0), show("set", in.fds_bits[0]), SETUP(write, p[1], "x", 1), in.fds_bits[0] = 1 << p[0], CALL(pselect6, 10, &in, 0, 0, 0, 0), show("set", in.fds_bits[0]);
  in.fds_bits[0] = 1l << 35, CALL(pselect6, 40, &in, 0, 0, &soon, 0), CALL(pselect6, -1, 0, 0, 0, &soon, 0), CALL(pselect6, 10, BAD, 0, 0, &soon, 0);
}
CASE(ppoll) {
  int p[2];
  SETUP(pipe2, p, 0);
  struct pollfd f[3] = {{p[0], POLLIN}, {p[1], POLLOUT}, {99, POLLIN}};
  CALL(ppoll, f, 1, &soon, 0, 8), show("events", f[0].revents), CALL(ppoll, f, 3, &soon, 0, 8), show("out", f[1].revents), show("closed", f[2].revents);
  SETUP(write, p[1], "x", 1), CALL(ppoll, f, 1, 0, 0, 8), show("events", f[0].revents), SETUP(close, p[1]), CALL(ppoll, f, 1, &at_once, 0, 8), show("hang-up", f[0].revents);
  struct timespec bad = {0, -1};
  CALL(ppoll, f, 1, &bad, 0, 8), CALL(ppoll, BAD, 1, &soon, 0, 8), CALL(ppoll, f, 1, &soon, f, 9);
}
CASE(timerfd_create) {
  int fd = CALL(timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  uint64_t n;
  CALL(fcntl, fd, F_GETFD), CALL(read, fd, &n, 8), CALL(timerfd_create, 99, 0), CALL(timerfd_create, CLOCK_REALTIME, 99), CALL(timerfd_create, CLOCK_REALTIME, 0);
}
CASE(timerfd_settime) {
  int fd = CALL(timerfd_create, CLOCK_MONOTONIC, 0);
  struct itimerspec t = {{0, 0}, {0, 1000000}}, old, bad = {{0, 0}, {0, 1000000000}};
  uint64_t n = 0;
  CALL(timerfd_settime, fd, 0, &t, &old), show("was off", old.it_value.tv_sec + old.it_value.tv_nsec), CALL(read, fd, &n, 8), show("expired", n), CALL(read, fd, &n, 4);
  CALL(timerfd_settime, fd, 0, &bad, 0), CALL(timerfd_settime, fd, 99, &t, 0), CALL(timerfd_settime, 99, 0, &t, 0), CALL(timerfd_settime, file("timerfd", ""), 0, &t, 0), CALL(timerfd_settime, fd, 0, BAD, 0);
}
CASE(timerfd_gettime) {
  int fd = CALL(timerfd_create, CLOCK_REALTIME, 0);
  struct itimerspec t = {{7, 5}, {100, 0}}, now;
  CALL(timerfd_gettime, fd, &now), show("off", now.it_value.tv_sec + now.it_value.tv_nsec), CALL(timerfd_settime, fd, 0, &t, 0), CALL(timerfd_gettime, fd, &now), show("left", now.it_value.tv_sec >= 98 && now.it_value.tv_sec <= 100), show("interval", now.it_interval.tv_sec * 1000 + now.it_interval.tv_nsec);
  CALL(timerfd_gettime, 99, &now), CALL(timerfd_gettime, fd, BAD);
}
CASE(futex) {
  static unsigned word = 5;
  CALL(futex, &word, FUTEX_WAIT, 4, 0), CALL(futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 5, &soon), CALL(futex, &word, FUTEX_WAKE, 9, 0), CALL(futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 9, 0);
  CALL(futex, &word, FUTEX_WAIT_BITSET, 5, &soon, 0, -1), CALL(futex, BAD, FUTEX_WAIT, 0, &soon), CALL(futex, (char *)&word + 1, FUTEX_WAKE, 1, 0);
}
#ifdef __x86_64__
CASE(dup2) {
  int fd = file("dup2", "0123456789");
  CALL(dup2, fd, 21), CALL(read, 21, buf, 2), CALL(dup2, fd, fd), CALL(dup2, 99, 21), CALL(dup2, 99, 99), CALL(dup2, fd, -1), CALL(dup2, fd, 1 << 30);
}
CASE(pipe) {
  int p[2];
  CALL(pipe, p), CALL(write, p[1], "abc", 3), CALL(read, p[0], buf, 2), SETUP(close, p[1]), CALL(read, p[0], buf, 2), CALL(read, p[0], buf, 2), CALL(pipe, BAD);
}
CASE(eventfd) {
  uint64_t v = 0;
  int fd = CALL(eventfd, 9);
  CALL(read, fd, &v, 8), show("count", v), CALL(fcntl, fd, F_GETFD), v = 1, CALL(write, fd, &v, 7);
}
CASE(epoll_create) { CALL(epoll_create, 10), CALL(epoll_create, 0), CALL(epoll_create, -1); }
CASE(epoll_wait) {
  int e = SETUP(epoll_create1, 0), p[2];
  struct epoll_event ev = {EPOLLIN, {.u64 = 42}}, out[2], once = {EPOLLOUT | EPOLLONESHOT, {.u64 = 43}};
  SETUP(pipe2, p, 0), SETUP(epoll_ctl, e, EPOLL_CTL_ADD, p[0], &ev), CALL(epoll_wait, e, out, 2, 2), SETUP(write, p[1], "x", 1);
  // Level-triggered: told as long as it is so.
  CALL(epoll_wait, e, out, 2, -1), show("data", out[0].data.u64), show("events", out[0].events), CALL(epoll_wait, e, out, 2, 0), SETUP(read, p[0], buf, 1), CALL(epoll_wait, e, out, 2, 0);
  SETUP(epoll_ctl, e, EPOLL_CTL_ADD, p[1], &once), CALL(epoll_wait, e, out, 2, 0), show("data", out[0].data.u64), CALL(epoll_wait, e, out, 2, 0), CALL(epoll_wait, e, out, 0, 0), CALL(epoll_wait, e, BAD, 2, 0), CALL(epoll_wait, 99, out, 2, 0);
}
CASE(poll) {
  int p[2];
  SETUP(pipe2, p, 0);
  struct pollfd f[2] = {{p[0], POLLIN}, {-1, POLLIN}};
  CALL(poll, f, 2, 2), SETUP(write, p[1], "x", 1), CALL(poll, f, 2, -1), show("events", f[0].revents), show("ignored", f[1].revents), CALL(poll, f, -1, 0), CALL(poll, BAD, 1, 0), CALL(poll, 0, 0, 1);
}
CASE(select) {
  int p[2];
  fd_set in, out;
  struct { long s, us; } t = {0, 2000};
  SETUP(pipe2, p, 0), memset(&in, 0, sizeof in), memset(&out, 0, sizeof out), in.fds_bits[0] = 1 << p[0];
  CALL(select, 10, &in, 0, 0, &t), show("time left", t.us), in.fds_bits[0] = 1 << p[0], out.fds_bits[0] = 1 << p[1], CALL(select, 10, &in, &out, 0, 0), show("in", in.fds_bits[0]), show("out", out.fds_bits[0]);
  CALL(select, -1, 0, 0, 0, &t), in.fds_bits[0] = 1l << 36, CALL(select, 40, &in, 0, 0, &t);
}
#endif
