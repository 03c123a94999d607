// aarch64's way back from a handler (X30, A8): without a restorer it is the vDSO's __kernel_rt_sigreturn, to which x30 points.
// Frames that say more than a user may (X31): another exception level, masked interrupts, AArch32.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
static volatile uint32_t words[2], bits;
static volatile int in_vdso;
static void look(int n) {
  uint32_t *to = __builtin_return_address(0);
  char *vdso = (char *)getauxval(AT_SYSINFO_EHDR);
  words[0] = to[0], words[1] = to[1], in_vdso = vdso && (char *)to > vdso && (char *)to < vdso + 8192;
}
static void edit(int n, siginfo_t *i, void *u) { ((ucontext_t *)u)->uc_mcontext.pstate |= bits; }
static void try(uint32_t b) {
  int status;
  fflush(stdout);
  if (!fork()) {
    struct sigaction sa = {.sa_sigaction = edit, .sa_flags = SA_SIGINFO};
    bits = b, sigaction(SIGUSR1, &sa, 0), raise(SIGUSR1);
    _exit(7);
  }
  wait(&status), printf("pstate |= %x: status %x\n", b, status);
}
int main(void) {
  struct sigaction sa = {.sa_handler = look};
  sigaction(SIGUSR1, &sa, 0), raise(SIGUSR1);
  printf("returns to %x %x, in the vDSO %d\n", words[0], words[1], in_vdso);
  try(0), try(0xf0000000), try(4), try(0x80), try(0x10);
  return 0;
}
