// Threads that are cancelled: where they wait, before they would, not at all; and what they clean up.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int p[2], s[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static pthread_t endless;
static void say(void *text) { printf("  cleanup %s\n", (char *)text); }
static void release(void *m) { printf("  cleanup unlocks %d\n", pthread_mutex_unlock(m)); }
static void in_read(void) { char b[8]; read(p[0], b, 8); }
static void in_recv(void) { char b[8]; recv(s[0], b, 8, 0); }
static void in_sleep(void) { sleep(100); }
static void in_nanosleep(void) { struct timespec t = {100, 0}; nanosleep(&t, 0); }
static void in_semaphore(void) { sem_wait(&semaphore); }
static void in_join(void) { pthread_join(endless, 0); }
static void in_condition(void) {
  pthread_mutex_lock(&lock);
  pthread_cleanup_push(release, &lock);
  for (;;) pthread_cond_wait(&condition, &lock);
  pthread_cleanup_pop(0);
}
static void in_loop(void) { for (;;) pthread_testcancel(); }
static void in_exit(void) { pthread_exit((void *)7); }
// Cancelled before it ends by itself: that it is asked to end does not change its result any more.
static volatile int cancelled;
static void point(void *unused) { pthread_testcancel(), sleep(0), printf("  cleanup comes to points\n"); }
static void in_late_exit(void) {
  while (!cancelled) sched_yield();
  pthread_cleanup_push(point, 0);
  pthread_exit((void *)7);
  pthread_cleanup_pop(0);
}
static void *run(void *f) {
  pthread_cleanup_push(say, "outer");
  pthread_cleanup_push(say, "inner");
  ((void (*)(void))f)();
  pthread_cleanup_pop(0);
  pthread_cleanup_pop(1);
  return (void *)3;
}
static void *deaf(void *unused) {
  int old;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
  usleep(50000);
  printf("  deaf has slept\n");
  pthread_setcancelstate(old, 0);
  write(p[1], "", 0);
  printf("not reached\n");
  return 0;
}
static void *wait_for_ever(void *unused) { for (;;) pause(); }
static void check(const char *name, void *(*f)(void *), void (*arg)(void)) {
  pthread_t t;
  void *result = 0;
  printf("%s\n", name);
  cancelled = 0;
  pthread_create(&t, 0, f, (void *)arg);
  usleep(10000);
  int sent = pthread_cancel(t), joined;
  cancelled = 1, joined = pthread_join(t, &result);
  printf("  %d %d %s\n", sent == ESRCH ? 0 : sent, joined, result == PTHREAD_CANCELED ? "cancelled" : result == (void *)7 ? "seven" : "other");
}
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  pipe(p), socketpair(AF_UNIX, SOCK_STREAM, 0, s), sem_init(&semaphore, 0, 0);
  pthread_create(&endless, 0, wait_for_ever, 0);
  check("read", run, in_read), check("recv", run, in_recv), check("sleep", run, in_sleep), check("nanosleep", run, in_nanosleep);
  check("semaphore", run, in_semaphore), check("join", run, in_join), check("condition", run, in_condition);
  check("loop", run, in_loop), check("exit", run, in_exit), check("late exit", run, in_late_exit), check("deaf", deaf, 0);
  printf("lock is free %d\n", pthread_mutex_trylock(&lock));
  pthread_cancel(endless), pthread_join(endless, 0);
  return 0;
}
