// System calls with random arguments: `randomcalls SEED COUNT [int80]`, the latter by i386's numbers. Valid numbers, and pointers near the edges of mappings; each call in a
// forked child would hide state, so all run here, and what would end or stop the program is left out. Prints how many
// answered an error, and survives; a fatal signal is caught and counted.
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static uint64_t seed;
static uint64_t next(void) { return seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; }
static sigjmp_buf escape;
static void on_signal(int s) { siglongjmp(escape, s); }

// Calls that end, stop, or blind the program itself, by design.
static const short excluded[] = {SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_execve, SYS_execveat,
  SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_sigaltstack, SYS_setitimer, SYS_alarm, SYS_munmap, SYS_mmap, SYS_mremap,
  SYS_mprotect, SYS_brk, SYS_arch_prctl, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_prctl, SYS_seccomp, SYS_ptrace, SYS_reboot,
  SYS_close, SYS_close_range, SYS_dup2, SYS_dup3, SYS_setrlimit, SYS_prlimit64, SYS_chroot, SYS_set_robust_list, SYS_rseq, SYS_madvise,
  SYS_set_tid_address, SYS_shutdown, SYS_vhangup, SYS_process_madvise, SYS_shmat, SYS_remap_file_pages, SYS_pidfd_send_signal, SYS_timer_create,
  SYS_setuid, SYS_setresuid, SYS_setreuid, SYS_setgid, SYS_personality, SYS_unlink, SYS_unlinkat, SYS_rmdir, SYS_rename, SYS_renameat, SYS_renameat2,
  SYS_chmod, SYS_fchmod, SYS_fchmodat, SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat, SYS_truncate, SYS_mount, SYS_umount2, SYS_sethostname, SYS_setdomainname,
  SYS_rt_sigsuspend, SYS_pause, SYS_swapon, SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_unshare, SYS_setns, SYS_wait4, SYS_waitid};

// The same of i386.
static const short excluded80[] = {1, 2, 6, 7, 10, 11, 15, 16, 27, 29, 37, 38, 40, 45, 48, 61, 63, 67, 72, 74, 75, 90, 91, 92, 94, 95, 104, 114, 119, 120, 121, 125, 126,
  136, 163, 172, 173, 174, 175, 178, 179, 182, 186, 190, 192, 193, 198, 203, 204, 207, 208, 210, 212, 213, 214, 219, 238, 252, 258, 270, 284, 298, 301, 302, 306, 330,
  335, 340, 353, 373, 384, 386, 424, 435, 436};
static long by_interrupt(long n, const long *a) {
  long r;
  asm volatile("push %%rbp; mov 40(%1), %%rbp; mov (%1), %%rbx; mov 8(%1), %%rcx; mov 16(%1), %%rdx; mov 32(%1), %%rdi; mov 24(%1), %%rsi; int $0x80; pop %%rbp"
    : "=a"(r) : "S"(a), "a"(n) : "rbx", "rcx", "rdx", "rdi", "memory");
  return r;
}

int main(int argc, char **argv) {
  int i386 = argc == 4;
  if (argc != 3 && !i386) return 2;
  seed = strtoull(argv[1], 0, 10) * 0x9e3779b97f4a7c15ull | 1;
  int count = atoi(argv[2]), errors = 0, signals = 0;
  char *area = mmap(0, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(area, 4096, PROT_NONE), mprotect(area + 2 * 4096, 4096, PROT_READ), mprotect(area + 4 * 4096, 4096, PROT_NONE);
  stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&alternate, 0);
  for (int s = 1; s < 32; s++) {
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
    sigaction(s, &a, 0);
  }
  signal(SIGCHLD, SIG_DFL);
  for (volatile int i = 0; i < count; i++) {
    long number;
    int bad;
    do {
      number = next() % (i386 ? 450 : 335), bad = 0;
      const short *list = i386 ? excluded80 : excluded;
      for (unsigned k = 0; k < (i386 ? sizeof excluded80 : sizeof excluded) / sizeof *excluded; k++) bad |= list[k] == number;
    } while (bad);
    long arg[6];
    for (int k = 0; k < 6; k++) {
      switch (next() % 8) {
        case 0: arg[k] = next() % 16; break;
        case 1: arg[k] = (long)area + 4096 * (next() % 6) - 64 + (long)(next() % 128); break; // at an edge
        case 2: arg[k] = (long)area + 4096 + next() % 4096; break;
        case 3: arg[k] = (long)next(); break;
        case 4: arg[k] = -(long)(next() % 200); break;
        case 5: arg[k] = 1l << next() % 64; break;
        case 6: arg[k] = (long)(area + 4096) & ~7l; break;
        default: arg[k] = next() % 5000;
      }
    }
    // Nothing blocks for long.
    struct itimerval timer = {.it_value = {.tv_usec = 20000}, .it_interval = {.tv_usec = 20000}}, off = {0};
    setitimer(ITIMER_REAL, &timer, 0);
    if (sigsetjmp(escape, 1) == 0) {
      if (i386) errors += by_interrupt(number, arg) < 0;
      else if (syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]) == -1) errors++;
    } else signals++;
    setitimer(ITIMER_REAL, &off, 0);
  }
  char line[80];
  int length = snprintf(line, sizeof line, "survived %d calls\n", count);
  // Descriptor 1 may have been changed by the calls; a bad write is not the point.
  if (write(1, line, length) < 0) return 3;
  return errors + signals > 0 ? 0 : 4;
}
