// Gates that code may not use, SYSENTER, and the exceptions of X11 with the error codes and saved addresses that handlers
// see (X10, X11, X16); then the calls of INT 0x80 whose structures are i386's own (X12). Built static: data is below 4 GiB.
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
static sigjmp_buf back; static siginfo_t seen; static long at, trapno, err;
static void fault(int s, siginfo_t *i, void *u) {
  ucontext_t *uc = u; seen = *i;
  at = uc->uc_mcontext.gregs[REG_RIP], trapno = uc->uc_mcontext.gregs[REG_TRAPNO], err = uc->uc_mcontext.gregs[REG_ERR];
  siglongjmp(back, 1);
}
#define DO(name, code) do { \
  if (!sigsetjmp(back, 1)) { code; printf("%s: nothing\n", name); } \
  else printf("%s: signo %d code %d addr %s trap %ld err 0x%lx\n", name, seen.si_signo, seen.si_code, \
    seen.si_addr == 0 ? "0" : (long)seen.si_addr == at ? "pc" : "other", trapno, err); } while (0)
/** The same, and how far behind the instruction's own address the saved one is (X11: at the instruction, or after it). */
static long insn;
#define AT(name, before, code) do { \
  DO(name, asm volatile(before "lea 1f(%%rip), %%rax; mov %%rax, %0; mov $1, %%eax; 1: " code : "=m"(insn) :: "rax", "rcx", "rdx", "memory")); \
  printf("  saved at %+ld\n", at - insn); } while (0)
