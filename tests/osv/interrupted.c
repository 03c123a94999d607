// Waits that a signal ends or not, as the handler's SA_RESTART says; handlers that jump out of them.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int count, awaited, over;
static void on(int s) { count++; }
static void arm(void (*handler)(int), int flags) {
  struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};
  sigaction(SIGALRM, &sa, 0);
  struct itimerval it = {{0, 10000}, {0, 10000}};
  setitimer(ITIMER_REAL, &it, 0);
}
static void disarm(void) {
  struct itimerval it = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &it, 0);
}
static sigjmp_buf back;
static void jump(int s) {
  disarm();
  siglongjmp(back, 1);
}

static pthread_t writer;
// Writes when the wait was interrupted `awaited` times or is over, however slow the machine is; never, before the end: 0.
static void *later(void *fd) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, 0);
  if (awaited < 0) usleep(60000);
  else while (!over && !(awaited && count >= awaited)) usleep(5000);
  write((int)(long)fd, "line\n", 5);
  return 0;
}
static void begin(int fd, int times) {
  count = over = 0, awaited = times;
  pthread_create(&writer, 0, later, (void *)(long)fd);
}
static void end(void) {
  disarm();
  over = 1;
  pthread_join(writer, 0);
}
static const char *handled(void) { return count >= awaited && count ? "as often as awaited" : "too seldom"; }

int main(void) {
  int p[2], s[2];
  char b[8];
  setvbuf(stdout, 0, _IONBF, 0);
  pipe(p);
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  for (int restart = 0; restart < 2; restart++) {
    int flags = restart ? SA_RESTART : 0, times = restart ? 2 : 0;
    begin(p[1], times);
    arm(on, flags);
    ssize_t n = read(p[0], b, 8);
    int error = n < 0 ? errno : 0;
    end();
    printf("read %zd %d, handled %s\n", n, error, handled());
    if (n < 0) read(p[0], b, 8);

    begin(s[1], times);
    arm(on, flags);
    n = recv(s[0], b, 8, 0), error = n < 0 ? errno : 0;
    end();
    printf("recv %zd %d, handled %s\n", n, error, handled());
    if (n < 0) recv(s[0], b, 8, 0);

    struct timespec pause = {10, 0}, left;
    arm(on, flags);
    error = nanosleep(&pause, &left) < 0 ? errno : 0;
    disarm();
    printf("nanosleep %d\n", error);
  }
  FILE *f = fdopen(p[0], "r");
  begin(p[1], 2);
  arm(on, SA_RESTART);
  printf("fgets %s", fgets(b, 8, f));
  end();
  if (!sigsetjmp(back, 1)) {
    arm(jump, SA_RESTART);
    read(s[0], b, 8);
  } else printf("out of read\n");
  // Ignored ones end nothing.
  begin(s[1], -1);
  arm(SIG_IGN, 0);
  printf("read %zd\n", read(s[0], b, 8));
  end();
  return 0;
}
