// Code that is written while its page may not be executed, then executed again: mprotect to and fro, and a new mapping in the same place.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void put(unsigned char *p, int value) {
#if defined(__x86_64__)
  unsigned char code[] = {0xb8, value, value >> 8, 0, 0, 0xc3}; // mov eax, value; ret
#else
  unsigned code[] = {0x52800000 | (value & 0xffff) << 5, 0xd65f03c0}; // mov w0, value; ret
#endif
  memcpy(p, code, sizeof code);
  __builtin___clear_cache((char *)p, (char *)p + sizeof code);
}
static int call(unsigned char *p) { return ((int (*)(void))p)(); }

int main(void) {
  unsigned char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  long sum = 0;
  for (int i = 0; i < 2000; i++) { // written by mprotect to and fro
    if (mprotect(p, 8192, PROT_READ | PROT_WRITE)) return perror("mprotect"), 1;
    put(p + 4000, i); // at the end of a page
    if (mprotect(p, 8192, PROT_READ | PROT_EXEC)) return perror("mprotect"), 1;
    int got = call(p + 4000);
    if (got != i) return printf("protect: round %d gave %d\n", i, got), 1;
    sum += got;
  }
  printf("protect %ld\n", sum);
  for (int i = sum = 0; i < 2000; i++) { // a new mapping in the same place
    if (munmap(p, 8192)) return perror("munmap"), 1;
    unsigned char *q = mmap(p, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (q != p) return perror("mmap"), 1;
    put(p + 16, i + 1), mprotect(p, 8192, PROT_READ | PROT_EXEC);
    int got = call(p + 16);
    if (got != i + 1) return printf("map: round %d gave %d\n", i, got), 1;
    sum += got;
  }
  printf("map %ld\n", sum);
  for (int i = sum = 0; i < 2000; i++) { // moved over another one
    unsigned char *q = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    put(q + 16, i + 2), mprotect(q, 8192, PROT_READ | PROT_EXEC);
    if (mremap(q, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, p) != p) return perror("mremap"), 1;
    int got = call(p + 16);
    if (got != i + 2) return printf("move: round %d gave %d\n", i, got), 1;
    sum += got;
  }
  printf("move %ld\n", sum);
  return 0;
}
