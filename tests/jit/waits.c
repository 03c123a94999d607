// Calls through functions that are translated and left in their rare parts: their callers wait for them, for long recursions, jumps out of them, handlers and pages that change.
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 64, WORDS = 1024 };
static jmp_buf out;
static volatile unsigned seen, rares;
static unsigned *page;

__attribute__((noinline)) unsigned rare(unsigned n) {
  unsigned s = n;
  for (int i = 0; i < 3; i++) s = s * 31 + (n >> i);
  if ((++rares & 1023) == 0) getppid();
  if ((rares & 4095) == 0) mprotect(page, PAGES * WORDS * 4, PROT_READ);
  return s;
}
__attribute__((noinline)) unsigned deep(unsigned n, unsigned x);
__attribute__((noinline)) unsigned other(unsigned n, unsigned x) {
  if ((x & 7) == 0) return deep(n, x >> 1) + 1;
  return deep(n, x + n) * 3;
}
__attribute__((noinline)) unsigned deep(unsigned n, unsigned x) {
  if (!n) return x;
  if (x % 97 == 3) x += rare(x);
  if (seen && n == 1 && x % 1009 == 5) longjmp(out, 1);
  page[(n % PAGES) * WORDS] += x;
  return other(n - 1, x * 17 + n) ^ x;
}
static void handler(int s) { seen++, page[s * WORDS] += deep(9, seen); }
static void repair(int s, siginfo_t *i, void *u) {
  mprotect((void *)((long)i->si_addr & ~4095l), 4096, PROT_READ | PROT_WRITE);
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 2000;
  unsigned sum = 0;
  struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO};
  page = mmap(0, PAGES * WORDS * 4, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sigaction(SIGSEGV, &action, 0), signal(SIGUSR1, handler);
  for (int r = 0; r < rounds; r++) {
    if (setjmp(out)) sum ^= 0x1234567;
    else sum += deep(50 + r % 700, r);
    if (r % 37 == 0) kill(getpid(), SIGUSR1);
    if (r % 100 == 0) seen = 0;
  }
  for (int i = 0; i < PAGES; i++) sum = sum * 33 + page[i * WORDS];
  printf("%u %u %u\n", sum, rares, deep(20000, 7));
  return 0;
}
