// Tells what the vDSO's clocks say, at moments that the test chooses by a system call that does not exist. No call of the kernel tells
// the time here.
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static long tell(long a, long b) {
#ifdef __x86_64__
  long r = 4000;
  register long d asm("rdi") = a, s asm("rsi") = b;
  __asm__ volatile("syscall" : "+a"(r) : "r"(d), "r"(s) : "rcx", "r11", "memory");
  return r;
#else
  register long x8 asm("x8") = 4000, x0 asm("x0") = a, x1 asm("x1") = b;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
  return x0;
#endif
}

int main(void) {
  uint64_t seed = 1, last = 0, back = 0;
  for (int i = 0; i < 4000; i++) {
    struct timespec wall, mono;
    // Between two looks: up to about a millisecond of work, without a call.
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    for (volatile uint64_t n = seed >> (i % 4 ? 54 : 48); n; n--);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    tell(wall.tv_sec, wall.tv_nsec);
    uint64_t now = mono.tv_sec * 1000000000ull + mono.tv_nsec;
    back += now < last;
    last = now;
  }
  tell(-1, back);
  return 0;
}
