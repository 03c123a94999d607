// INT 0x80 from 64-bit code: the i386 table, narrow arguments, kept registers (X12). Built without PIE, so that data is below 4 GiB.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
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
static char text[] = "by interrupt\n", buf[8192], dir[40], file[48]; static struct utsname u; static uint32_t words[8]; static int st, fds[2]; static char *prog = "/bin/echo";
static struct { uint32_t p[4]; } args;
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0); sprintf(dir, "/tmp/guise-i80-%d", getpid()), sprintf(file, "%s/f", dir);
  printf("getpid %d tid %d\n", S(20) == getpid(), S(224) == gettid()); printf("write %ld\n", S(4, 1, text, 13));
  printf("holes %ld %ld %ld high %d\n", S(1000), S(-1), S(17), S(0x100000014l) == getpid());
  char deep[16]; printf("high pointer %ld\n", S(4, 1, (1l << 32) + 8, 5)); printf("high halves dropped %ld\n", S(4, 1l << 32 | 1, (long)text | 5l << 40, 1l << 50 | 13)); (void)deep;
  long a, b, c, d; asm volatile("mov $0x1111, %%r8; mov $0x2222, %%r9; mov $0x3333, %%r10; mov $0x4444, %%r11; mov $20, %%eax; int $0x80; mov %%r8, %0; mov %%r9, %1; mov %%r10, %2; mov %%r11, %3" : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d) :: "rax", "r8", "r9", "r10", "r11"); printf("%lx %lx %lx %lx\n", a, b, c, d);
  printf("mkdir %ld", S(39, dir, 0755)); int fd = S(5, file, O_CREAT | O_RDWR, 0644); printf(" open %d", fd >= 0); printf(" write %ld", S(4, fd, text, 13)); printf(" lseek %ld", S(19, fd, 3, 0)); printf(" read %ld", S(3, fd, buf, 4)); printf(" %.4s", buf);
  uint64_t big = 0; static uint64_t at; printf(" llseek %ld", S(140, fd, 1, 5, &at, 0)); printf(" %llx\n", (unsigned long long)at); (void)big; printf("bad lseek %ld %ld\n", S(19, fd, -5, 0), S(19, 99, 0, 0)); S(6, fd); printf("unlink %ld", S(10, file)); printf(" rmdir %ld\n", S(40, dir));
  printf("uname %ld %s\n", S(122, &u), u.sysname); printf("time %d", labs(S(13, words) - time(0)) < 2); printf(" %d\n", words[0] > 1600000000); printf("gettimeofday %ld", S(78, words, 0)); printf(" %d\n", words[1] < 1000000); printf("clock_gettime %ld", S(265, 1, words)); printf(" %d\n", words[1] < 1000000000);
  long m = S(192, 0, 8192, 3, 0x22, -1, 0); printf("mmap2 %d", m > 0 && m < 1l << 32); printf(" munmap %ld\n", S(91, m, 8192)); uint32_t *q = words; q[0] = 0, q[1] = 4096, q[2] = 3, q[3] = 0x22, q[4] = -1, q[5] = 0; m = S(90, q); printf("old mmap %d mprotect %ld\n", m > 0, S(125, m, 4096, 1));
  int pid = S(2); if (!pid) S(1, 7); printf("fork %d", pid > 0); printf(" waitpid %d", S(7, pid, &st, 0) == pid); printf(" %x\n", st);
  printf("pipe %ld", S(42, fds)); printf(" %ld", S(4, fds[1], text, 3)); printf(" %ld", S(3, fds[0], buf, 9)); printf(" dup2 %ld", S(63, fds[0], 50)); printf(" fcntl %ld\n", S(221, 50, F_GETFD));
  printf("uid %d %d brk %d\n", S(24) == getuid(), S(199) == getuid(), S(45, 0) != 0); printf("getcwd %ld access %ld umask %lo\n", S(183, buf, 1), S(33, "/none", 0), S(60, 022));
  static char one[] = "/bin/echo", two[] = "exec'd"; args.p[0] = (uint32_t)(long)one; args.p[1] = (uint32_t)(long)two; pid = S(2); if (!pid) { S(11, one, &args, 0); S(1, 9); } S(7, pid, &st, 0); printf("status %x\n", st);
  printf("exit_group\n"); S(252, 5); return 0;
}
