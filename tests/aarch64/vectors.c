// All vector registers across signals that come by a system call, by a fault in a loop and at any time: a handler sees them in the FPSIMD
// record, spoils them, and what it changes in the record comes back (A8). A CPU with SVE would not do: qemu-user takes its own record then.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>
typedef unsigned long u64;

#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) \
  X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define LOAD(n) "ldr q" #n ", [x9], #16\n"
#define STORE(n) "str q" #n ", [x10], #16\n"
#define SPOIL(n) "movi v" #n ".16b, #0x5a\n"
#define NAME(n) "v" #n,
#define SPOILT ALL(NAME) "x0", "x1", "x2", "x8", "x9", "x10", "x15", "memory", "cc"

static u64 in[64], out[64], seen[64];
static int change, count;
static volatile int fired;

static void handler(int signal, siginfo_t *info, void *context) {
  mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
  struct fpsimd_context *f = (void *)m->__reserved;
  u64 *v = (u64 *)f->vregs;
  memcpy(seen, v, sizeof seen);
  if (change) {
    for (int r = 0; r < 32; r++) v[2 * r] ^= 0xff00 + r, v[2 * r + 1] += r;
    f->fpcr = 1 << 22, f->fpsr = 1 << 27;
  }
  if (signal == SIGSEGV) m->pc += 4;
  fired = 1, count++;
  __asm__ volatile(ALL(SPOIL)::: SPOILT);
}

static __attribute__((noipa)) void bySystemCall(int pid) {
  register u64 a __asm__("x11") = (u64)in, b __asm__("x12") = (u64)out, p __asm__("x13") = pid;
  __asm__ volatile("mov x9, x11\n mov x10, x12\n" ALL(LOAD)
                   "fadd d3, d3, d4\n fmul s5, s5, s6\n scvtf d7, x13\n mov x0, x13\n mov x1, #10\n mov x8, #129\n svc #0\n"
                   "fadd d8, d8, d3\n" ALL(STORE)
                   : "+r"(a), "+r"(b), "+r"(p)::SPOILT);
}
// Its last round loads from where nothing may be read.
static __attribute__((noipa)) void byFault(char *nowhere) {
  register u64 a __asm__("x11") = (u64)in, b __asm__("x12") = (u64)out, p __asm__("x13") = (u64)nowhere, n __asm__("x14") = 300;
  __asm__ volatile("mov x9, x11\n mov x10, x12\n" ALL(LOAD)
                   "1: fadd d3, d3, d4\n fmul s5, s5, s6\n add v8.4s, v8.4s, v9.4s\n subs x14, x14, #1\n csel x1, x12, x13, ne\n"
                   "ldr x2, [x1]\n fadd d10, d10, d3\n cmp x14, #0\n b.ne 1b\n" ALL(STORE)
                   : "+r"(a), "+r"(b), "+r"(p), "+r"(n)::SPOILT);
}
static __attribute__((noipa)) void byTimer(volatile int *flag) {
  register u64 a __asm__("x11") = (u64)in, b __asm__("x12") = (u64)out, p __asm__("x13") = (u64)flag;
  __asm__ volatile("mov x9, x11\n mov x10, x12\n" ALL(LOAD)
                   "1: fadd d3, d4, d4\n fmul s5, s6, s6\n add v8.4s, v7.4s, v9.4s\n fmov d12, d13\n ldr w2, [x13]\n cbz w2, 1b\n" ALL(STORE)
                   : "+r"(a), "+r"(b), "+r"(p)::SPOILT);
  // Where the signal came in the loop is chance: these are written in it.
  out[6] = out[7] = out[10] = out[11] = out[16] = out[17] = out[24] = out[25] = 0;
}

static void show(const char *what) {
  u64 fpsr, fpcr;
  __asm__ volatile("mrs %0, fpsr\n mrs %1, fpcr\n msr fpcr, xzr\n msr fpsr, xzr" : "=r"(fpsr), "=r"(fpcr));
  printf("%s %d: status %lx control %lx, after:", what, change, fpsr & 1 << 27, fpcr);
  for (int n = 0; n < 64; n++) printf(" %lx", out[n]);
  printf("\n");
}
static void seenBy(void) {
  printf("seen:");
  for (int n = 0; n < 64; n++) printf(" %lx", seen[n]);
  printf("\n");
}

int main(void) {
  struct sigaction s = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &s, 0), sigaction(SIGSEGV, &s, 0), sigaction(SIGALRM, &s, 0);
  char *nowhere = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int n = 0; n < 64; n++) {
    double d = n * 1.25 + .1;
    memcpy(&in[n], &d, 8);
  }
  int pid = getpid();
  for (change = 0; change < 2; change++) {
    for (int n = 0; n < 60; n++) bySystemCall(pid);
    out[14] = seen[14] = 0; // the process id
    show("system call"), seenBy();
    for (int n = 0; n < 20; n++) byFault(nowhere);
    show("fault"), seenBy();
    for (int n = 0; n < 5; n++) {
      fired = 0;
      setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 5000}}, 0);
      byTimer(&fired);
    }
    show("timer");
  }
  printf("%d signals\n", count);
}
