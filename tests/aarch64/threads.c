// Threads with a lock, thread-local data, a condition.
#include <pthread.h>
#include <stdio.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static __thread int mine = 5;
static int sum, ready;
static void *work(void *n) {
  for (int i = 0; i < 1000; i++) {
    pthread_mutex_lock(&lock);
    sum += mine;
    pthread_mutex_unlock(&lock);
  }
  mine += (int)(long)n;
  pthread_mutex_lock(&lock);
  ready++;
  pthread_cond_signal(&done);
  pthread_mutex_unlock(&lock);
  return (void *)(long)mine;
}
int main(void) {
  pthread_t threads[4];
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], 0, work, (void *)i);
  pthread_mutex_lock(&lock);
  while (ready < 4) pthread_cond_wait(&done, &lock);
  pthread_mutex_unlock(&lock);
  long all = 0;
  for (int i = 0; i < 4; i++) {
    void *r;
    pthread_join(threads[i], &r);
    all = all * 100 + (long)r;
  }
  printf("%d %ld %d\n", sum, all, mine);
  return 0;
}
