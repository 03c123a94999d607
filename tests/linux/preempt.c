// What a switch of tasks must keep (G4): all general registers and the carry through a loop, vectors, rounding of SSE and x87, the FS
// and GS bases. Three threads and a child compute checksums at once; the result may not depend on when they were interrupted.
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <fenv.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static __thread uint64_t own;
static int rounds, osv; // under OSv: threads only, no GS base of one's own
typedef struct { uint64_t seed, sum, vectors[2], sse, x87, tls, gs; } work;

/** A chain of additions with carry through 13 registers; dec keeps the carry from one round to the next. */
static uint64_t chain(uint64_t seed, uint64_t vectors[2]) {
  uint64_t sum;
  asm volatile(
      "mov %[seed], %%rax; mov %%rax, %%rbx; not %%rbx; mov %%rax, %%rdx; mov %%rbx, %%rsi; mov %%rax, %%rdi; mov %%rbx, %%r8; mov %%rax, %%r9\n"
      "mov %%rbx, %%r10; mov %%rax, %%r11; mov %%rbx, %%r12; mov %%rax, %%r13; mov %%rbx, %%r14\n"
      "movq %%rax, %%xmm0; movq %%rbx, %%xmm15; punpcklqdq %%xmm15, %%xmm0; movdqa %%xmm0, %%xmm3; movdqa %%xmm0, %%xmm7; movdqa %%xmm0, %%xmm12\n"
      "clc\n"
      "1: adc %%rax, %%rbx; adc %%rbx, %%rdx; adc %%rdx, %%rsi; adc %%rsi, %%rdi; adc %%rdi, %%r8; adc %%r8, %%r9; adc %%r9, %%r10\n"
      "adc %%r10, %%r11; adc %%r11, %%r12; adc %%r12, %%r13; adc %%r13, %%r14; adc %%r14, %%rax\n"
      "paddq %%xmm0, %%xmm3; pxor %%xmm3, %%xmm7; paddd %%xmm7, %%xmm12; paddq %%xmm12, %%xmm0\n"
      "dec %%rcx; jnz 1b\n"
      "adc %%rbx, %%rax; add %%rsi, %%rax; add %%r9, %%rax; xor %%r14, %%rax; mov %%rax, %[sum]; movdqu %%xmm0, %[v]"
      : [sum] "=m"(sum), [v] "=m"(*(char(*)[16])vectors)
      : [seed] "m"(seed), "c"((uint64_t)rounds)
      : "rax", "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "xmm0", "xmm3", "xmm7", "xmm12", "xmm15", "cc", "memory");
  return sum;
}
static void compute(work *w) {
  static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  volatile double d = w->seed;
  volatile long double l = w->seed;
  uint64_t here[2] = {w->seed * 3, 0};
  fesetround(modes[w->seed & 3]); // of SSE and x87
  if (!osv) syscall(SYS_arch_prctl, ARCH_SET_GS, here);
  w->sum = chain(w->seed * 0x9e3779b97f4a7c15, w->vectors);
  for (int i = 0; i < rounds; i++) {
    uint64_t by_gs = here[0];
    d = d * 1.0000001 + 0.1, l = l / 1.00000001L + 0.3L;
    if (!osv) asm volatile("mov %%gs:0, %0" : "=r"(by_gs));
    w->gs += by_gs, own += w->seed, here[0]++;
  }
  double sse = d;
  long double x87 = l;
  memcpy(&w->sse, &sse, 8), memcpy(&w->x87, &x87, 8);
  w->tls = own;
  fesetround(FE_TONEAREST);
}
static void *thread(void *p) { compute(p); return 0; }
static void show(const char *who, const work *w) { printf("%s %lx %lx%lx %lx %lx %lx %lx\n", who, w->sum, w->vectors[0], w->vectors[1], w->sse, w->x87, w->tls, w->gs); }

int main(int argc, char **argv) {
  rounds = argc > 1 ? atoi(argv[1]) : 300, osv = argc > 2;
  work works[4] = {{1}, {2}, {3}, {4}}, child = {7};
  pthread_t threads[3];
  int pipes[2], pid;
  pipe(pipes);
  if (!osv && !(pid = fork())) { compute(&child), write(pipes[1], &child, sizeof child), _exit(0); }
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, thread, &works[i]);
  compute(&works[3]);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
  if (!osv) read(pipes[0], &child, sizeof child), waitpid(pid, 0, 0);
  for (int i = 0; i < 4; i++) show("thread", &works[i]);
  show("child", &child);
  return 0;
}
