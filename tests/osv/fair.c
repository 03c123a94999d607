// Two endless loops share the processor, and who sleeps wakes in time (G4): threads of the one process.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <time.h>
static volatile long counts[2];
static volatile int stop;
static void *spin(void *which) {
  volatile long *count = &counts[(long)which];
  while (!stop) ++*count;
  return NULL;
}
static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000l + t.tv_nsec;
}
int main(void) {
  pthread_t a, b;
  pthread_create(&a, NULL, spin, (void *)0);
  pthread_create(&b, NULL, spin, (void *)1);
  long worst = 0;
  for (int n = 0; n < 60; n++) {
    struct timespec pause = {0, 5000000};
    long before = now();
    nanosleep(&pause, NULL);
    long late = now() - before - 5000000;
    if (late > worst) worst = late;
  }
  long x = counts[0], y = counts[1];
  stop = 1;
  pthread_join(a, NULL);
  pthread_join(b, NULL);
  printf("%ld %ld\n", 100 * x / (x + y), worst);
  return 0;
}
