// Runs aarch64 instruction sequences (under qemu-aarch64, or on such a CPU), for comparison with the emulated one.
//
//   aarch64_runner CASES RESULTS
//
// CASES is an array of `struct state`; RESULTS gets the same array after execution. A case ends by running past its code, or by
// a signal. Built with: aarch64-linux-gnu-gcc -O1 -static -no-pie -Wl,-Ttext-segment=0x28c00000 -Wl,--defsym=case_code=0x2b5a7000
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODE = 0x2b5a7000, DATA = 0x30000000, DATA_SIZE = 0x2000, WINDOW = 0x30000f00, WINDOW_SIZE = 0x200 };

struct state {
  uint32_t code_length, signal;
  uint64_t pc, fault, spare;
  uint8_t code[32];
  uint64_t x[31], sp, nzcv, fpcr, fpsr, spare2;
  uint8_t v[512];
  uint8_t window[WINDOW_SIZE];
} __attribute__((aligned(16)));

struct state live __attribute__((aligned(64)));
uint64_t host[16], host_v[8];
void enter_case(void);
void leave_case(void);
void restore_host(void);

#define PAIRS(op) \
  op " x2, x3, [x0, #80]\n" op " x4, x5, [x0, #96]\n" op " x6, x7, [x0, #112]\n" op " x8, x9, [x0, #128]\n" \
  op " x10, x11, [x0, #144]\n" op " x12, x13, [x0, #160]\n" op " x14, x15, [x0, #176]\n" op " x16, x17, [x0, #192]\n" \
  op " x18, x19, [x0, #208]\n" op " x20, x21, [x0, #224]\n" op " x22, x23, [x0, #240]\n" op " x24, x25, [x0, #256]\n" \
  op " x26, x27, [x0, #272]\n" op " x28, x29, [x0, #288]\n"
#define VECTORS(op) \
  op " q0, q1, [x1]\n" op " q2, q3, [x1, #32]\n" op " q4, q5, [x1, #64]\n" op " q6, q7, [x1, #96]\n" \
  op " q8, q9, [x1, #128]\n" op " q10, q11, [x1, #160]\n" op " q12, q13, [x1, #192]\n" op " q14, q15, [x1, #224]\n" \
  op " q16, q17, [x1, #256]\n" op " q18, q19, [x1, #288]\n" op " q20, q21, [x1, #320]\n" op " q22, q23, [x1, #352]\n" \
  op " q24, q25, [x1, #384]\n" op " q26, q27, [x1, #416]\n" op " q28, q29, [x1, #448]\n" op " q30, q31, [x1, #480]\n"
#define ADDRESS(r, symbol) "adrp " r ", " symbol "\nadd " r ", " r ", :lo12:" symbol "\n"

__asm__(
    ".text\n.globl enter_case\nenter_case:\n"
    ADDRESS("x0", "host")
    "mov x1, sp\nstp x19, x20, [x0]\nstp x21, x22, [x0, #16]\nstp x23, x24, [x0, #32]\nstp x25, x26, [x0, #48]\n"
    "stp x27, x28, [x0, #64]\nstp x29, x30, [x0, #80]\nmrs x2, tpidr_el0\nstp x1, x2, [x0, #96]\n"
    ADDRESS("x0", "host_v")
    "stp d8, d9, [x0]\nstp d10, d11, [x0, #16]\nstp d12, d13, [x0, #32]\nstp d14, d15, [x0, #48]\n"
    ADDRESS("x0", "live")
    "add x1, x0, #352\n" VECTORS("ldp")
    "ldr x1, [x0, #312]\nmov sp, x1\nldr x1, [x0, #320]\nmsr nzcv, x1\nldr x1, [x0, #328]\nmsr fpcr, x1\nldr x1, [x0, #336]\nmsr fpsr, x1\n"
    PAIRS("ldp") "ldr x30, [x0, #304]\nldr x1, [x0, #72]\nldr x0, [x0, #64]\nb case_code\n"
    ".globl leave_case\nleave_case:\n"
    "msr tpidr_el0, x0\n" ADDRESS("x0", "live")
    "str x1, [x0, #72]\n" PAIRS("stp") "str x30, [x0, #304]\nmrs x1, tpidr_el0\nstr x1, [x0, #64]\n"
    "mov x1, sp\nstr x1, [x0, #312]\nmrs x1, nzcv\nstr x1, [x0, #320]\nmrs x1, fpsr\nstr x1, [x0, #336]\nmrs x1, fpcr\nstr x1, [x0, #328]\n"
    "add x1, x0, #352\n" VECTORS("stp")
    ".globl restore_host\nrestore_host:\n"
    "msr fpcr, xzr\n"
    ADDRESS("x0", "host_v")
    "ldp d8, d9, [x0]\nldp d10, d11, [x0, #16]\nldp d12, d13, [x0, #32]\nldp d14, d15, [x0, #48]\n"
    ADDRESS("x0", "host")
    "ldp x19, x20, [x0]\nldp x21, x22, [x0, #16]\nldp x23, x24, [x0, #32]\nldp x25, x26, [x0, #48]\n"
    "ldp x27, x28, [x0, #64]\nldp x29, x30, [x0, #80]\nldp x1, x2, [x0, #96]\nmov sp, x1\nmsr tpidr_el0, x2\nret\n");

static void on_signal(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  memcpy(live.x, u->uc_mcontext.regs, sizeof live.x);
  live.sp = u->uc_mcontext.sp;
  live.nzcv = u->uc_mcontext.pstate & 0xf0000000;
  live.signal = signal;
  live.pc = u->uc_mcontext.pc - CODE;
  live.fault = (uint64_t)info->si_addr;
  struct fpsimd_context *f = (void *)u->uc_mcontext.__reserved;
  live.fpsr = f->fpsr, live.fpcr = f->fpcr;
  memcpy(live.v, f->vregs, 512);
  u->uc_mcontext.pc = (uint64_t)restore_host;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: aarch64_runner CASES RESULTS\n"), 2;
  _Static_assert(sizeof(struct state) == 1376, "the generator writes this layout");
  _Static_assert(__builtin_offsetof(struct state, v) == 352, "");
  uint8_t *code = mmap((void *)CODE, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  uint8_t *data = mmap((void *)DATA, DATA_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (code != (void *)CODE || data != (void *)DATA) return perror("mmap"), 1;
  stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&alternate, 0);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  int in = open(argv[1], O_RDONLY), out = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
  struct stat status;
  if (in < 0 || out < 0 || fstat(in, &status) < 0) return perror("open"), 1;
  size_t count = status.st_size / sizeof(struct state);
  for (size_t i = 0; i < count; i++) {
    if (read(in, &live, sizeof live) != sizeof live) return perror("read"), 1;
    live.signal = 0, live.fault = 0, live.pc = live.code_length;
    memcpy(code, live.code, live.code_length);
    uint32_t *end = (uint32_t *)(code + live.code_length);
    *end = 0x14000000 | (((uint64_t)leave_case - (uint64_t)end) >> 2 & 0x3ffffff);
    __builtin___clear_cache((char *)code, (char *)code + 64);
    memset(data, 0, DATA_SIZE);
    memcpy((void *)WINDOW, live.window, WINDOW_SIZE);
    enter_case();
    memcpy(live.window, (void *)WINDOW, WINDOW_SIZE);
    if (write(out, &live, sizeof live) != sizeof live) return perror("write"), 1;
  }
  return 0;
}
