// What signal handlers see of faults on aarch64: signal, code, address, program counter, the records of the frame (A5, A8); and
// what user code may do to caches and addresses (A6). One line a case; the program ends with 0.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf back;
static const char *name;
static uintptr_t at;

static void handler(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  printf("%s: signal %d code %d", name, signal, info->si_code);
  if ((uintptr_t)info->si_addr == at) printf(" address as given");
  else if ((uintptr_t)info->si_addr == u->uc_mcontext.pc) printf(" address pc");
  else if ((uintptr_t)info->si_addr == u->uc_mcontext.sp) printf(" address sp");
  else printf(" address %p", info->si_addr);
  for (struct _aarch64_ctx *c = (void *)u->uc_mcontext.__reserved; c->magic; c = (void *)((char *)c + c->size))
    if (c->magic == 0x45535201) {
      uint64_t esr = ((uint64_t *)(c + 1))[0];
      printf(" esr class %x rest %x", (unsigned)(esr >> 26), (unsigned)(esr & 0x1ffffff));
    } else printf(" record %x of %u", c->magic, c->size);
  printf("\n");
  siglongjmp(back, 1);
}
#define CASE(text, where, ...) \
  do { name = text, at = (uintptr_t)(where); if (!sigsetjmp(back, 1)) { __VA_ARGS__; printf("%s: nothing\n", text); } } while (0)

static char stack[65536] __attribute__((aligned(16)));

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  stack_t alternative = { .ss_sp = stack, .ss_size = sizeof stack };
  sigaltstack(&alternative, 0);
  struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
  sigaction(SIGSEGV, &action, 0), sigaction(SIGBUS, &action, 0), sigaction(SIGILL, &action, 0), sigaction(SIGTRAP, &action, 0);

  volatile char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint64_t odd[4] = { 1, 2, 3, 4 };
  CASE("read of nothing", 8, *(volatile int *)8);
  CASE("write to nothing", 16, *(volatile int *)16 = 1);
  CASE("write to a page that is read-only", page + 20, page[20] = 1);
  CASE("call of nothing", 0x64, ((void (*)(void))0x64)());
  CASE("call of data", page, ((void (*)(void))page)());
  CASE("call of an odd address", (char *)main + 2, ((void (*)(void))((char *)main + 2))());
  CASE("undefined", 0, __asm__ volatile(".inst 0"));
  CASE("breakpoint", 0, __asm__ volatile("brk #5"));
  CASE("atomic access that is not aligned", (char *)odd + 4, __asm__ volatile("ldxr x1, [%0]" ::"r"((char *)odd + 4) : "x1"));
#ifdef STACK
  // qemu-user does not check it.
  CASE("stack pointer that is not aligned", 1, __asm__ volatile("mov x9, sp\nsub x10, x9, #8\nmov sp, x10\nldr x1, [sp]\nmov sp, x9" ::: "x1", "x9", "x10"));
  CASE("dc zva to a page that is read-only", page + 20, __asm__ volatile("dc zva, %0" ::"r"(page + 20) : "memory"));
#endif
  int z;
  __asm__("sdiv %w0, %w1, %w2" : "=r"(z) : "r"(5), "r"(0));
  printf("5 / 0 = %d\n", z);

  // The top byte of an address does not count.
  uint64_t *tagged = (uint64_t *)((uintptr_t)odd | 0xabull << 56);
  printf("tagged %lu\n", (unsigned long)*(volatile uint64_t *)tagged);

  // dc zva clears as much as DCZID_EL0 says.
  uint64_t dczid;
  __asm__("mrs %0, dczid_el0" : "=r"(dczid));
  if (!(dczid & 16)) {
    size_t size = 4u << (dczid & 15), other = 0;
    static char area[8192] __attribute__((aligned(2048)));
    memset(area, 1, sizeof area);
    __asm__ volatile("dc zva, %0" ::"r"(area + 2048 + 7) : "memory");
    for (size_t i = 0; i < sizeof area; i++) other += area[i] != !(i >= 2048 && i < 2048 + size);
    printf("dc zva: %zu bytes wrong\n", other);
  }

  // Code that changes.
  uint32_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int sum = 0;
  for (int i = 0; i < 1000; i++) {
    code[0] = 0x52800000 | i << 5, code[1] = 0xd65f03c0; // mov w0, #i; ret
    __builtin___clear_cache((char *)code, (char *)(code + 2));
    sum += ((int (*)(void))code)();
  }
  printf("changing code %d\n", sum);
  return 0;
}
