/*
 * Memory that processes share: a counter under a process-shared mutex, atomics, a spinning reader, a file mapped by two
 * processes and read and written beside it, a page mapped twice in one process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
  pthread_mutex_t mutex;
  pthread_barrier_t barrier;
  volatile long counter;
  volatile int atomic;
};

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct shared *shared = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t mutex;
  pthread_mutexattr_init(&mutex);
  pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->mutex, &mutex);
  pthread_barrierattr_t barrier;
  pthread_barrierattr_init(&barrier);
  pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&shared->barrier, &barrier, 4);
  for (int child = 0; child < 4; child++) {
    if (fork()) continue;
    for (int round = 0; round < 50; round++) {
      for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&shared->mutex);
        shared->counter++;
        pthread_mutex_unlock(&shared->mutex);
        __atomic_add_fetch(&shared->atomic, 1, __ATOMIC_SEQ_CST);
      }
      pthread_barrier_wait(&shared->barrier);
    }
    _exit(0);
  }
  while (wait(0) > 0) {}
  printf("%ld %d\n", shared->counter, shared->atomic);

  volatile int *flag = (int *)((char *)shared + 4096);
  if (!fork()) {
    while (*flag == 0) {}
    *flag = 2;
    _exit(0);
  }
  *flag = 1;
  while (*flag != 2) {}
  wait(0);
  puts("both have seen it");

  char name[] = "/tmp/sharingXXXXXX";
  int file = mkstemp(name);
  unlink(name);
  if (ftruncate(file, 2 * 4096)) return 1;
  char *one = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  char *two = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 4096);
  char text[32] = {0};
  strcpy(one, "stored");
  if (pread(file, text, 7, 0) != 7) return 1;
  puts(text);
  if (pwrite(file, "written", 8, 4096) != 8) return 1;
  printf("%s %s\n", one + 4096, two);
  strcpy(two, "by the second mapping");
  puts(one + 4096);
  if (!fork()) {
    strcpy(one + 4096, "by the child");
    _exit(0);
  }
  wait(0);
  printf("%s, %s\n", one + 4096, two);
  if (ftruncate(file, 3) || ftruncate(file, 2 * 4096)) return 1;
  printf("%s|%d|%d\n", one, one[5], two[0]);
  char *copy = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  copy[0] = 'S';
  printf("%s %s\n", copy, one);
}
