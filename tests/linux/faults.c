// Faults that C does not make: stack faults, floating point exceptions, privileged and undefined instructions (X11).
#define _GNU_SOURCE
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>
static sigjmp_buf back; static siginfo_t seen; static long at, trapno, err;
static char alt[65536];
static void fault(int s, siginfo_t *i, void *u) { ucontext_t *uc = u; seen = *i; at = uc->uc_mcontext.gregs[REG_RIP]; trapno = uc->uc_mcontext.gregs[REG_TRAPNO]; err = uc->uc_mcontext.gregs[REG_ERR]; siglongjmp(back, 1); }
#define DO(name, code) do { if (!sigsetjmp(back, 1)) { code; printf("%s: nothing\n", name); } else printf("%s: signo %d code %d addr %s trap %ld err %ld\n", name, seen.si_signo, seen.si_code, seen.si_addr == 0 ? "0" : (long)seen.si_addr == at ? "pc" : "other", trapno, err); } while (0)
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  stack_t ss = {.ss_sp = alt, .ss_size = sizeof alt}; sigaltstack(&ss, 0);
  struct sigaction sa = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER}; for (int s = 4; s < 12; s++) if (s != 9) sigaction(s, &sa, 0);
  DO("stack fault", asm volatile("mov %%rsp, %%rbx; movabs $0x8000000000000000, %%rsp; push %%rax; mov %%rbx, %%rsp" ::: "rbx", "memory"));
  DO("rbp fault", asm volatile("push %%rbp; movabs $0x8000000000000000, %%rbp; mov (%%rbp), %%rax; pop %%rbp" ::: "rax", "memory"));
  volatile double zero = 0, one = 1, big = 1e308;
  feenableexcept(FE_ALL_EXCEPT);
  DO("sse divide", zero = one / zero); feclearexcept(FE_ALL_EXCEPT); zero = 0;
  feenableexcept(FE_INVALID); DO("sse invalid", zero = zero / zero); feclearexcept(FE_ALL_EXCEPT);
  feenableexcept(FE_OVERFLOW); DO("sse overflow", one = big * big); feclearexcept(FE_ALL_EXCEPT); fedisableexcept(FE_ALL_EXCEPT);
  feenableexcept(FE_INEXACT); DO("sse inexact", one = one / 3); feclearexcept(FE_ALL_EXCEPT); fedisableexcept(FE_ALL_EXCEPT);
  feenableexcept(FE_DIVBYZERO); DO("x87 divide", asm volatile("fld1; fldz; fdivrp; fwait")); asm volatile("fnclex; fninit"); fedisableexcept(FE_ALL_EXCEPT);
  DO("cli", asm volatile("cli")); DO("in", asm volatile("in $0x80, %%al" ::: "eax")); DO("rdmsr", asm volatile("rdmsr" ::: "eax", "edx")); DO("mov cr0", asm volatile("mov %%cr0, %%rax" ::: "rax"));
  DO("int 3 long", asm volatile(".byte 0xcd, 3")); DO("int 0x81", asm volatile("int $0x81")); DO("lgdt", asm volatile("lgdt (%%rsp)" ::: "memory"));
  DO("bad opcode", asm volatile(".byte 0x06")); DO("lock nop", asm volatile(".byte 0xf0, 0x90")); DO("long insn", asm volatile(".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90"));
  DO("movaps", asm volatile("movaps 1(%%rsp), %%xmm0" ::: "xmm0")); DO("idiv overflow", asm volatile("mov $-0x80000000, %%eax; cltd; mov $-1, %%ecx; idiv %%ecx" ::: "eax", "ecx", "edx"));
  DO("icebp", asm volatile(".byte 0xf1"));
  DO("far jump", ((void (*)(void))0x123456789abcul)()); DO("noncanonical jump", ((void (*)(void))0x8000000000000000ul)());
  return 0;
}
