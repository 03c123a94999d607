// System calls by number under OSv's tables, where OSv answers otherwise than Linux (O12, O13). Linked statically.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static long call(long n, long a, long b, long c, long d, long e) {
  long result;
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
}
int main(int argc, char **argv) {
  unsigned long fs;
  __asm__("mov %%fs:0, %0" : "=r"(fs));
  printf("%ld %ld %ld\n", call(SYS_getpid, 0, 0, 0, 0, 0), call(SYS_getppid, 0, 0, 0, 0, 0), call(SYS_getuid, 0, 0, 0, 0, 0));
  printf("%d\n", call(SYS_arch_prctl, 0x1003, 0, 0, 0, 0) == fs);
  printf("%ld %ld\n", call(SYS_arch_prctl, 0x1001, 0, 0, 0, 0), call(SYS_getcwd, 0, 100, 0, 0, 0));
  printf("%ld %ld\n", call(SYS_clone, 17, 0, 0, 0, 0), call(SYS_clone, 0x10000 | 0x900, 0, 0, 0, 0));
  printf("%ld %ld\n", call(SYS_fork, 0, 0, 0, 0, 0), call(SYS_execve, (long)"/bin/true", 0, 0, 0, 0));
  printf("%ld %ld\n", call(SYS_tgkill, 0, 1, 0, 0, 0), call(SYS_tgkill, 2, 9999, 0, 0, 0));
  int word = 1;
  printf("%ld\n", call(SYS_futex, (long)&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, 0, 0));
  fflush(stdout);
  if (argc > 1) call(SYS_futex, (long)&word, FUTEX_REQUEUE, 1, 0, 0);
  return 0;
}
