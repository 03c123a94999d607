// The stack: its limit, overflow with and without a handler, growth by limit, thread stacks and guard pages, big arguments.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
static int depth(int n) { volatile char b[4096]; b[0] = n; return n == 0 ? b[0] : depth(n - 1) + b[0]; }
static int endless(volatile int *p) { volatile int b[100]; b[0] = *p; return endless((int *)b) + b[0]; }
static sigjmp_buf back; static siginfo_t seen;
static void fault(int s, siginfo_t *i, void *u) { seen = *i; siglongjmp(back, 1); }
static void *deep(void *a) { return (void *)(long)depth((long)a); }
int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0); int st, zero = 0;
  if (argc > 100) { printf("argc %d last %s sum %zu\n", argc, argv[argc - 1], strlen(argv[5])); return 0; }
  printf("4 MiB %d\n", depth(1000) != 0 || 1);
  if (!fork()) { endless(&zero); _exit(0); } wait(&st); printf("overflow %x\n", st & 0x7f);
  static char alt[65536]; stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt}; sigaltstack(&ss, 0);
  struct sigaction sa = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK}; sigaction(SIGSEGV, &sa, 0);
  if (!sigsetjmp(back, 1)) endless(&zero); printf("handled code %d near sp %d\n", seen.si_code, (char *)seen.si_addr < (char *)&st && (char *)&st - (char *)seen.si_addr > 7 << 20 && (char *)&st - (char *)seen.si_addr < 9 << 20);
  if (!sigsetjmp(back, 1)) endless(&zero); printf("again %d\n", seen.si_signo);
  if (!fork()) { sa.sa_flags = SA_SIGINFO; sigaction(SIGSEGV, &sa, 0); endless(&zero); _exit(0); } wait(&st); printf("without alternate stack %x\n", st & 0x7f);
  struct rlimit rl = {32 << 20, RLIM_INFINITY}; setrlimit(RLIMIT_STACK, &rl);
  if (!fork()) { depth(5000); _exit(3); } wait(&st); printf("20 MiB with a larger limit %x\n", st);
  rl.rlim_cur = 1 << 20; setrlimit(RLIMIT_STACK, &rl); if (!fork()) { signal(SIGSEGV, SIG_DFL); depth(1000); _exit(3); } wait(&st); printf("4 MiB with a smaller one %x\n", st & 0x7f);
  rl.rlim_cur = 8 << 20; setrlimit(RLIMIT_STACK, &rl);
  pthread_t t; void *r; pthread_create(&t, 0, deep, (void *)1000l); pthread_join(t, &r); printf("thread %d\n", 1);
  if (!fork()) { pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 65536); signal(SIGSEGV, SIG_DFL); pthread_create(&t, &a, deep, (void *)1000l); pthread_join(t, &r); _exit(0); } wait(&st); printf("thread guard %x\n", st & 0x7f);
  char *args[2000]; args[0] = "name"; static char big[1000]; memset(big, 'x', 999); for (int i = 1; i < 1999; i++) args[i] = big; args[1999] = 0;
  if (!fork()) { execv("/proc/self/exe", args); printf("exec %d\n", errno); _exit(1); } wait(&st);
  return 0;
}
