// The vsyscall page (three entry points, nothing else), the vDSO found by its symbols, the auxiliary vector, the start state.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static sigjmp_buf back; static siginfo_t seen;
static void fault(int s, siginfo_t *i, void *u) { seen = *i; siglongjmp(back, s); }
static void *symbol(char *base, const char *name) {
  ElfW(Ehdr) *e = (void *)base; ElfW(Phdr) *p = (void *)(base + e->e_phoff); ElfW(Dyn) *d = 0; long bias = 0;
  for (int i = 0; i < e->e_phnum; i++) { if (p[i].p_type == PT_LOAD) bias = (long)base - p[i].p_vaddr + p[i].p_offset; if (p[i].p_type == PT_DYNAMIC) d = (void *)(base + p[i].p_offset); }
  char *str = 0; ElfW(Sym) *sym = 0; unsigned *hash = 0;
  for (; d->d_tag; d++) { if (d->d_tag == DT_STRTAB) str = (char *)(bias + d->d_un.d_ptr); if (d->d_tag == DT_SYMTAB) sym = (void *)(bias + d->d_un.d_ptr); if (d->d_tag == DT_HASH) hash = (void *)(bias + d->d_un.d_ptr); }
  if (!hash) return 0;
  for (unsigned i = 0; i < hash[1]; i++) if (!strcmp(str + sym[i].st_name, name)) return (void *)(bias + sym[i].st_value);
  return 0;
}
int main(int argc, char **argv, char **envp) {
  setvbuf(stdout, 0, _IONBF, 0); struct timeval tv = {0}; time_t t; unsigned cpu = 99, node = 99;
  struct sigaction sa = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER}; sigaction(SIGSEGV, &sa, 0);
  char *page = (char *)0xffffffffff600000ul;
  long (*v_time)(time_t *) = (void *)(page + 0x400); int (*v_gtod)(struct timeval *, void *) = (void *)page; long (*v_cpu)(unsigned *, unsigned *, void *) = (void *)(page + 0x800);
  t = v_time(0); printf("time %d", t - time(0) <= 1 && t - time(0) >= -1); v_time(&t); printf(" %d\n", t > 1600000000);
  printf("gettimeofday %d", v_gtod(&tv, 0)); printf(" %d\n", tv.tv_sec >= t); printf("getcpu %ld", v_cpu(&cpu, &node, 0)); printf(" %d %u\n", cpu < 1000, node);
  int s; if (!(s = sigsetjmp(back, 1))) (void)*(volatile char *)page; printf("read %d code %d\n", s, seen.si_code);
  if (!(s = sigsetjmp(back, 1))) ((void (*)(void))(page + 0x200))(); printf("other %d\n", s);
  if (!(s = sigsetjmp(back, 1))) v_gtod((void *)8, 0); printf("bad pointer %d\n", s);
  char *vdso = (char *)getauxval(AT_SYSINFO_EHDR); const char *names[] = {"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_getcpu", "__vdso_clock_getres", "clock_gettime", "time", "__vdso_rt_sigreturn"};
  for (int i = 0; i < 8; i++) printf("%s %d\n", names[i], symbol(vdso, names[i]) != 0);
  int (*gettime)(int, struct timespec *) = symbol(vdso, names[0]); struct timespec ts;
  printf("vdso %d", gettime(1, &ts)); printf(" cpu clock %d", gettime(2, &ts)); printf(" bad %d\n", gettime(99, &ts));
  if (!(s = sigsetjmp(back, 1))) gettime(0, (void *)8); printf("vdso bad pointer %d, call %ld %d\n", s, syscall(SYS_clock_gettime, 0, 8), errno);
  int (*getres)(int, struct timespec *) = symbol(vdso, names[4]); printf("getres %d", getres(6, &ts)); printf(" %ld %d\n", ts.tv_nsec, getres(1, 0));
  if (!(s = sigsetjmp(back, 1))) vdso[0] = 1; printf("vdso write %d code %d\n", s, seen.si_code);
  char **e = envp; while (*e) e++; ElfW(auxv_t) *a = (void *)(e + 1);
  for (; a->a_type; a++) { printf("%ld", a->a_type); switch (a->a_type) { case AT_PAGESZ: case AT_CLKTCK: case AT_PHENT: case AT_FLAGS: case AT_UID: case AT_EUID: case AT_GID: case AT_EGID: case AT_SECURE: case 27: case 28: printf("=%ld", a->a_un.a_val); break; case AT_PLATFORM: printf("=%s", (char *)a->a_un.a_val); break; case AT_EXECFN: printf("=%d", !strcmp((char *)a->a_un.a_val, argv[0])); } printf(" "); }
  printf("\nargv above sp %d auxv aligned %d\n", (char *)argv > (char *)&s, (unsigned long)(argv - 1) % 16 == 0);
  return 0;
}
