// INT 0x80 from 64-bit code, the calls whose structures are i386's own (X12, X13): status, limits, times, waiting, segments, and the
// ways back from handlers that 32-bit code has. Built at a fixed address, so that data is below 4 GiB.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static long i80(long n, long a, long b, long c, long d, long e, long f) {
  long r; register long rbp_ = f;
  asm volatile("push %%rbp; mov %7, %%rbp; int $0x80; pop %%rbp" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "r"(rbp_) : "memory", "r8", "r9", "r10", "r11");
  return r;
}
#define S(n, ...) S_(n, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define S_(n, a, b, c, d, e, f, ...) i80(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
static uint32_t w[64];
static char dir[] = "/tmp/guise-i80-XXXXXX", file[] = "f", link_[] = "l", none[] = "none", dot[] = ".", empty[] = "";
#define BAD 16
static uint64_t two(int at) { return w[at] | (uint64_t)w[at + 1] << 32; }
static void status64(const char *name, long r) {
  struct stat st;
  printf("%s %ld", name, r);
  if (!r) stat(file, &st), printf(" ino %d mode %o links %u uid %d size %lu blksize %d blocks %d times %d %d %d", two(22) == st.st_ino && w[3] == (uint32_t)st.st_ino, w[4], w[5], w[6] == st.st_uid, (unsigned long)two(11), w[13] == st.st_blksize, two(14) == st.st_blocks, w[16] == st.st_atime, w[18] == st.st_mtime && w[19] == st.st_mtim.tv_nsec, w[20] == st.st_ctime);
  puts(""), memset(w, 0xaa, sizeof w);
}
static void oldstat(const char *name, long r) {
  struct stat st;
  uint16_t *h = (void *)w;
  printf("%s %ld", name, r);
  if (!r) stat(file, &st), printf(" ino %d mode %o links %u size %u blksize %d times %d %d", w[1] == (uint32_t)st.st_ino, h[4], h[5], w[5], w[6] == st.st_blksize, w[8] == st.st_atime, w[10] == st.st_mtime && w[11] == st.st_mtim.tv_nsec);
  puts(""), memset(w, 0xaa, sizeof w);
}
static volatile int caught;
static void on(int n) { caught = n; }
static void ended(const char *name) { int st; fflush(stdout); wait(&st); printf("%s: %x\n", name, st & 0x7f7f); }
static char stack[65536] __attribute__((aligned(4096)));
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  if (!mkdtemp(dir) || chdir(dir)) return 1;
  int fd = open(file, O_RDWR | O_CREAT, 0640), p[2], st;
  write(fd, "hello", 5), symlink("f", link_);
  struct timespec times_[2] = {{1000, 5}, {2000, 7}}; futimens(fd, times_);
  status64("stat64", S(195, link_, w)), status64("fstat64", S(197, fd, w)), status64("fstatat64", S(300, -100, file, w, 0)), status64("bad", S(195, file, BAD)), status64("none", S(195, none, w)), status64("closed", S(197, 99, w)), status64("flags", S(300, -100, file, w, 0x8000));
  printf("lstat64 %ld", S(196, link_, w)), printf(" %o %lu\n", w[4] & S_IFMT, (unsigned long)two(11));
  oldstat("stat", S(106, file, w)), oldstat("fstat", S(108, fd, w)), oldstat("bad", S(108, fd, BAD)); printf("lstat %ld", S(107, link_, w)), printf(" %o\n", ((uint16_t *)w)[4] & S_IFMT);
  printf("statfs64 %ld %ld %ld", S(268, dot, 84, w), S(268, dot, 80, w), S(268, none, 84, w)), printf(" %ld %ld", S(269, fd, 84, w), S(269, 99, 84, w)), printf(" %d %u %u\n", w[1] > 0, w[14], w[15]);
  // Limits.
  struct rlimit r = {100, 4000}; setrlimit(RLIMIT_NOFILE, &r);
  printf("getrlimit %ld", S(191, RLIMIT_NOFILE, w)), printf(" %u %u", w[0], w[1]), printf(" %ld", S(191, RLIMIT_CORE + 99, w)), printf(" %ld\n", S(191, RLIMIT_NOFILE, BAD));
  w[0] = 90, printf("setrlimit %ld", S(75, RLIMIT_NOFILE, w)), getrlimit(RLIMIT_NOFILE, &r), printf(" %ld %ld", (long)r.rlim_cur, (long)r.rlim_max), r.rlim_cur = r.rlim_max = RLIM_INFINITY, w[0] = w[1] = -1, printf(" %ld", S(75, RLIMIT_CPU, w)), getrlimit(RLIMIT_CPU, &r), printf(" %d", r.rlim_cur == RLIM_INFINITY), w[0] = 9, w[1] = 8, printf(" %ld\n", S(75, RLIMIT_NOFILE, w));
  printf("old getrlimit %ld", S(76, RLIMIT_CPU, w)), printf(" %x %x\n", w[0], w[1]);
  // Times.
  printf("times %d", S(43, w) != 0), printf(" %d %ld\n", w[2] == 0 && w[3] == 0, S(43, BAD)); printf("getrusage %ld", S(77, 0, w)), printf(" %d %ld\n", w[1] < 1000000 && w[4] > 0, S(77, 99, w));
  printf("sysinfo %ld", S(116, w)), printf(" %d %ld\n", w[4] > 0 && w[13] > 0, S(116, BAD));
  signal(SIGALRM, on), w[0] = w[1] = 0, w[2] = 100, w[3] = 7, printf("setitimer %ld", S(104, 0, w, w + 4)), printf(" %u %u", w[6], w[7]), printf(" getitimer %ld", S(105, 0, w)), printf(" %d", w[2] == 99 || w[2] == 100), w[0] = w[1] = w[2] = 0, w[3] = 1000000, printf(" %ld", S(104, 0, w, 0)), w[3] = 0, printf(" %ld %ld\n", S(104, 0, w, 0), S(105, 9, w));
  printf("clock_getres %ld", S(266, 1, w)), printf(" %u %u %ld\n", w[0], w[1], S(266, 99, w)); w[0] = 0, w[1] = 2000000, printf("clock_nanosleep %ld", S(267, 1, 0, w, 0)), w[1] = 1000000000, printf(" %ld\n", S(267, 1, 0, w, 0));
  w[0] = 111, w[1] = 222, printf("utime %ld", S(30, file, w)); struct stat s; fstat(fd, &s), printf(" %ld %ld", s.st_atime, s.st_mtime), w[0] = 5, w[1] = 6, w[2] = 7, w[3] = 8, printf(" utimes %ld", S(271, file, w)), fstat(fd, &s), printf(" %ld.%ld %ld.%ld", s.st_atime, s.st_atim.tv_nsec, s.st_mtime, s.st_mtim.tv_nsec), w[3] = 1000000, printf(" %ld", S(271, file, w)); w[0] = 9, w[1] = 10, w[2] = 11, w[3] = 12, printf(" utimensat %ld", S(320, -100, file, w, 0)), fstat(fd, &s), printf(" %ld.%ld %ld.%ld\n", s.st_atime, s.st_atim.tv_nsec, s.st_mtime, s.st_mtim.tv_nsec);
  // Waiting.
  pipe(p), write(p[1], "x", 1);
  int pid = fork(); if (!pid) _exit(5); printf("wait4 %d", S(114, pid, w, 0, w + 4) == pid), printf(" %x %d", w[0], w[5] < 1000000), printf(" %ld\n", S(114, -1, w, 0, 0));
  int e = S(329, 0); w[0] = 1, w[1] = 77, w[2] = 88, printf("epoll_ctl %ld", S(255, e, 1, p[0], w)), memset(w, 0, 12), printf(" epoll_wait %ld", S(256, e, w, 1, 0)), printf(" %u %u %u\n", w[0], w[1], w[2]);
  lseek(fd, 0, 0); printf("sendfile64"), w[1] = 0, w[0] = 1, printf(" %ld", S(239, p[1], fd, w, 2)), printf(" %u\n", w[0]);
  w[0] = 1 << (SIGUSR1 - 1), printf("sigprocmask %ld", S(126, 0, w, w + 1)), printf(" %x", w[1]), raise(SIGUSR1), printf(" sigpending %ld", S(73, w + 2)), printf(" %x", w[2]), signal(SIGUSR1, SIG_IGN), printf(" %ld %ld\n", S(126, 1, w, 0), S(126, 9, w, 0));
  memset(w, 0, sizeof w), w[0] = 1 << p[0], w[40] = 0, w[41] = 2000, read(p[0], w + 30, 50), printf("select %ld", S(142, 32, w, 0, 0, w + 40)), printf(" %x left %u", w[0], w[41]), write(p[1], "x", 1), w[0] = 1 << p[0], printf(" %ld", S(142, 32, w, 0, 0, 0)), printf(" %d", w[0] == 1 << p[0]), w[0] = 1 << p[0], w[41] = 0, printf(" %ld", S(142, 32, w, 0, 0, w + 40)), w[10] = 32, w[11] = (uint32_t)(long)w, w[12] = w[13] = w[14] = 0, printf(" old %ld", S(82, w + 10)), printf(" %ld %ld %ld\n", S(142, -1, 0, 0, 0, 0), S(142, 32, BAD, 0, 0, 0), S(82, BAD));
  struct flock held = {.l_type = F_WRLCK, .l_start = 100, .l_len = 50}; int holder = fork(); if (!holder) { fcntl(fd, F_SETLK, &held), write(p[1], "l", 1), sleep(60), _exit(0); } read(p[0], w, 1), read(p[0], w, 1); memset(w, 0, sizeof w), ((uint16_t *)w)[0] = F_RDLCK, w[1] = 120, w[2] = 10;
  printf("locks %ld", S(221, fd, 6, w)), printf(" %ld", S(55, fd, 5, w)), printf(" %d %u %u %d", ((uint16_t *)w)[0], w[1], w[2], w[3] > 1), memset(w, 0, sizeof w), ((uint16_t *)w)[0] = F_WRLCK, w[1] = 10, w[3] = 5, printf(" %ld %ld", S(221, fd, 13, w), S(55, fd, 13, w)), w[1] = 149, w[3] = 1, printf(" %ld", S(221, fd, 12, w)), printf(" %u %u %u", w[1], w[3], w[2]), printf(" %ld %ld\n", S(221, fd, 12, BAD), S(221, fd, 1)); kill(holder, SIGKILL), wait(0);
  // Segments of a thread, and handlers' ways back, which only 32-bit frames have.
  w[0] = -1, w[1] = 0x1234000, w[2] = 0xfffff, w[3] = 0x51, printf("set_thread_area %ld", S(243, w)), printf(" %u", w[0]), w[0] = -1, printf(" %ld", S(243, w)), printf(" %u", w[0]), w[0] = 12, w[1] = w[2] = w[3] = 0, printf(" get %ld", S(244, w)), printf(" %x %x %x", w[1], w[2], w[3]), w[0] = 3, printf(" %ld %ld", S(243, w), S(244, w)), printf(" %ld\n", S(243, BAD));
  if (!fork()) S(119), _exit(1); ended("sigreturn");
  if (!fork()) S(173), _exit(1); ended("rt_sigreturn");
  char text[64]; chdir("/"), snprintf(text, sizeof text, "rm -r %s", dir);
  return system(text);
}
