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

static volatile int count;
static void on(int s) { count++; }
static sigjmp_buf back;
static void jump(int s) { siglongjmp(back, 1); }
static void arm(void (*handler)(int), int flags) {
  struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};
  sigaction(SIGALRM, &sa, 0);
  struct itimerval it = {{0, 10000}, {0, 10000}};
  count = 0;
  setitimer(ITIMER_REAL, &it, 0);
}
static void disarm(void) {
  struct itimerval it = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &it, 0);
}
static void *later(void *fd) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, 0);
  usleep(60000);
  write((int)(long)fd, "line\n", 5);
  return 0;
}

int main(void) {
  int p[2], s[2];
  char b[8];
  pthread_t t;
  setvbuf(stdout, 0, _IONBF, 0);
  pipe(p);
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  for (int restart = 0; restart < 2; restart++) {
    int flags = restart ? SA_RESTART : 0;
    pthread_create(&t, 0, later, (void *)(long)p[1]);
    arm(on, flags);
    ssize_t n = read(p[0], b, 8);
    int error = n < 0 ? errno : 0;
    disarm();
    pthread_join(t, 0);
    printf("read %zd %d, handled %s\n", n, error, count > 1 ? "often" : "once");
    if (n < 0) read(p[0], b, 8);

    pthread_create(&t, 0, later, (void *)(long)s[1]);
    arm(on, flags);
    n = recv(s[0], b, 8, 0), error = n < 0 ? errno : 0;
    disarm();
    pthread_join(t, 0);
    printf("recv %zd %d, handled %s\n", n, error, count > 1 ? "often" : "once");
    if (n < 0) recv(s[0], b, 8, 0);

    struct timespec pause = {0, 30000000}, left;
    arm(on, flags);
    error = nanosleep(&pause, &left) < 0 ? errno : 0;
    disarm();
    printf("nanosleep %d\n", error);
  }
  FILE *f = fdopen(p[0], "r");
  pthread_create(&t, 0, later, (void *)(long)p[1]);
  arm(on, SA_RESTART);
  printf("fgets %s", fgets(b, 8, f));
  disarm();
  pthread_join(t, 0);
  arm(jump, SA_RESTART);
  if (!sigsetjmp(back, 1)) read(s[0], b, 8);
  else printf("out of read\n");
  disarm();
  // Ignored ones end nothing.
  pthread_create(&t, 0, later, (void *)(long)s[1]);
  arm(SIG_IGN, 0);
  printf("read %zd\n", read(s[0], b, 8));
  disarm();
  pthread_join(t, 0);
  return 0;
}
