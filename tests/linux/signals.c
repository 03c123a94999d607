// Signals: actions, masks, order, nesting, restarts, alternate stack, faults, siginfo.
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
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count, last;
static void on(int s) { count++; last = s; }
static char order[64];
static void mark(int s) { char b[8]; snprintf(b, 8, "%d ", s); strcat(order, b); }
static sigjmp_buf back;
static siginfo_t seen;
static long frame_facts[8];
static void fault(int s, siginfo_t *i, void *u) {
  ucontext_t *uc = u;
  seen = *i;
  frame_facts[0] = uc->uc_mcontext.gregs[REG_TRAPNO];
  frame_facts[1] = uc->uc_mcontext.gregs[REG_ERR];
  frame_facts[2] = uc->uc_mcontext.gregs[REG_CR2];
  frame_facts[3] = uc->uc_flags;
  frame_facts[4] = (uintptr_t)uc % 16;
  siglongjmp(back, 1);
}
static void show(const char *what) {
  printf("%s: signo %d code %d addr %d trap %ld err %ld cr2 %lx flags %lx align %ld\n", what, seen.si_signo, seen.si_code,
         seen.si_addr != 0, frame_facts[0], frame_facts[1], frame_facts[2] & 0xfff, frame_facts[3], frame_facts[4]);
}
static void info(int s, siginfo_t *i, void *u) {
  printf("info %d code %d pid %d uid %d value %d\n", s, i->si_code, i->si_pid == getpid(), i->si_uid == getuid(), i->si_value.sival_int);
}
static char altstack[65536] __attribute__((aligned(16)));
static void onalt(int s, siginfo_t *i, void *u) {
  char here;
  stack_t st;
  sigaltstack(0, &st);
  printf("on alt stack %d flags %d size %zu\n", &here >= altstack && &here < altstack + sizeof altstack, st.ss_flags, st.ss_size);
  ucontext_t *uc = u;
  printf("uc_stack %d %zu\n", uc->uc_stack.ss_flags, uc->uc_stack.ss_size);
  stack_t no = {.ss_flags = SS_DISABLE};
  printf("change while on it %d %d\n", sigaltstack(&no, 0), errno);
}
static void nested(int s) {
  static int depth;
  if (depth < 3) { depth++; mark(depth); raise(s); mark(10 + depth); }
}
static void setreg(int s, siginfo_t *i, void *u) {
  ucontext_t *uc = u;
  uc->uc_mcontext.gregs[REG_RBX] = 0x1234;
}
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  struct sigaction sa = {.sa_handler = on}, old;
  printf("kill/stop %d %d %d\n", sigaction(SIGKILL, &sa, 0), errno, sigaction(65, &sa, 0));
  sigaction(SIGUSR1, &sa, 0);
  raise(SIGUSR1);
  printf("count %d last %d\n", count, last);
  sigaction(SIGUSR1, 0, &old);
  printf("old flags %x restorer %d\n", old.sa_flags, old.sa_handler == on);
  // Blocked, pending, order: real-time ones queue, lowest first.
  sigset_t set, pend;
  sigfillset(&set);
  sigprocmask(SIG_SETMASK, &set, &pend);
  sigprocmask(SIG_SETMASK, 0, &set);
  printf("kill blocked %d stop %d usr1 %d\n", sigismember(&set, SIGKILL), sigismember(&set, SIGSTOP), sigismember(&set, SIGUSR1));
  sa.sa_handler = mark;
  sigfillset(&sa.sa_mask);
  for (int s = 1; s <= 64; s++) if (s != 32 && s != 33) sigaction(s, &sa, 0);
  int list[] = {40, SIGUSR2, 40, 36, SIGUSR1, SIGUSR1, 40, SIGHUP};
  for (int i = 0; i < 8; i++) kill(getpid(), list[i]);
  sigpending(&pend);
  for (int s = 1; s < 65; s++) if (sigismember(&pend, s) == 1) printf("pending %d\n", s);
  sigemptyset(&set);
  sigprocmask(SIG_SETMASK, &set, 0);
  printf("order %s\n", order);
  // Thread-directed go before process-directed.
  order[0] = 0;
  sigfillset(&set); sigprocmask(SIG_SETMASK, &set, 0);
  kill(getpid(), SIGUSR1); syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2);
  sigemptyset(&set); sigprocmask(SIG_SETMASK, &set, 0);
  printf("order %s\n", order);
  // Nodefer nests, the default does not.
  order[0] = 0;
  sa = (struct sigaction){.sa_handler = nested, .sa_flags = SA_NODEFER};
  sigaction(SIGUSR1, &sa, 0); raise(SIGUSR1);
  printf("nested %s\n", order);
  sa = (struct sigaction){.sa_handler = on, .sa_flags = SA_RESETHAND};
  sigaction(SIGUSR1, &sa, 0); raise(SIGUSR1); sigaction(SIGUSR1, 0, &old);
  printf("reset %d\n", old.sa_handler == SIG_DFL);
  // siginfo of kill, tgkill, sigqueue, timer.
  sa = (struct sigaction){.sa_sigaction = info, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &sa, 0); sigaction(SIGRTMIN + 1, &sa, 0);
  kill(getpid(), SIGUSR1); raise(SIGUSR1);
  union sigval v = {.sival_int = 77};
  sigqueue(getpid(), SIGRTMIN + 1, v);
  // Faults.
  sa = (struct sigaction){.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  for (int s = SIGILL; s <= SIGSEGV; s++) if (s == SIGILL || s == SIGTRAP || s == SIGFPE || s == SIGSEGV || s == SIGBUS) sigaction(s, &sa, 0);
  if (!sigsetjmp(back, 1)) *(volatile int *)8 = 1; show("write null");
  if (!sigsetjmp(back, 1)) (void)*(volatile int *)16; show("read null");
  char *ro = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  (void)*(volatile char *)ro;
  if (!sigsetjmp(back, 1)) ro[5] = 1; show("write ro");
  mprotect(ro, 4096, PROT_NONE);
  if (!sigsetjmp(back, 1)) (void)*(volatile char *)(ro + 7); show("read none");
  if (!sigsetjmp(back, 1)) ((void (*)(void))16)(); show("exec null");
  if (!sigsetjmp(back, 1)) *(volatile char *)0x8000000000000000ul = 1; show("noncanonical");
  volatile int zero = 0;
  if (!sigsetjmp(back, 1)) zero = 1 / zero; show("divide");
  if (!sigsetjmp(back, 1)) __asm__ volatile("ud2"); show("ud2");
  if (!sigsetjmp(back, 1)) __asm__ volatile("int3"); show("int3");
  if (!sigsetjmp(back, 1)) __asm__ volatile("hlt"); show("hlt");
  if (!sigsetjmp(back, 1)) __asm__ volatile("int $0x21"); show("int21");
  int fd = open("/dev/null", 0), tmp = memfd_create("x", 0);
  ftruncate(tmp, 100);
  char *beyond = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, tmp, 0);
  if (!sigsetjmp(back, 1)) (void)*(volatile char *)(beyond + 5000); show("beyond");
  (void)fd;
  // Registers changed by the handler.
  sa = (struct sigaction){.sa_sigaction = setreg, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &sa, 0);
  long rbx = 1, r;
  __asm__ volatile("mov $39, %%eax; syscall; mov %%eax, %%edi; mov %%eax, %%r12d; mov $186, %%eax; syscall; mov %%eax, %%esi; mov %%r12d, %%edi; mov $10, %%edx; mov $234, %%eax; mov $1, %%ebx; syscall; mov %%rbx, %0"
                   : "=r"(rbx), "=a"(r) : : "rbx", "rcx", "r11", "rdi", "rsi", "rdx", "r12", "memory");
  printf("rbx %lx result %ld\n", rbx, r);
  // Alternate stack.
  stack_t st = {.ss_sp = altstack, .ss_size = sizeof altstack}, ost;
  printf("altstack %d small %d %d\n", sigaltstack(&st, &ost), sigaltstack(&(stack_t){.ss_sp = altstack, .ss_size = 100}, 0), errno);
  printf("ost %d %zu\n", ost.ss_flags, ost.ss_size);
  sa = (struct sigaction){.sa_sigaction = onalt, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGUSR1, &sa, 0); raise(SIGUSR1);
  sigaltstack(0, &ost); printf("after %d %zu\n", ost.ss_flags, ost.ss_size);
  // Restart.
  // Again and again where a wait must be interrupted: the first may come before it.
  struct itimerval it = {.it_value = {0, 20000}}, often = {{0, 20000}, {0, 20000}}, off = {0};
  int p[2]; pipe(p); char c;
  sa = (struct sigaction){.sa_handler = on};
  sigaction(SIGALRM, &sa, 0);
  setitimer(ITIMER_REAL, &often, 0);
  ssize_t got = read(p[0], &c, 1);
  printf("read %zd %d\n", got, errno);
  setitimer(ITIMER_REAL, &off, 0);
  sa.sa_flags = SA_RESTART; sigaction(SIGALRM, &sa, 0);
  setitimer(ITIMER_REAL, &it, 0);
  if (fork() == 0) { usleep(60000); write(p[1], "x", 1); _exit(0); }
  printf("read restarted %zd\n", read(p[0], &c, 1)); wait(0);
  setitimer(ITIMER_REAL, &often, 0);
  struct timespec ts = {10, 0}, rem = {99, 9};
  int n = nanosleep(&ts, &rem);
  printf("nanosleep %d %d left %d\n", n, errno, rem.tv_sec >= 5 && rem.tv_sec < 10);
  sigset_t none; sigemptyset(&none);
  n = sigsuspend(&none); printf("sigsuspend %d %d\n", n, errno);
  setitimer(ITIMER_REAL, &off, 0);
  // Default-ignored signals do not interrupt.
  signal(SIGCHLD, SIG_DFL);
  if (fork() == 0) _exit(0);
  ts = (struct timespec){0, 30000000};
  printf("sleep over chld %d\n", nanosleep(&ts, 0)); wait(0);
  // sigtimedwait.
  sigemptyset(&set); sigaddset(&set, SIGUSR2); sigprocmask(SIG_BLOCK, &set, 0);
  kill(getpid(), SIGUSR2);
  siginfo_t si;
  printf("timedwait %d", sigtimedwait(&set, &si, &ts)); printf(" %d %d\n", si.si_code, si.si_pid == getpid());
  n = sigtimedwait(&set, &si, &ts); printf("timedwait %d %d\n", n, errno);
  // Ignored while blocked and pending: gone.
  kill(getpid(), SIGUSR2); signal(SIGUSR2, SIG_IGN); sigpending(&pend); printf("pending after ignore %d\n", sigismember(&pend, SIGUSR2));
  printf("bad how %d %d\n", sigprocmask(77, &set, 0), errno);
  printf("size %ld\n", syscall(SYS_rt_sigprocmask, 0, &set, 0, 4) + errno);
  printf("kill esrch %d %d\n", kill(999999, 0), errno);
  printf("kill einval %d %d\n", kill(getpid(), 65), errno);
  return 0;
}
