// What direct calls refuse: bad pointers (G2) and what limits do not allow (G3), by the libc's functions.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
static void show(const char *what, long result) {
  int wrong = errno;
  printf("%s %ld %s\n", what, result, result == -1 ? strerrorname_np(wrong) : "");
  errno = 0;
}
static volatile int caught;
static void handler(int signal) { caught = signal; }
static volatile char *volatile bad = (char *)1;
static void limit(int which, unsigned long soft) {
  struct rlimit now;
  getrlimit(which, &now);
  now.rlim_cur = soft;
  setrlimit(which, &now);
}
int main(void) {
  char small[8], *p = (char *)bad;
  show("write", write(1, p, 5));
  show("open", open(p, O_RDONLY));
  show("stat", stat("/", (struct stat *)p));
  show("stat", stat(p, (struct stat *)small));
  show("getcwd", (long)getcwd(small, 1) == 0 ? -1 : 0);
  show("pipe", pipe((int *)p));
  show("poll", poll((struct pollfd *)p, 1, 0));
  show("read", read(open("/etc/passwd", O_RDONLY), p, 5));
  show("nanosleep", nanosleep((struct timespec *)p, NULL));
  show("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)p));
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page + 4096, 4096);
  int ends[2];
  pipe(ends);
  memset(page, 'x', 4096);
  show("partly", read(open("/proc/self/maps", O_RDONLY), page + 4086, 100) > 0 ? 1 : 0);
  show("mmap 0", mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  signal(SIGXFSZ, handler);
  char name[] = "/tmp/quotas-XXXXXX";
  int file = mkstemp(name);
  unlink(name);
  limit(RLIMIT_FSIZE, 4);
  show("fsize", write(file, "123456", 6));
  show("fsize", write(file, "7", 1));
  printf("%d\n", caught == SIGXFSZ);
  limit(RLIMIT_FSIZE, RLIM_INFINITY);
  limit(RLIMIT_NOFILE, 3);
  show("nofile", open("/dev/null", O_RDONLY));
  show("nofile", dup(1));
  FILE *stream = fopen("/dev/null", "r");
  show("fopen", stream ? 0 : -1);
  limit(RLIMIT_NOFILE, 100);
  limit(RLIMIT_AS, 1 << 20);
  show("as", mmap(NULL, 1 << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  show("malloc", malloc(1 << 30) ? 0 : -1);
  show("calloc", calloc(1ul << 40, 1ul << 40) ? 0 : -1);
  limit(RLIMIT_AS, RLIM_INFINITY);
  show("malloc", malloc(1 << 20) ? 0 : -1);
  signal(SIGXCPU, handler);
  limit(RLIMIT_CPU, 1);
  while (caught != SIGXCPU);
  printf("cpu %d\n", caught == SIGXCPU);
  fflush(stdout);
  volatile char deep[1 << 20];
  for (int n = 0; n < 64; n++) deep[n * 16384] = 1;
  printf("deep\n");
  fflush(stdout);
  struct rlimit stack;
  getrlimit(RLIMIT_STACK, &stack);
  char *below = (char *)__builtin_frame_address(0);
  for (long at = 0; at < 64l << 20; at += 4096) below[-at] = 1;
  return 0;
}
