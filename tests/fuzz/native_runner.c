// Runs instruction sequences on the host's own CPU, for comparison with the emulated one.
//
//   native_runner CASES RESULTS
//
// CASES is an array of `struct state`; RESULTS gets the same array after execution. Every case starts from the full
// register file in its struct, with its code at CODE, which it cannot write, and its data window at DATA; it ends at the hlt behind its code
// (the same bytes as in our memory: cases read them), or by a signal, which is recorded with the fault's address and error code. Built with: cc -O1 -no-pie -Wl,-Ttext-segment=0x13579000 -o native_runner native_runner.c
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODE = 0x20000000, CODE_SIZE = 0x1000, DATA = 0x30000000, DATA_SIZE = 0x2000, WINDOW = 0x30000f00, WINDOW_SIZE = 0x200 };

struct state {
  uint32_t code_length; // in
  uint32_t signal;      // out: 0, or the signal that ended the case
  uint64_t rip;         // out: relative to CODE
  uint64_t fault;       // out: si_addr
  uint64_t error;       // out: error code of the trap
  uint8_t code[96];     // in
  uint64_t gpr[16];     // rax rcx rdx rbx rsp rbp rsi rdi r8..r15
  uint64_t flags;
  uint64_t spare;
  uint8_t window[WINDOW_SIZE]; // memory at WINDOW, across a page boundary; the rest of DATA is zero
  uint8_t fx[512] __attribute__((aligned(16)));
} __attribute__((aligned(16)));

// The trampoline works on one static state, addressed absolutely (the program is linked below 2 GiB).
struct state live __attribute__((aligned(64)));
uint64_t host_rsp, host_rbx, host_rbp, host_r12, host_r13, host_r14, host_r15;
uint8_t host_fx[512] __attribute__((aligned(64)));
void enter_case(void);

#define S "live+"
__asm__(
    ".text\n.globl enter_case\nenter_case:\n"
    "mov %rsp, host_rsp\nmov %rbx, host_rbx\nmov %rbp, host_rbp\n"
    "mov %r12, host_r12\nmov %r13, host_r13\nmov %r14, host_r14\nmov %r15, host_r15\n"
    "fxsave64 host_fx\n"
    "fxrstor64 live+784\n"
    "mov live+160, %rsp\n" // gpr[4] as the stack for popf: the case's own stack, inside DATA
    "lea flags_stack+64(%rip), %rsp\npushq live+256\npopfq\n"
    "mov live+128, %rax\nmov live+136, %rcx\nmov live+144, %rdx\nmov live+152, %rbx\nmov live+160, %rsp\n"
    "mov live+168, %rbp\nmov live+176, %rsi\nmov live+184, %rdi\nmov live+192, %r8\nmov live+200, %r9\n"
    "mov live+208, %r10\nmov live+216, %r11\nmov live+224, %r12\nmov live+232, %r13\nmov live+240, %r14\nmov live+248, %r15\n"
    "jmp *case_entry\n"
    ".globl restore_host\nrestore_host:\n"
    "fxrstor64 host_fx\ncld\n"
    "mov host_rsp, %rsp\nmov host_rbx, %rbx\nmov host_rbp, %rbp\n"
    "mov host_r12, %r12\nmov host_r13, %r13\nmov host_r14, %r14\nmov host_r15, %r15\nret\n"
    ".data\n.balign 16\nflags_stack: .zero 64\n.globl case_entry\ncase_entry: .quad 0x20000000\n.text\n");

void restore_host(void);

static volatile size_t running, seen = -1;

static void on_signal(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  greg_t *g = u->uc_mcontext.gregs;
  if (signal == SIGALRM) {
    // A case that was there at the tick before goes on for ever: it has changed a return address or a counter of its own.
    size_t before = seen;
    seen = running;
    if (before != running || g[REG_RIP] - CODE >= (unsigned)CODE_SIZE) return;
  }
  static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  for (int i = 0; i < 16; i++) live.gpr[i] = g[order[i]];
  live.flags = g[REG_EFL];
  live.signal = signal;
  live.rip = g[REG_RIP] - CODE;
  live.fault = (uint64_t)info->si_addr;
  live.error = g[REG_ERR];
  if (live.rip == live.code_length) live.signal = 0, live.fault = 0, live.error = 0; // the hlt
  memcpy(live.fx, u->uc_mcontext.fpregs, 512);
  // Go on in the host's code instead of the case.
  g[REG_RIP] = (greg_t)restore_host;
  g[REG_EFL] = 0x202;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: native_runner CASES RESULTS\n"), 2;
  _Static_assert(sizeof(struct state) == 1296, "the generator writes this layout");
  _Static_assert(__builtin_offsetof(struct state, gpr) == 128, "");
  _Static_assert(__builtin_offsetof(struct state, window) == 272, "");
  _Static_assert(__builtin_offsetof(struct state, fx) == 784, "");
  // The code cannot be written where it runs: a case that hit its own end would compare the ends of two harnesses.
  int memory = memfd_create("code", 0);
  if (memory < 0 || ftruncate(memory, CODE_SIZE) < 0) return perror("memfd_create"), 1;
  uint8_t *code = mmap(0, CODE_SIZE, 3, MAP_SHARED, memory, 0);
  void *runs = mmap((void *)CODE, CODE_SIZE, 5, MAP_SHARED | MAP_FIXED_NOREPLACE, memory, 0);
  uint8_t *data = mmap((void *)DATA, DATA_SIZE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (code == MAP_FAILED || runs != (void *)CODE || data != (void *)DATA) return perror("mmap"), 1;
  stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&alternate, 0);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  int signals[] = {SIGALRM, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  int in = open(argv[1], O_RDONLY), out = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
  struct stat status;
  if (in < 0 || out < 0 || fstat(in, &status) < 0) return perror("open"), 1;
  size_t count = status.st_size / sizeof(struct state);
  if (count == 0) return 0;
  struct state *cases = mmap(0, status.st_size, PROT_READ, MAP_PRIVATE, in, 0);
  if (ftruncate(out, status.st_size) < 0) return perror("ftruncate"), 1;
  struct state *results = mmap(0, status.st_size, 3, MAP_SHARED, out, 0);
  struct itimerval tick = {{0, 200000}, {0, 200000}};
  setitimer(ITIMER_REAL, &tick, 0);
  for (size_t i = 0; i < count; i++) {
    running = i;
    memcpy(&live, &cases[i], sizeof live);
    live.signal = 0, live.fault = 0, live.error = 0, live.rip = live.code_length;
    memset(code, 0x90, 128);
    memcpy(code, live.code, live.code_length);
    code[live.code_length] = 0xf4; // hlt
    memset(data, 0, DATA_SIZE);
    memcpy((void *)WINDOW, live.window, WINDOW_SIZE);
    enter_case();
    memcpy(live.window, (void *)WINDOW, WINDOW_SIZE);
    memcpy(&results[i], &live, sizeof live);
  }
  return 0;
}
