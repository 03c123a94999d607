// Rarer names: System V's signals, shared memory by name, a thread's own attributes, the time of day as a structure.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
static volatile int caught;
static void handler(int signal) { caught++; }
static void inside(const char *who) {
  pthread_attr_t attributes;
  void *start;
  size_t size;
  int detached;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &start, &size);
  pthread_attr_getdetachstate(&attributes, &detached);
  printf("%s %d %d\n", who, (char *)&size >= (char *)start && (char *)&size < (char *)start + size, detached);
}
static void *thread(void *unused) {
  inside("thread");
  return NULL;
}
int main(void) {
  sigset(SIGUSR1, handler);
  sighold(SIGUSR1);
  raise(SIGUSR1);
  printf("%d ", caught);
  sigrelse(SIGUSR1);
  printf("%d\n", caught);
  printf("%d\n", sigset(SIGUSR1, SIG_HOLD) == handler);
  sigignore(SIGUSR2);
  raise(SIGUSR2);
  printf("%d\n", sighold(1000));
  inside("first");
  pthread_t other;
  pthread_create(&other, NULL, thread, NULL);
  pthread_join(other, NULL);
  int fd = shm_open("/guise-older", O_RDWR | O_CREAT | O_EXCL, 0600);
  ftruncate(fd, 4096);
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  strcpy(page, "shared");
  char words[10] = "";
  pread(fd, words, 6, 0);
  printf("%s %d ", words, shm_unlink("/guise-older"));
  int failed = shm_open("/guise-older", O_RDWR, 0);
  printf("%d %d\n", failed, errno == ENOENT);
  char name[L_tmpnam];
  printf("%d\n", strncmp(tmpnam(name), "/tmp/", 5));
  struct stat st;
  stat("/etc/passwd", &st);
  printf("%d\n", S_ISREG(st.st_mode));
  return 0;
}
