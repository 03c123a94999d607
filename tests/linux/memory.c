// Memory: brk, mmap with its flags and errors, mprotect, mremap, madvise, msync, mincore, file mappings, fork.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define P 4096
static sigjmp_buf back;
static void fault(int s) { siglongjmp(back, s); }
static int touch(volatile char *p, int write) {
  int s = sigsetjmp(back, 1);
  if (s) return -s;
  char c = *p; if (write) *p = c;
  return c;
}
#define TRY(x) ({ errno = 0; long r_ = (long)(x); printf("%s: %s %d\n", #x, r_ == -1 ? "-1" : r_ == 0 ? "0" : "ok", errno); r_; })
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct sigaction sa = {.sa_handler = fault, .sa_flags = SA_NODEFER};
  sigaction(SIGSEGV, &sa, 0); sigaction(SIGBUS, &sa, 0);
  char *b = sbrk(0); TRY(sbrk(10000)); b[9999] = 7; printf("%d\n", b[9999]); TRY(sbrk(-10000)); printf("back %d\n", sbrk(0) == b);
  char *page = (char *)(((unsigned long)b + P - 1) / P * P);
  printf("gone %d\n", touch(page + P, 0));
  char *a = mmap(0, 3 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(a, 5, 3 * P);
  TRY(mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  TRY(mmap(0, P, PROT_READ, MAP_ANONYMOUS, -1, 0));
  TRY(mmap(0, P, PROT_READ, MAP_PRIVATE, -1, 0));
  TRY(mmap(0, P, PROT_READ, MAP_PRIVATE, 99, 0));
  TRY(mmap((void *)123, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  TRY(syscall(SYS_mmap, 0, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 5));
  TRY(mmap(0, 1ul << 62, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  TRY(mmap(a, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
  TRY(munmap(a + 1, P)); TRY(munmap(a, 0)); TRY(munmap((void *)-P, P));
  TRY(munmap(a + P, P)); printf("hole %d %d %d\n", touch(a, 1), touch(a + P, 0), touch(a + 2 * P, 1));
  TRY(munmap(a + P, P)); TRY(mprotect(a, 3 * P, PROT_READ)); printf("first part changed %d\n", touch(a, 1));
  TRY(mprotect(a, P, PROT_READ | PROT_WRITE)); TRY(mprotect(a + 1, P, 0)); TRY(mprotect(a, 0, 0)); TRY(mprotect(a, P, 0x100));
  TRY(mprotect(a, P, PROT_NONE)); printf("none %d\n", touch(a, 0)); TRY(mprotect(a, P, PROT_READ | PROT_WRITE)); printf("kept %d\n", touch(a, 1));
  // Hint and MAP_FIXED over it.
  char *h = mmap(0, 8 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(h, 8 * P);
  printf("hint %d\n", mmap(h + 2 * P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == h + 2 * P);
  printf("fixed %d\n", mmap(h + 2 * P, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == h + 2 * P);
  // Files.
  char name[64]; snprintf(name, 64, "/tmp/guise-mem-%d", getpid());
  int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600); char buf[P]; memset(buf, 'A', P); write(fd, buf, P); write(fd, buf, 100);
  char *s = mmap(0, 3 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *q = mmap(0, 2 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  s[0] = 'S'; q[1] = 'Q'; pread(fd, buf, 2, 0); printf("file %.2s private %c\n", buf, q[1]);
  printf("tail zero %d beyond %d\n", s[P + 100], touch(s + 2 * P, 0));
  pwrite(fd, "W", 1, 2); printf("write seen %c\n", s[2]);
  TRY(msync(s, P, MS_SYNC)); TRY(msync(s + 1, P, MS_SYNC)); TRY(msync(s, P, MS_SYNC | MS_ASYNC)); TRY(msync((void *)0x10000000000, P, MS_ASYNC));
  ftruncate(fd, 10); printf("truncated %d %d\n", s[0], touch(s + P, 0)); ftruncate(fd, 2 * P);
  int ro = open(name, O_RDONLY), wo = open(name, O_WRONLY);
  TRY(mmap(0, P, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0)); TRY(mmap(0, P, PROT_READ, MAP_SHARED, wo, 0));
  char *r = mmap(0, P, PROT_READ, MAP_SHARED, ro, 0); TRY(mprotect(r, P, PROT_READ | PROT_WRITE));
  TRY(mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0));
  int dir = open("/", O_RDONLY); TRY(mmap(0, P, PROT_READ, MAP_PRIVATE, dir, 0));
  char *off = mmap(0, P, PROT_READ, MAP_SHARED, fd, P); printf("offset %d\n", off[0]);
  // mremap.
  char *m = mmap(0, 2 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); m[0] = 1; m[P] = 2;
  char *g = mremap(m, 2 * P, 10 * P, MREMAP_MAYMOVE); printf("grown %d %d %d\n", g[0], g[P], g[9 * P]);
  TRY(mremap(g, 10 * P, P, 0)); printf("shrunk %d %d\n", g[0], touch(g + P, 0));
  char *to = mmap(0, 4 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("moved %d\n", mremap(g, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to); printf("%d old %d\n", to[0], touch(g, 0));
  TRY(mremap(to, P, 0, 0)); TRY(mremap(to + 1, P, P, 0)); TRY(mremap((void *)0x10000000000, P, 2 * P, MREMAP_MAYMOVE)); TRY(mremap(to, P, 2 * P, 99));
  TRY(mremap(to, P, P, MREMAP_FIXED, to)); TRY(mremap(to, P, 2 * P, 0));
  // madvise.
  m = mmap(0, 2 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); m[0] = 9;
  TRY(madvise(m, P, MADV_DONTNEED)); printf("zero %d\n", m[0]); TRY(madvise(m + 1, P, MADV_DONTNEED)); TRY(madvise(m, P, 999));
  q[1] = 'x'; TRY(madvise(q, P, MADV_DONTNEED)); printf("file again %d\n", q[1]); TRY(madvise((void *)0x10000000000, P, MADV_DONTNEED));
  unsigned char vec[4]; TRY(mincore(m, P, vec)); TRY(mincore((void *)0x10000000000, P, vec)); TRY(mincore(m + 1, P, vec));
  // Shared over fork, private not.
  int *sh = mmap(0, P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *pr = mmap(0, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!fork()) { *sh = 11; *pr = 12; _exit(0); } wait(0); printf("shared %d private %d\n", *sh, *pr);
  for (int i = 0; i < 4; i++) if (!fork()) { for (int k = 0; k < 1000; k++) __atomic_add_fetch(sh, 1, __ATOMIC_SEQ_CST); _exit(0); }
  while (wait(0) > 0); printf("counter %d\n", *sh);
  // Limits.
  struct rlimit rl = {64 << 20, RLIM_INFINITY}; setrlimit(RLIMIT_AS, &rl);
  TRY(mmap(0, 1 << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); TRY(mmap(0, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  rl.rlim_cur = RLIM_INFINITY; setrlimit(RLIMIT_AS, &rl);
  TRY(mmap(0, 1 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  TRY(mlock(m, P)); TRY(munlock(m, P)); TRY(mlock((void *)0x10000000000, P));
  char *low = mmap(0, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0); printf("32bit %d\n", (unsigned long)low < 1ul << 31);
  // Code that is written.
  unsigned char *code = mmap(0, P, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, "\xb8\x07\0\0\0\xc3", 6); int (*f)(void) = (void *)code; printf("code %d", f()); code[1] = 8; printf(" %d\n", f());
  mprotect(code, P, PROT_READ); if (!sigsetjmp(back, 1)) f(); else printf("not executable\n");
  // Stack grows, and ends.
  volatile char deep[1 << 20]; deep[0] = 1; printf("stack %d\n", deep[0]);
  unlink(name); return 0;
}
