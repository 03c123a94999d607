// The way back from a signal handler. X30: it goes through rt_sigreturn, which libc's restorer calls on x86-64, where the vDSO
// has none. X31: why anybody may call it: whatever the frame says, only states come of it that the process could have reached.
#define _GNU_SOURCE
#include <elf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static unsigned char restorer[9];
static volatile int went;
static void look(int n, siginfo_t *i, void *u) {
  // Where the handler returns to: the word above the saved frame pointer is below the ucontext by eight.
  memcpy(restorer, *(void **)((char *)u - 8), sizeof restorer);
  went = 1;
}
/** What the handler does to the frame. */
static void (*change)(mcontext_t *);
static void edit(int n, siginfo_t *i, void *u) { change(&((ucontext_t *)u)->uc_mcontext); }
#define REG(m, r) ((m)->gregs[REG_##r])

static void kernel_cs(mcontext_t *m) { ((uint16_t *)&REG(m, CSGSFS))[0] = 0x10; }
static void null_cs(mcontext_t *m) { ((uint16_t *)&REG(m, CSGSFS))[0] = 0; }
static void kernel_rip(mcontext_t *m) { REG(m, RIP) = 0xffffffff81000000; }
static void wild_rip(mcontext_t *m) { REG(m, RIP) = 0x1234567890abcdef; }
static void wild_rsp(mcontext_t *m) { REG(m, RSP) = 0x1234567890abcdef; }
static void bad_float(mcontext_t *m) { m->fpregs = (void *)16; }
static void flags(mcontext_t *m) { REG(m, EFL) = 0x3000 | 0x4000 | 0x20000 | 0x100000 | 0x8d5; } // IOPL 3, NT, VM, VIP; no IF
static void registers(mcontext_t *m) { REG(m, RBX) = 0x1111222233334444, REG(m, R15) = 0x5555666677778888, REG(m, RCX) = 7, REG(m, R11) = 9; }
static void mxcsr(mcontext_t *m) { m->fpregs->mxcsr = 0xffffffff; }

/** In a process of its own: how it ends. */
static void try(const char *name, void (*c)(mcontext_t *)) {
  int status;
  fflush(stdout);
  if (!fork()) {
    struct sigaction sa = {.sa_sigaction = edit, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, 0), change = c;
    int pid = getpid();
    uint64_t rbx, r15, rcx, r11, efl, cs;
    // One instruction sends the signal; what follows runs with what the frame says.
    asm volatile("mov $62, %%eax; mov $10, %%esi; syscall; mov %%rcx, %2; mov %%r11, %3; mov %%rbx, %0; mov %%r15, %1; pushfq; pop %4; mov %%cs, %5"
                 : "=m"(rbx), "=m"(r15), "=m"(rcx), "=m"(r11), "=&r"(efl), "=&r"(cs) : "D"(pid) : "rax", "rbx", "rcx", "rsi", "r11", "r15", "memory", "cc");
    if (c == registers) printf("%s: %lx %lx %lx %lx\n", name, rbx, r15, rcx, r11);
    else printf("%s: flags %lx cs %lx\n", name, efl, cs);
    fflush(stdout);
    _exit(0);
  }
  wait(&status);
  printf("%s: status %x\n", name, status & 0x7f7f);
}
static int has_symbol(const char *name) {
  char *base = (char *)getauxval(AT_SYSINFO_EHDR);
  for (int i = 0; i < 4060; i++) if (!memcmp(base + i, name, strlen(name))) return 1;
  return 0;
}
static sigjmp_buf back;
static void fault(int n) { siglongjmp(back, n); }
/** rt_sigreturn with RSP at `at`. */
static void sigreturn_at(void *at) { asm volatile("mov %0, %%rsp; mov $15, %%eax; syscall" :: "r"(at) : "memory"); }

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct sigaction sa = {.sa_sigaction = look, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &sa, 0), raise(SIGUSR1);
  printf("returns to");
  for (int i = 0; i < 9; i++) printf(" %02x", restorer[i]);
  printf("\nvdso has rt_sigreturn %d, clock_gettime %d\n", has_symbol("rt_sigreturn"), has_symbol("__vdso_clock_gettime"));
  // Without a restorer there is no way back: the kernel ends the process before the handler runs.
  struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } raw = {look, SA_SIGINFO, 0, 0};
  int status;
  if (!fork()) went = 0, syscall(SYS_rt_sigaction, SIGUSR1, &raw, 0, 8), raise(SIGUSR1), _exit(went);
  wait(&status), printf("no restorer: %x\n", status & 0x7f7f);
  try("registers", registers), try("flags", flags), try("kernel cs", kernel_cs), try("null cs", null_cs), try("kernel rip", kernel_rip);
  try("wild rip", wild_rip), try("wild rsp", wild_rsp), try("bad float", bad_float), try("mxcsr", mxcsr);
  // By itself, with RSP anywhere: the frame is read like any user's memory.
  if (!fork()) sigreturn_at((void *)16);
  wait(&status), printf("from nowhere: %x\n", status & 0x7f7f);
  static char zeros[2048] __attribute__((aligned(64)));
  if (!fork()) sigreturn_at(zeros + 512);
  wait(&status), printf("from zeros: %x\n", status & 0x7f7f);
  // A handler sees it as a fault of its own process.
  struct sigaction seg = {.sa_handler = fault, .sa_flags = SA_NODEFER | SA_ONSTACK};
  static char stack[65536];
  stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alt, 0), sigaction(SIGSEGV, &seg, 0);
  int s = sigsetjmp(back, 1);
  if (!s) sigreturn_at((void *)16);
  printf("handled %d\n", s);
  return 0;
}
