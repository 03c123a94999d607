// Memory shared between processes: a counter with and without a process-shared mutex, a futex between processes, and 200
// processes in a pipeline. Prints one line each; the same natively.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) { perror(what), exit(1); }
static int *shared(void) {
  int *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) fail("mmap");
  return p;
}

static void counter(void) {
  int *p = shared();
  pthread_mutex_t *mutex = (void *)(p + 16);
  pthread_mutexattr_t attribute;
  pthread_mutexattr_init(&attribute);
  pthread_mutexattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(mutex, &attribute);
  for (int i = 0; i < 8; i++) {
    if (fork() == 0) {
      for (int k = 0; k < 5000; k++) {
        pthread_mutex_lock(mutex);
        p[0]++;
        pthread_mutex_unlock(mutex);
        __atomic_add_fetch(&p[1], 1, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&p[1500], 1, __ATOMIC_SEQ_CST); // another page
      }
      _exit(0);
    }
  }
  while (wait(0) > 0) {}
  printf("counter %d %d %d\n", p[0], p[1], p[1500]);
}

static void futexes(void) {
  int *p = shared();
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 100; i++) {
      while (__atomic_load_n(&p[0], __ATOMIC_SEQ_CST) != 2 * i + 1) syscall(SYS_futex, &p[0], FUTEX_WAIT, 2 * i, 0, 0, 0);
      __atomic_store_n(&p[0], 2 * i + 2, __ATOMIC_SEQ_CST);
      syscall(SYS_futex, &p[0], FUTEX_WAKE, 1, 0, 0, 0);
    }
    _exit(7);
  }
  for (int i = 0; i < 100; i++) {
    __atomic_store_n(&p[0], 2 * i + 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &p[0], FUTEX_WAKE, 1, 0, 0, 0);
    while (__atomic_load_n(&p[0], __ATOMIC_SEQ_CST) != 2 * i + 2) syscall(SYS_futex, &p[0], FUTEX_WAIT, 2 * i + 1, 0, 0, 0);
  }
  int status;
  waitpid(child, &status, 0);
  printf("futex %d exit %d\n", p[0], WEXITSTATUS(status));
}

static void pipeline(int stages) {
  int in[2], previous;
  if (pipe(in)) fail("pipe");
  previous = in[0];
  for (int i = 0; i < stages; i++) {
    int next[2];
    if (pipe(next)) fail("pipe");
    if (fork() == 0) {
      char c[64];
      ssize_t n;
      close(in[1]), close(next[0]);
      while ((n = read(previous, c, sizeof c)) > 0) {
        for (ssize_t k = 0; k < n; k++) c[k]++;
        if (write(next[1], c, n) != n) _exit(1);
      }
      _exit(0);
    }
    close(previous), close(next[1]);
    previous = next[0];
  }
  unsigned char text[] = {1, 2, 3, 4, 5}, out[16];
  if (write(in[1], text, 5) != 5) fail("write");
  close(in[1]);
  ssize_t total = 0, n;
  while ((n = read(previous, out + total, sizeof out - total)) > 0) total += n;
  int ended = 0, status;
  while (wait(&status) > 0) ended += status == 0;
  printf("pipeline %zd bytes %d %d..%d\n", total, ended, out[0], out[4]);
}

static void files(void) {
  char name[] = "/tmp/shared-XXXXXX";
  int fd = mkstemp(name);
  if (fd < 0 || ftruncate(fd, 10000)) fail("file");
  char *p = mmap(0, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), text[16] = "";
  if (p == MAP_FAILED) fail("mmap");
  if (fork() == 0) {
    strcpy(p + 5000, "child");
    _exit(0);
  }
  wait(0);
  if (pread(fd, text, 5, 5000) != 5) fail("pread");
  if (pwrite(fd, "file", 4, 100) != 4) fail("pwrite");
  printf("file %s %.4s %s\n", p + 5000, p + 100, text);
  unlink(name);
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  counter();
  futexes();
  files();
  pipeline(200);
  return 0;
}
