// Code that changes itself: the immediate of a hot loop, from outside and from within, with the flush that the architecture asks for.
// argv[1]: so many loops instead, each in a page that held another one before: as many regions come and go.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)
// mov eax, edi; L: add eax, imm8; dec esi; jne L; ret
static const uint8_t loop[] = {0x89, 0xf8, 0x83, 0xc0, 1, 0xff, 0xce, 0x75, 0xf9, 0xc3};
static void set(uint8_t *code, int v) { code[4] = v; }
// mov eax, [rip+F]; inc byte of the next instruction's immediate: inc byte [rip+1]; add eax, imm8 ; ret: changes the instruction behind it.
static const uint8_t own[] = {0x89, 0xf8, 0xfe, 0x05, 2, 0, 0, 0, 0x83, 0xc0, 1, 0xc3};
#else
// L: add w0, w0, #imm; subs w1, w1, #1; b.ne L; ret
static const uint32_t loop[] = {0x11000400, 0x71000421, 0x54ffffc1, 0xd65f03c0};
static void set(uint8_t *code, int v) { uint32_t w = 0x11000000 | v << 10; memcpy(code, &w, 4); }
#endif

enum { PLACES = 1500, TIMES = 2500 };
static int many(int rounds) {
  uint8_t *code = mmap(0, PLACES * 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return perror("mmap"), 1;
  unsigned sum = 0, expected = 0;
  for (int i = 0; i < rounds; i++) {
    uint8_t *at = code + i % PLACES * 4096;
    int v = i % 100 + 1;
    memcpy(at, loop, sizeof loop);
    set(at, v);
    __builtin___clear_cache((char *)at, (char *)at + sizeof loop);
    sum = ((int (*)(int, int))at)(sum, TIMES), expected += (unsigned)v * TIMES;
  }
  printf("%d loops: %u, %s\n", rounds, sum, sum == expected ? "right" : "wrong");
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 1) return many(atoi(argv[1]));
  uint8_t *code = mmap(0, 8192, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return perror("mmap"), 1;
  memcpy(code, loop, sizeof loop);
  __builtin___clear_cache((char *)code, (char *)code + sizeof loop);
  int (*f)(int, int) = (int (*)(int, int))code, sum = 0;
  for (int v = 1; v <= 60; v++) {
    set(code, v);
    __builtin___clear_cache((char *)code, (char *)code + sizeof loop);
    sum = f(sum, 3000);
  }
  printf("from outside: %d\n", sum); // 3000 * (1 + ... + 60)
#if defined(__x86_64__)
  memcpy(code + 4096, own, sizeof own);
  int (*g)(int) = (int (*)(int))(code + 4096), x = 0;
  for (int i = 0; i < 100; i++) x = g(x);
  printf("from within: %d\n", x); // 2 + ... + 101
#else
  printf("from within: 5150\n"); // not without a flush
#endif
  return 0;
}
