// What translated code must not get wrong at its edges: loops without end, recursion, jumps out of many frames, faults and what their
// handlers see. Each mode prints what native Linux prints too.
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
static volatile unsigned long turns;

static void stop(int signal) {
  static const char text[] = "a signal reached the loop\n";
  (void)!write(1, text, sizeof text - 1);
  _exit(signal == SIGTERM && turns > 0 ? 7 : 8);
}
static int endless(void) {
  int ready[2];
  if (pipe(ready)) return 1;
  pid_t child = fork();
  if (child == 0) {
    signal(SIGTERM, stop);
    while (turns < 1000) turns++;
    (void)!write(ready[1], "x", 1);
    for (;;) turns++;
  }
  char c;
  (void)!read(ready[0], &c, 1);
  unsigned long sum = 0;
  for (unsigned long i = 0; i < 300000; i++) sum += i ^ sum << 1; // this task goes on meanwhile
  usleep(20000);
  kill(child, SIGTERM);
  int status;
  waitpid(child, &status, 0);
  printf("%lu, child %d\n", sum, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 0;
}

static NOINLINE unsigned long deep(unsigned long n, volatile unsigned long *last) {
  volatile unsigned long here = n;
  if (n == 0) return *last;
  return deep(n - 1, &here) + here % 3;
}
static void *deepThread(void *n) {
  unsigned long zero = 0;
  return (void *)deep((unsigned long)n, &zero);
}
static int recursion(void) {
  pthread_attr_t a;
  pthread_t t;
  void *result;
  pthread_attr_init(&a);
  pthread_attr_setstacksize(&a, 256ul << 20);
  if (pthread_create(&t, &a, deepThread, (void *)1000000)) return 1;
  pthread_join(t, &result);
  printf("1000000 deep: %lu\n", (unsigned long)result);
  fflush(stdout);
  unsigned long zero = 0;
  printf("%lu\n", deep(1000000, &zero)); // the main stack is 8 MiB: SIGSEGV
  return 0;
}

static jmp_buf out;
static NOINLINE int climb(int n, volatile int *last) {
  volatile int here = n;
  if (n == 0) longjmp(out, *last + 1);
  return climb(n - 1, &here) + here;
}
static int jumps(void) {
  volatile int sum = 0, round = 0;
  for (round = 0; round < 60; round++) {
    volatile int start = 0;
    int came = setjmp(out);
    if (came == 0) climb(10000, &start);
    sum += came;
  }
  printf("longjmp: %d\n", sum);
  return 0;
}

static char *area;
static int repaired;
static void repair(int signal, siginfo_t *info, void *context) {
  char *page = (char *)((uintptr_t)info->si_addr & ~4095ul);
  repaired++;
  if (page < area || page >= area + 200 * 4096) _exit(9);
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
static int repairs(void) {
  struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  area = mmap(0, 200 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned long sum = 0;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 200 * 4096; i += 8) *(volatile uint64_t *)(area + i) += i + round;
    for (int i = 0; i < 200 * 4096; i += 8) sum += *(volatile uint64_t *)(area + i);
    mprotect(area, 200 * 4096, round ? PROT_NONE : PROT_READ);
  }
  printf("repaired %d, %lu\n", repaired, sum);
  return 0;
}

extern char faultsHere[], behind[];
static unsigned long where;
static void look(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
#if defined(__x86_64__)
  greg_t *g = u->uc_mcontext.gregs;
  printf("signal %d code %d address %lx pc %s flags %llx err %llx trap %llx\n", signal, info->si_code, (unsigned long)info->si_addr,
         g[REG_RIP] == (greg_t)faultsHere ? "right" : "wrong", g[REG_EFL] & 0xcd5, g[REG_ERR], g[REG_TRAPNO]);
  for (int i = 0; i < 15; i++) printf("%llx ", i == REG_RSP ? 0ull : (unsigned long long)g[i]);
  for (int i = 0; i < 4; i++) printf("%x:%x ", u->uc_mcontext.fpregs->_xmm[i].element[0], u->uc_mcontext.fpregs->_xmm[i].element[3]);
  printf("mxcsr %x\n", u->uc_mcontext.fpregs->mxcsr);
  g[REG_RIP] = (greg_t)behind;
#else
  printf("signal %d code %d address %lx pc %s flags %lx\n", signal, info->si_code, (unsigned long)info->si_addr,
         u->uc_mcontext.pc == (unsigned long)faultsHere ? "right" : "wrong", (unsigned long)u->uc_mcontext.pstate >> 28);
  for (int i = 0; i < 29; i++) printf("%lx ", i == 18 ? 0 : (unsigned long)u->uc_mcontext.regs[i]); // x18 is the platform's
  struct fpsimd_context *v = (struct fpsimd_context *)u->uc_mcontext.__reserved;
  for (int i = 0; i < 4; i++) printf("%lx:%lx ", (unsigned long)v->vregs[i], (unsigned long)(v->vregs[i] >> 64));
  printf("fpsr %x\n", v->fpsr);
  u->uc_mcontext.pc = (unsigned long)behind;
#endif
}
// Goes round with all registers in use; the last round loads from nowhere, behind a comparison whose flags nobody reads.
static __attribute__((noipa)) void registers(unsigned long bad, unsigned long good, unsigned long rounds) {
#if defined(__x86_64__)
  __asm__ volatile(
      "sub $128, %%rsp\n push %%rbp\n"
      "mov $0x1111, %%eax\n mov $0x2222, %%ebx\n mov $0x3333, %%edx\n mov $0x4444, %%ebp\n mov $5, %%r8d\n mov $6, %%r9d\n mov $7, %%r10d\n"
      "mov $8, %%r11d\n mov $9, %%r12d\n mov $10, %%r13d\n mov $11, %%r14d\n mov $12, %%r15d\n"
      "pcmpeqd %%xmm0, %%xmm0\n pxor %%xmm1, %%xmm1\n movd %%eax, %%xmm2\n cvtsi2sd %%rax, %%xmm3\n"
      "1: add %%rcx, %%rax\n lea (%%rbx,%%rax,2), %%rbx\n imul $3, %%rdx, %%rdx\n xor %%rax, %%r15\n rol $5, %%r14\n paddd %%xmm0, %%xmm2\n"
      "mov %%rsi, %%r13\n cmp $1, %%rcx\n cmove %%rdi, %%r13\n sub %%rcx, %%r12\n add $0x7fffffff, %%r8d\n"
      ".globl faultsHere, behind\n faultsHere: mov (%%r13), %%r9\n"
      "add %%r9, %%r10\n dec %%rcx\n jne 1b\n"
      "behind: pop %%rbp\n add $128, %%rsp\n"
      : "+D"(bad), "+S"(good), "+c"(rounds) :
      : "rax", "rbx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "memory", "cc");
#else
  register unsigned long x0 __asm__("x0") = bad, x1 __asm__("x1") = good, x2 __asm__("x2") = rounds;
  __asm__ volatile(
      "mov x3, #3\n mov x4, #4\n mov x5, #5\n mov x6, #6\n mov x7, #7\n mov x8, #8\n mov x9, #9\n mov x10, #10\n mov x11, #11\n mov x12, #12\n"
      "mov x13, #13\n mov x14, #14\n mov x15, #15\n mov x16, #16\n mov x17, #17\n mov x19, #19\n mov x20, #20\n mov x21, #21\n mov x22, #22\n"
      "mov x23, #23\n mov x24, #24\n mov x25, #25\n mov x26, #26\n mov x27, #27\n mov x28, #28\n movi v0.16b, #1\n dup v1.2d, x28\n scvtf d2, x27\n movi v3.4s, #9\n"
      "1: add x3, x3, x2\n add x4, x4, x3, lsl #2\n eor x5, x5, x4\n mul x6, x6, x3\n add v0.4s, v0.4s, v3.4s\n"
      "cmp x2, #1\n csel x7, x0, x1, eq\n subs x8, x8, x2\n adds w9, w9, w6\n"
      ".globl faultsHere, behind\n faultsHere: ldr x10, [x7]\n"
      "add x11, x11, x10\n subs x2, x2, #1\n b.ne 1b\n"
      "behind:\n"
      : "+r"(x0), "+r"(x1), "+r"(x2) :
      : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",
        "x27", "x28", "v0", "v1", "v2", "v3", "memory", "cc");
#endif
}
static int looks(void) {
  struct sigaction action = {.sa_sigaction = look, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  // At an address that is the same everywhere.
  unsigned long *good = mmap((void *)0x50000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  *good = 77;
  for (int i = 0; i < 3; i++) registers(0x12345678, (unsigned long)good, 3000 + i);
  return 0;
}

int main(int argc, char **argv) {
  const char *mode = argv[1];
  if (!strcmp(mode, "endless")) return endless();
  if (!strcmp(mode, "recursion")) return recursion();
  if (!strcmp(mode, "jumps")) return jumps();
  if (!strcmp(mode, "repairs")) return repairs();
  if (!strcmp(mode, "looks")) return looks();
  return 2;
}
