// Ways into the kernel: `entries WAY CALL ROUNDS` makes exactly so many calls, `entries WAY CALL 300ms` makes them for so long and
// prints `WAY-CALL ns-per-round rounds`. Ways: call (a function of the program's own), direct (the libc's function: under OSv the
// kernel's, called directly), vdso, syscall, int80. Calls: getpid, close (of 999), clock (clock_gettime, monotonic).
#define _GNU_SOURCE
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
static struct timespec at; // below 4 GiB in a program at a fixed address: int 0x80 cuts pointers
static volatile int pid = 1234;
typedef int clock_function(int, struct timespec *);
static clock_function *vdso_clock;

/** The vDSO's own symbol table: the function that libc would find there. */
static void *in_vdso(const char *name) {
  char *base = (char *)getauxval(AT_SYSINFO_EHDR);
  if (!base) return 0;
  Elf64_Ehdr *e = (void *)base;
  Elf64_Phdr *p = (void *)(base + e->e_phoff);
  Elf64_Dyn *d = 0;
  char *bias = base;
  for (int i = 0; i < e->e_phnum; i++) {
    if (p[i].p_type == PT_LOAD) bias = base - p[i].p_vaddr + p[i].p_offset;
    if (p[i].p_type == PT_DYNAMIC) d = (void *)(base + p[i].p_offset);
  }
  Elf64_Sym *symbols = 0;
  char *strings = 0;
  uint32_t *hash = 0;
  for (; d && d->d_tag; d++) {
    void *v = (void *)(bias + d->d_un.d_ptr);
    if (d->d_tag == DT_SYMTAB) symbols = v;
    if (d->d_tag == DT_STRTAB) strings = v;
    if (d->d_tag == DT_HASH) hash = v;
  }
  if (!hash) return 0;
  for (uint32_t i = 0; i < hash[1]; i++) if (symbols[i].st_shndx && !strcmp(strings + symbols[i].st_name, name)) return bias + symbols[i].st_value;
  return 0;
}

static NOINLINE long call_getpid(void) { return pid; }
static NOINLINE long call_close(void) { return pid == 999 ? 0 : -9; }
static NOINLINE long call_clock(void) { at.tv_sec = pid, at.tv_nsec = 0; return 0; }
static NOINLINE long direct_getpid(void) { return getpid(); }
static NOINLINE long direct_close(void) { return close(999); }
static NOINLINE long direct_clock(void) { return clock_gettime(CLOCK_MONOTONIC, &at); }
static NOINLINE long vdso_clock_call(void) { return vdso_clock(CLOCK_MONOTONIC, &at); }
#if defined __x86_64__
static long by_syscall(long n, long a, long b) {
  long r;
  asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b) : "rcx", "r11", "memory");
  return r;
}
static long by_int80(long n, long a, long b) {
  long r;
  asm volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b) : "memory");
  return r;
}
static NOINLINE long syscall_getpid(void) { return by_syscall(39, 0, 0); }
static NOINLINE long syscall_close(void) { return by_syscall(3, 999, 0); }
static NOINLINE long syscall_clock(void) { return by_syscall(228, CLOCK_MONOTONIC, (long)&at); }
static NOINLINE long int80_getpid(void) { return by_int80(20, 0, 0); }
static NOINLINE long int80_close(void) { return by_int80(6, 999, 0); }
static NOINLINE long int80_clock(void) { return by_int80(265, CLOCK_MONOTONIC, (long)&at); }
#endif

static const struct { const char *way, *call; long (*run)(void); } ways[] = {
  {"call", "getpid", call_getpid}, {"call", "close", call_close}, {"call", "clock", call_clock},
  {"direct", "getpid", direct_getpid}, {"direct", "close", direct_close}, {"direct", "clock", direct_clock},
  {"vdso", "clock", vdso_clock_call},
#if defined __x86_64__
  {"syscall", "getpid", syscall_getpid}, {"syscall", "close", syscall_close}, {"syscall", "clock", syscall_clock},
  {"int80", "getpid", int80_getpid}, {"int80", "close", int80_close}, {"int80", "clock", int80_clock},
#endif
};
static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  vdso_clock = in_vdso("__vdso_clock_gettime");
  char *end;
  uint64_t amount = strtoull(argv[3], &end, 10);
  for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
    if (strcmp(argv[1], ways[i].way) || strcmp(argv[2], ways[i].call)) continue;
    if (ways[i].run == vdso_clock_call && !vdso_clock) return 3;
    long (*volatile run)(void) = ways[i].run;
    if (!*end) {
      for (uint64_t k = 0; k < amount; k++) run();
      return 0;
    }
    // The first 100 ms are not counted: nothing is optimised yet.
    uint64_t start = now(), from = start, rounds = 0, early = 0, batch = 1000, t;
    do {
      for (uint64_t k = 0; k < batch; k++) run();
      t = now(), rounds += batch;
      if (!early && t - start >= 100000000) early = rounds, from = t;
    } while (t - start < amount * 1000000 || rounds == early);
    printf("%s-%s %.2f %llu\n", argv[1], argv[2], (double)(t - from) / (rounds - early), (unsigned long long)(rounds - early));
    return 0;
  }
  return 2;
}
