// The system call stack of a thread (O9), seen from the program: there is no ring between it and GS. Linked statically.
#include <stdio.h>
#include <sys/syscall.h>
#include <pthread.h>
static unsigned long gs(long at) {
  unsigned long value;
  __asm__ volatile("mov %%gs:(%1), %0" : "=r"(value) : "r"(at));
  return value;
}
static unsigned long *call(unsigned long *sp) {
  unsigned long result;
  __asm__ volatile(
      "mov %%rsp, %1\n mov $39, %%eax\n mov $0x1234567, %%r15d\n mov $0x89abcdef01234567, %%r12\n mov $77, %%edi\n syscall\n"
      : "=a"(result), "=r"(*sp) : : "rcx", "r11", "r15", "r12", "rdi", "memory");
  return (unsigned long *)gs(0);
}
static void *thread(void *first) {
  unsigned long before = gs(0), sp;
  unsigned long kind = *(unsigned long *)before;
  unsigned long *top = call(&sp);
  printf("%d %d %d %d\n", kind <= 1, top != first, gs(8) == sp, *top == 1);
  return 0;
}
int main(void) {
  unsigned long sp;
  unsigned long *top = call(&sp);
  // Printing makes calls of its own: what this one saved is kept before.
  unsigned long r12 = top[-12], r15 = top[-15], rdi = top[-7], same = gs(8) == sp && top[-3] == sp;
  printf("%d %ld\n", *top == 1, same);
  printf("%lx %lx %ld %d\n", r12, r15, rdi, gs(16) != 0);
  printf("%lx\n", *(unsigned long *)((char *)top + 8 - 0x10000));
  pthread_t other;
  pthread_create(&other, 0, thread, top);
  pthread_join(other, 0);
}
