// What the kernel refuses: pointers (G2) and quotas (G3), as the first seed has it: illegal requests are rejected, resources
// are limited.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define P(call) ({ errno = 0; long r_ = (long)(call); printf("%s: %s %s\n", #call, r_ == -1 ? "-1" : r_ == 0 ? "0" : "more", strerrorname_np(errno)); r_; })
static volatile int caught;
static void on(int n) { caught = n; }
static void limit(int what, rlim_t soft) {
  struct rlimit r;
  getrlimit(what, &r), r.rlim_cur = soft;
  if (setrlimit(what, &r)) perror("setrlimit");
}
static int deep(int n) { volatile char room[4096]; room[0] = n; return deep(n + 1) + room[0]; }

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  int status, p[2];
  char name[] = "/tmp/guise-quotas-XXXXXX", text[8] = "";
  int fd = mkstemp(name);
  pipe(p);
  // Pointers.
  P(syscall(SYS_write, p[1], (void *)1, 5)), P(syscall(SYS_open, 1, 0)), P(syscall(SYS_clock_gettime, 0, 8)), P(syscall(SYS_getcwd, text, 1));
  write(p[1], "12345", 5), P(syscall(SYS_read, p[0], 0xffffffffff600000ul, 5)), P(syscall(SYS_read, p[0], -1l, 5)), P(syscall(SYS_read, p[0], 0x800000000000ul, 5));
  char *edge = mmap(0, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(edge + 4096, 4096);
  printf("short count %zd\n", write(fd, edge + 4096 - 100, 200)), lseek(fd, 0, SEEK_SET), printf("short count %zd\n", read(fd, edge + 4096 - 30, 100));
  P(syscall(SYS_stat, edge + 4090, text)), memset(edge + 4090, 'x', 6), P(syscall(SYS_open, edge + 4090, 0));
  // Open files.
  if (!fork()) { syscall(SYS_close_range, 3, ~0u, 0), limit(RLIMIT_NOFILE, 3), P(open("/", O_RDONLY)), P(dup(0)), P(pipe(p)), close(0), P(open("/", O_RDONLY)), P(fcntl(1, F_DUPFD, 3)), _exit(0); }
  wait(&status);
  // Address space, and what mmap refuses anyway.
  if (!fork()) { limit(RLIMIT_AS, 1 << 20), P(mmap(0, 1 << 30, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), P(mmap(0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), _exit(0); }
  wait(&status);
  if (!fork()) { limit(RLIMIT_DATA, 1 << 20), P(sbrk(1 << 24)), _exit(0); }
  wait(&status);
  // Sizes of files: the signal, and the error when it is ignored or caught.
  if (!fork()) { limit(RLIMIT_FSIZE, 100), pwrite(fd, "x", 1, 100), _exit(0); }
  wait(&status), printf("file size: signal %d\n", status & 0x7f);
  if (!fork()) { signal(SIGXFSZ, on), limit(RLIMIT_FSIZE, 100), printf("cut %zd\n", pwrite(fd, text, 8, 96)), P(pwrite(fd, text, 8, 100)), printf("caught %d\n", caught == SIGXFSZ), P(ftruncate(fd, 101)), _exit(0); }
  wait(&status);
  // The stack: 8 MiB, and no more.
  struct rlimit r;
  getrlimit(RLIMIT_STACK, &r), printf("stack %ld KiB\n", (long)r.rlim_cur >> 10);
  if (!fork()) { deep(0), _exit(0); }
  wait(&status), printf("overflow: signal %d\n", status & 0x7f);
  // Processes of an ordinary user.
  if (getuid() == 0 && !fork()) { setgroups(0, 0), setgid(54321), setuid(54321), limit(RLIMIT_NPROC, 2); if (!fork()) pause(), _exit(0); P(fork()), kill(0, SIGTERM), _exit(0); }
  // The group's signal is for us too: it is ignored here, and by its sender's child's default fatal.
  signal(SIGTERM, SIG_IGN);
  while (wait(&status) > 0) ;
  // Time of the processor.
  if (!fork()) { signal(SIGXCPU, on), limit(RLIMIT_CPU, 1); while (!caught) ; printf("processor time: caught %d\n", caught == SIGXCPU), _exit(0); }
  wait(&status);
  // Priorities, and limits themselves.
  struct rlimit odd = {5, 4};
  P(setrlimit(RLIMIT_NOFILE, &odd)), P(setrlimit(99, &odd)), P(getrlimit(RLIMIT_NOFILE, (void *)16));
  unlink(name);
  return 0;
}
