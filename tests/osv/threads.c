// Threads, locks, conditions, keys, once, thread-local data, errno of each thread.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t deep = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static __thread int mine = 7;
static int count, turns;

static void at_once(void) { turns++; }
static void destroy(void *value) { printf("destroyed %s\n", (char *)value); }

static void *work(void *argument) {
  long n = (long)argument;
  pthread_once(&once, at_once);
  mine += n;
  for (int i = 0; i < 1000; i++) {
    pthread_mutex_lock(&lock);
    count++;
    pthread_mutex_unlock(&lock);
  }
  errno = 0;
  if (n == 2) open("/not/there", O_RDONLY);
  pthread_mutex_lock(&lock);
  while (turns != n) pthread_cond_wait(&changed, &lock);
  printf("thread %ld: mine %d errno %d strtol %ld\n", n, mine, errno, strtol("42x", NULL, 10));
  turns++;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  if (n == 3) pthread_setspecific(key, "three");
  return (void *)(n * 10);
}

int main(void) {
  pthread_t threads[4];
  pthread_key_create(&key, destroy);
  for (long n = 1; n <= 3; n++)
    if (pthread_create(&threads[n], NULL, work, (void *)n)) return 1;
  long sum = 0;
  for (int n = 1; n <= 3; n++) {
    void *result;
    pthread_join(threads[n], &result);
    sum += (long)result;
  }
  printf("count %d turns %d sum %ld mine %d\n", count, turns, sum, mine);
  pthread_mutex_lock(&deep);
  pthread_mutex_lock(&deep);
  pthread_mutex_unlock(&deep);
  pthread_mutex_unlock(&deep);
  printf("try %s\n", strerror(pthread_mutex_trylock(&lock)));
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 2000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  printf("wait %d\n", pthread_cond_timedwait(&changed, &lock, &until));
  pthread_mutex_unlock(&lock);
  return 0;
}