static void alarmed(int s) {}
static long call(long n, const void *a, long b, long c, long d, long e) {
  long r;
  asm volatile("push %%rbp; xor %%ebp, %%ebp; int $0x80; pop %%rbp" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
  return r;
}
#define I(n, a, b, c, d, e) call(n, (void *)(long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
static unsigned words[16]; static char text[64] = "a file of int 0x80...", buf[64], name[] = "/tmp/guise-gates-XXXXXX";
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct sigaction sa = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
  for (int s = 4; s < 12; s++) if (s != 9) sigaction(s, &sa, 0);
  DO("int 0x21", asm volatile("int $0x21")); DO("int 0xe", asm volatile("int $0xe")); DO("int 0", asm volatile("int $0"));
  DO("int 8", asm volatile("int $8")); DO("int 0x82", asm volatile("int $0x82")); DO("int 0xff", asm volatile("int $0xff"));
  DO("int3", asm volatile("int3")); DO("int 4", asm volatile("int $4"));
  // AMD's processors do not know it in 64-bit code (SIGILL); on Intel's it enters the kernel, which goes on in 32-bit code with the low halves
  // of its address and the stack's (SIGSEGV, and no handler can run there): in a child, without handlers.
  int child = fork(), status = 0;
  if (child == 0) { signal(SIGILL, SIG_DFL), signal(SIGSEGV, SIG_DFL); asm volatile("sysenter" ::: "memory"); _exit(0); }
  waitpid(child, &status, 0); printf("sysenter: %d\n", WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGILL));
  DO("hlt", asm volatile("hlt")); DO("ud2", asm volatile("ud2"));
  DO("divide", asm volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx" ::: "eax", "ecx", "edx"));
  DO("read", asm volatile("mov 16, %%eax" ::: "eax")); DO("write", asm volatile("movl $1, 16"));
  DO("execute", ((void (*)(void))16)()); DO("read-only", asm volatile("movl $1, (%0)" :: "r"(main) : "memory"));
  AT("int3", "", "int3"); AT("int 3", "", ".byte 0xcd, 3"); AT("int 4", "", "int $4"); AT("ud2", "", "ud2"); AT("hlt", "", "hlt"); AT("int 0x21", "", "int $0x21"); AT("int 0xe", "", "int $0xe");
  AT("idiv", "xor %%ecx, %%ecx; xor %%edx, %%edx;", "idiv %%ecx"); AT("read", "mov $16, %%ecx;", "mov (%%rcx), %%eax"); AT("write", "mov $16, %%ecx;", "mov %%eax, (%%rcx)"); AT("non-canonical", "movabs $0x8000000000000000, %%rcx;", "mov (%%rcx), %%eax");
  AT("cli", "", "cli"); AT("lidt", "", "lidt (%%rsp)");
  // A gate of one's own: the table cannot be put in place, and its vector stays closed.
  static struct { unsigned short low, selector; unsigned char ist, type; unsigned short middle; unsigned high, zero; } gates[256];
  static struct __attribute__((packed)) { unsigned short limit; void *base; } idtr = {sizeof gates - 1, gates};
  gates[0x42].type = 0xee;
  DO("lidt", asm volatile("lidt %0" :: "m"(idtr))); DO("own gate", asm volatile("int $0x42"));
  // SYSCALL: RCX is the next instruction, R11 the flags; all others keep their values (X1, X6).
  long rcx, r11, next, r[12];
  asm volatile("mov $1, %%rdi; mov $2, %%rsi; mov $3, %%rdx; mov $4, %%r8; mov $5, %%r9; mov $6, %%r10; mov $7, %%r12; mov $8, %%r13; mov $9, %%r14; mov $10, %%r15; mov $39, %%eax; test %%eax, %%eax\n"
    "stc; syscall\n1: mov %%rcx, %0; mov %%r11, %1; lea 1b(%%rip), %%rcx; mov %%rcx, %2\n"
    "mov %%rdi, %3; mov %%rsi, 8+%3; mov %%rdx, 16+%3; mov %%r8, 24+%3; mov %%r9, 32+%3; mov %%r10, 40+%3; mov %%r12, 48+%3; mov %%r13, 56+%3; mov %%r14, 64+%3; mov %%r15, 72+%3"
    : "=m"(rcx), "=m"(r11), "=m"(next), "=m"(r[0]) :: "rax", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
  printf("syscall: rcx %ld r11 %lx kept", rcx - next, r11);
  for (int i = 0; i < 10; i++) printf(" %ld", r[i]);
  puts("");
  int fd = mkstemp(name);
  words[0] = (unsigned)(long)text, words[1] = 7, words[2] = (unsigned)(long)text + 7, words[3] = 14;
  printf("writev %ld %ld %ld\n", I(146, fd, words, 2, 0, 0), I(146, fd, 16, 1, 0, 0), I(146, fd, words, 2000, 0, 0));
  printf("lseek %ld %ld\n", I(19, fd, -4, SEEK_CUR, 0, 0), I(19, fd, -100, SEEK_SET, 0, 0));
  lseek(fd, 0, SEEK_SET); words[0] = (unsigned)(long)buf, words[2] = (unsigned)(long)buf + 20, words[1] = words[3] = 6;
  printf("readv %ld", I(145, fd, words, 2, 0, 0)); printf(" %s %s\n", buf, buf + 20);
  memset(buf, 0, sizeof buf); printf("pread64 %ld", I(180, fd, buf, 5, 2, 0)); printf(" %s %ld\n", buf, I(180, fd, buf, 5, 0, 1));
  printf("pwrite64 %ld %ld", I(181, fd, "end", 3, 0, 1), I(181, fd, "x", 1, 0, -1)); struct stat st; fstat(fd, &st); printf(" %ld\n", st.st_size);
  printf("ftruncate %ld %ld", I(93, fd, -1, 0, 0, 0), I(93, fd, 8192, 0, 0, 0)); fstat(fd, &st); printf(" %ld\n", st.st_size);
  printf("truncate %ld %ld", I(92, name, 5, 0, 0, 0), I(92, name, -5, 0, 0, 0)); fstat(fd, &st); printf(" %ld\n", st.st_size);
  words[0] = 0, words[1] = 5000000; printf("nanosleep %ld", I(162, words, 0, 0, 0, 0)); words[1] = 1000000000; printf(" %ld %ld\n", I(162, words, 0, 0, 0, 0), I(162, 16, 0, 0, 0, 0));
  words[0] = 1, words[1] = 1, words[2] = 0, words[3] = (unsigned)(long)(words + 8);
  printf("socketpair %ld", I(102, 8, words, 0, 0, 0)); words[0] = words[8], words[1] = (unsigned)(long)text, words[2] = 6, words[3] = 0;
  printf(" send %ld", I(102, 9, words, 0, 0, 0)); printf(" read %ld", I(3, words[9], buf, 60, 0, 0)); printf(" unknown %ld bad %ld\n", I(102, 99, words, 0, 0, 0), I(102, 1, 16, 0, 0, 0));
  unlink(name); signal(SIGALRM, alarmed);
  struct itimerval soon = {{0, 50000}, {0, 50000}}; setitimer(ITIMER_REAL, &soon, 0); words[0] = 5, words[1] = 0;
  printf("interrupted %ld", I(162, words, words + 4, 0, 0, 0)); printf(" %d\n", words[4] == 4);
  return 0;
}
