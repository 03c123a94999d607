// System call costs for the benchmark: `calls NAME MILLISECONDS` repeats one for about that long and prints
//   NAME ns-per-round rounds ns-per-round-of-the-first-100-ms
// where the first figure leaves those 100 ms out: a short program sees the last figure, a long one the first.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int pipes[2], back[2], file;
static char page[4096], path[64];
static volatile int caught;
static void on_signal(int s) { caught += s; }
static void *nothing(void *p) { return p; }

static void c_getpid(void) { syscall(SYS_getpid); }
static void c_close(void) { close(999); }
static void c_clock(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); }
static void c_clock_syscall(void) { struct timespec t; syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t); }
static void c_pipe(void) { char c = 1; if (write(pipes[1], &c, 1) != 1 || read(pipes[0], &c, 1) != 1) exit(3); }
static void c_read(void) { if (pread(file, page, sizeof page, 0) != sizeof page) exit(3); }
static void c_write(void) { if (pwrite(file, page, sizeof page, 0) != sizeof page) exit(3); }
static void c_open(void) { close(open(path, O_RDONLY)); }
static void c_mmap(void) { char *p = mmap(0, 65536, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); p[0] = p[40000] = 1; munmap(p, 65536); }
static void c_signal(void) { raise(SIGUSR1); }
static void c_fork(void) { pid_t p = fork(); if (p == 0) _exit(0); waitpid(p, 0, 0); }
static void c_exec(void) { pid_t p = vfork(); if (p == 0) { execl("/proc/self/exe", "calls", "none", "0", (char *)0); _exit(1); } waitpid(p, 0, 0); }
static void c_thread(void) { pthread_t t; pthread_create(&t, 0, nothing, 0); pthread_join(t, 0); }
static void c_pingpong(void) { char c = 1; if (write(pipes[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) exit(3); }

static const struct { const char *name; void (*run)(void); } calls[] = {
  {"getpid", c_getpid}, {"close(999)", c_close}, {"clock_gettime", c_clock}, {"clock_gettime-syscall", c_clock_syscall}, {"pipe", c_pipe},
  {"read4k", c_read}, {"write4k", c_write}, {"open", c_open}, {"mmap", c_mmap}, {"signal", c_signal}, {"fork", c_fork}, {"exec", c_exec},
  {"thread", c_thread}, {"pingpong", c_pingpong},
};
static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }

int main(int argc, char **argv) {
  if (argc != 3) {
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) puts(calls[i].name);
    return 0;
  }
  if (!strcmp(argv[1], "none")) return 0;
  snprintf(path, sizeof path, "/tmp/guise-bench-%d", getpid());
  file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || write(file, page, sizeof page) != sizeof page || pipe(pipes) || pipe(back)) return perror("setup"), 1;
  signal(SIGUSR1, on_signal);
  uint64_t limit = strtoull(argv[2], 0, 10) * 1000000;
  int status = 2;
  for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (strcmp(argv[1], calls[i].name)) continue;
    pid_t echo = 0;
    if (calls[i].run == c_pingpong && (echo = fork()) == 0) {
      char c;
      close(pipes[1]);
      while (read(pipes[0], &c, 1) == 1) if (write(back[1], &c, 1) != 1) break;
      _exit(0);
    }
    // Batches of about a millisecond: the clock is read between them only.
    uint64_t start = now(), from = start, last = start, rounds = 0, early = 0, batch = 1, t;
    do {
      for (uint64_t k = 0; k < batch; k++) calls[i].run();
      t = now(), rounds += batch;
      if (t - last < 1000000) batch *= 2;
      else if (t - last > 4000000 && batch > 1) batch /= 2;
      if (!early && t - start >= 100000000) early = rounds, from = t;
      last = t;
    } while (t - start < limit);
    double first = early ? (double)(from - start) / early : (double)(t - start) / rounds;
    printf("%s %.1f %llu %.1f\n", argv[1], early && rounds > early ? (double)(t - from) / (rounds - early) : first, (unsigned long long)rounds, first);
    if (echo) kill(echo, SIGKILL), waitpid(echo, 0, 0);
    status = 0;
  }
  unlink(path);
  return status;
}
