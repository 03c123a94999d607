/*
 * Thousands of random changes of mappings, of private, shared and file memory (the same file pages at several addresses
 * too), with loads and stores that fault where they must. Every answer, fault and byte is printed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 64, FILE_PAGES = 5 };

static sigjmp_buf back;
static volatile int fault;

static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)context;
  fault = signal * 1000 + info->si_code;
  siglongjmp(back, 1);
}

#define TRY(action) ({ fault = 0; if (!sigsetjmp(back, 1)) { action; } fault; })

static unsigned seed = 1;
static unsigned below(unsigned n) {
  seed = seed * 1103515245 + 12345;
  return (seed >> 8) % n;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGBUS, &action, 0);
  char *base = mmap(0, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned long sum = 0;
  char name[] = "/tmp/mappingsXXXXXX";
  int file = mkstemp(name);
  unlink(name);
  static char bytes[PAGE * FILE_PAGES + 100];
  for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = i * 7;
  if (write(file, bytes, sizeof bytes) != sizeof bytes) return 1;

  static const int protections[] = {0, 1, 3, 7, 5, 2};
  for (int step = 0; step < 6000; step++) {
    int page = below(PAGES), count = 1 + below(8);
    if (page + count > PAGES) count = PAGES - page;
    char *at = base + page * PAGE;
    size_t length = count * PAGE;
    int prot = protections[below(6)];
    long result = 0;
    switch (below(9)) {
      case 0:
        result = mmap(at, length, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at;
        break;
      case 1:
        result = munmap(at, length);
        // Nothing else must get into the hole.
        mmap(at, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        break;
      case 2:
        result = mprotect(at, length, prot) ? errno : 0;
        break;
      case 3:
        result = mmap(at, length, prot, MAP_PRIVATE | MAP_FIXED, file, below(7) * PAGE) == at;
        break;
      case 4:
        result = mmap(at, length, prot & ~4, MAP_SHARED | MAP_FIXED, file, below(7) * PAGE) == at;
        break;
      case 5:
        result = TRY(at[below(PAGE)] = step);
        break;
      case 6:
        result = TRY(sum += (unsigned char)at[below(PAGE)]);
        break;
      case 7:
        result = madvise(at, length, MADV_DONTNEED) ? errno : 0;
        break;
      case 8:
        result = pwrite(file, &step, 4, below(FILE_PAGES * PAGE));
        break;
    }
    printf("%d %ld %lu\n", step, result, sum);
  }
  if (pread(file, bytes, sizeof bytes, 0) != sizeof bytes) return 1;
  unsigned long hash = 0;
  for (unsigned i = 0; i < sizeof bytes; i++) hash = hash * 31 + (unsigned char)bytes[i];
  printf("file %lx\n", hash);
  fflush(stdout);
  if (!fork()) {
    for (int page = 0; page < PAGES; page++) {
      int met = TRY(sum += (unsigned char)base[page * PAGE + 5]);
      printf("%d:%d ", page, met);
    }
    printf("%lu\n", sum);
    return 0;
  }
  wait(0);
}
