// A small compiler at run time: expressions of one variable become functions in memory that is writable and executable (or first
// one, then the other), are called until they are hot, and are then written over. The interpreter of the same expressions says
// what is right. argv[1]: how many functions; argv[2]: "wx" for both at once.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef uint64_t u64;
static u64 seed = 88172645463325252ull;
static u64 random64(void) { return seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; }

enum { ADD, SUB, MUL, XOR, SHIFT, KINDS };
struct step { int kind; uint32_t value; };

static u64 interpret(const struct step *s, int n, u64 x) {
  for (int i = 0; i < n; i++) switch (s[i].kind) {
    case ADD: x += s[i].value; break;
    case SUB: x -= s[i].value; break;
    case MUL: x *= s[i].value; break;
    case XOR: x ^= s[i].value; break;
    case SHIFT: x = x << (s[i].value & 31) | x >> (64 - (s[i].value & 31)) % 64; break;
  }
  return x;
}

static uint8_t *put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); return p + 4; }

#if defined(__x86_64__)
static uint8_t *bytes(uint8_t *p, const char *b, int n) { memcpy(p, b, n); return p + n; }
static uint8_t *compile(uint8_t *p, const struct step *s, int n) {
  p = bytes(p, "\x48\x89\xf8", 3); // mov rax, rdi
  for (int i = 0; i < n; i++) {
    if (s[i].kind == SHIFT) { p = bytes(p, "\x48\xc1\xc0", 3), *p++ = s[i].value & 31; continue; } // rol rax, n
    *p++ = 0xb9, p = put32(p, s[i].value); // mov ecx, value
    switch (s[i].kind) {
      case ADD: p = bytes(p, "\x48\x01\xc8", 3); break;
      case SUB: p = bytes(p, "\x48\x29\xc8", 3); break;
      case MUL: p = bytes(p, "\x48\x0f\xaf\xc1", 4); break;
      case XOR: p = bytes(p, "\x48\x31\xc8", 3); break;
    }
  }
  *p++ = 0xc3;
  return p;
}
#else
static uint8_t *compile(uint8_t *p, const struct step *s, int n) {
  for (int i = 0; i < n; i++) {
    uint32_t v = s[i].value;
    if (s[i].kind == SHIFT) { p = put32(p, 0x93c00000 | ((64 - (v & 31)) & 63) << 10); continue; } // ror x0, x0, n
    p = put32(p, 0xd2800001 | (v & 0xffff) << 5);         // movz x1, low
    p = put32(p, 0xf2a00001 | (v >> 16) << 5);            // movk x1, high, lsl 16
    switch (s[i].kind) {
      case ADD: p = put32(p, 0x8b010000); break;
      case SUB: p = put32(p, 0xcb010000); break;
      case MUL: p = put32(p, 0x9b017c00); break;
      case XOR: p = put32(p, 0xca010000); break;
    }
  }
  return put32(p, 0xd65f03c0);
}
#endif

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1000, both = argc > 2 && !strcmp(argv[2], "wx"), wrong = 0;
  uint8_t *code = mmap(0, 65536, PROT_READ | PROT_WRITE | (both ? PROT_EXEC : 0), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return perror("mmap"), 1;
  u64 sum = 0;
  for (int r = 0; r < rounds; r++) {
    struct step steps[12];
    int n = 1 + random64() % 12;
    for (int i = 0; i < n; i++) steps[i] = (struct step){random64() % KINDS, random64()};
    uint8_t *at = code + random64() % 8 * 4096;
    if (!both && mprotect(code, 65536, PROT_READ | PROT_WRITE)) return perror("mprotect"), 1;
    uint8_t *end = compile(at, steps, n);
    if (!both && mprotect(code, 65536, PROT_READ | PROT_EXEC)) return perror("mprotect"), 1;
    __builtin___clear_cache((char *)at, (char *)end);
    u64 (*f)(u64) = (u64 (*)(u64))at, x = r, y = r;
    for (int i = 0; i < 40; i++) x = f(x);
    for (int i = 0; i < 40; i++) y = interpret(steps, n, y);
    if (x != y) wrong++;
    sum = sum * 31 + x;
  }
  printf("%d functions, %d wrong, %llx\n", rounds, wrong, (unsigned long long)sum);
  return wrong != 0;
}
