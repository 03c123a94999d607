// CPU kernels for the benchmark: `kernels NAME MILLISECONDS` repeats one kernel for about that long and prints
//   NAME ns-per-round rounds checksum
// The same source is built for every architecture and run natively, under qemu-user and under Guise.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t u64;
typedef uint32_t u32;
#define NOINLINE __attribute__((noinline))

static u64 seed = 88172645463325252ull;
static u64 random64(void) { return seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; }

static NOINLINE u64 integer(void) { // crc32 by nibbles and a mixing hash
  static u32 table[16];
  if (!table[1]) for (u32 i = 0; i < 16; i++) { u32 c = i; for (int k = 0; k < 4; k++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1; table[i] = c; }
  u32 crc = ~0u; u64 h = 1469598103934665603ull;
  for (u32 i = 0; i < 20000; i++) {
    uint8_t b = i * 31;
    crc = crc >> 4 ^ table[(crc ^ b) & 15], crc = crc >> 4 ^ table[(crc ^ b >> 4) & 15];
    h = (h ^ b) * 1099511628211ull, h ^= h >> 29;
  }
  return h ^ crc;
}
static NOINLINE u64 branchy(void) { // Collatz lengths
  u64 sum = 0;
  for (u64 n = 1; n < 1000; n++) for (u64 x = n; x != 1; sum++) x = x & 1 ? 3 * x + 1 : x / 2;
  return sum;
}
static NOINLINE u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static NOINLINE u64 calls(void) { return fib(20); } // gcc makes a loop of one of the two calls
static __attribute__((noinline, optimize("O1"))) u64 recursive(u64 n) { return n < 2 ? n : recursive(n - 1) + recursive(n - 2); }
static NOINLINE u64 fibonacci(void) { return recursive(18); }
typedef u64 operation(u64);
static NOINLINE u64 op0(u64 x) { return x + 1; }
static NOINLINE u64 op1(u64 x) { return x * 3; }
static NOINLINE u64 op2(u64 x) { return x ^ x >> 3; }
static NOINLINE u64 op3(u64 x) { return x - 7; }
static operation *volatile operations[4] = {op0, op1, op2, op3};
static NOINLINE u64 indirect(void) {
  u64 x = 1;
  for (int i = 0; i < 20000; i++) x = operations[(x ^ i) & 3](x);
  return x;
}
static NOINLINE u64 sieve(void) {
  static uint8_t composite[100000];
  memset(composite, 0, sizeof composite);
  u64 count = 0;
  for (u32 i = 2; i < sizeof composite; i++) {
    if (composite[i]) continue;
    count++;
    for (u32 k = 2 * i; k < sizeof composite; k += i) composite[k] = 1;
  }
  return count;
}
static NOINLINE u64 doubles(void) { // n-body like
  double x[8], v[8], e = 0;
  for (int i = 0; i < 8; i++) x[i] = i * 1.25, v[i] = 0.5 - i * 0.1;
  for (int step = 0; step < 500; step++) {
    for (int i = 0; i < 8; i++) for (int k = 0; k < 8; k++) if (i != k) { double d = x[i] - x[k]; v[i] -= d / (d * d + 0.5) * 0.001; }
    for (int i = 0; i < 8; i++) x[i] += v[i] * 0.01;
  }
  for (int i = 0; i < 8; i++) e += v[i] * v[i];
  u64 r; memcpy(&r, &e, 8);
  return r;
}
static NOINLINE u64 vectors(void) { // auto-vectorised at -O3
  static int a[4096], b[4096], c[4096];
  for (int i = 0; i < 4096; i++) a[i] = i, b[i] = 3 * i;
  for (int round = 0; round < 8; round++) for (int i = 0; i < 4096; i++) c[i] += (a[i] ^ b[i]) + (a[i] << 2);
  u64 sum = 0;
  for (int i = 0; i < 4096; i++) sum += (u32)c[i];
  memset(c, 0, sizeof c);
  return sum;
}
#if defined __SSE2__
#include <emmintrin.h>
static NOINLINE u64 simd(void) { // saturated blending of pixels and a dot product, with SSE2's own instructions
  static uint8_t a[16384], b[16384];
  static float x[4096], y[4096];
  if (!a[1]) for (int i = 0; i < 16384; i++) a[i] = i * 7, b[i] = i * 13, x[i & 4095] = i & 63, y[i & 4095] = 1.0f / (1 + (i & 31));
  __m128i sums = _mm_setzero_si128();
  for (int i = 0; i < 16384; i += 16) {
    __m128i p = _mm_load_si128((void *)(a + i)), q = _mm_load_si128((void *)(b + i));
    __m128i r = _mm_subs_epu8(_mm_adds_epu8(p, q), _mm_avg_epu8(p, q));
    sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_max_epu8(r, _mm_xor_si128(p, q)), _mm_setzero_si128()));
  }
  __m128 dot = _mm_setzero_ps();
  for (int i = 0; i < 4096; i += 4) dot = _mm_add_ps(dot, _mm_mul_ps(_mm_load_ps(x + i), _mm_load_ps(y + i)));
  u64 s[2]; float d[4];
  _mm_storeu_si128((void *)s, sums), _mm_storeu_ps(d, dot);
  return s[0] + s[1] + (u64)(d[0] + d[1] + d[2] + d[3]);
}
#elif defined __aarch64__
#include <arm_neon.h>
static NOINLINE u64 simd(void) { // the same with NEON
  static uint8_t a[16384], b[16384];
  static float x[4096], y[4096];
  if (!a[1]) for (int i = 0; i < 16384; i++) a[i] = i * 7, b[i] = i * 13, x[i & 4095] = i & 63, y[i & 4095] = 1.0f / (1 + (i & 31));
  uint64x2_t sums = vdupq_n_u64(0);
  for (int i = 0; i < 16384; i += 16) {
    uint8x16_t p = vld1q_u8(a + i), q = vld1q_u8(b + i), r = vqsubq_u8(vqaddq_u8(p, q), vrhaddq_u8(p, q));
    sums = vpadalq_u32(sums, vpaddlq_u16(vpaddlq_u8(vmaxq_u8(r, veorq_u8(p, q)))));
  }
  float32x4_t dot = vdupq_n_f32(0);
  for (int i = 0; i < 4096; i += 4) dot = vaddq_f32(dot, vmulq_f32(vld1q_f32(x + i), vld1q_f32(y + i)));
  return vgetq_lane_u64(sums, 0) + vgetq_lane_u64(sums, 1) + (u64)vaddvq_f32(dot);
}
#endif
static NOINLINE u64 allocate(void) {
  static void *slots[64];
  u64 sum = 0;
  for (int i = 0; i < 4000; i++) {
    int s = random64() & 63;
    free(slots[s]);
    slots[s] = malloc(16 + (random64() & 511));
    *(int *)slots[s] = i;
    sum += i;
  }
  return sum;
}
static NOINLINE u64 strings(void) {
  static char buffer[8192], other[8192];
  memset(buffer, 'x', 8000), buffer[8000] = 0;
  u64 sum = 0;
  for (int i = 0; i < 60; i++) {
    memcpy(other, buffer, 8001);
    sum += strlen(other) + (strchr(other + i, 'y') != 0) + strcmp(other, buffer) + (memchr(other, 0, 8192) != 0);
  }
  return sum;
}
static NOINLINE u64 wide(void) { // 64x64 -> 128 products and divisions
  u64 a = 0x123456789abcdefull, b = 0xfedcba987654321ull, s = 0;
  for (int i = 0; i < 10000; i++) {
    unsigned __int128 p = (unsigned __int128)a * b;
    a = (u64)p | 1, b = (u64)(p >> 64) + i + 3, s += a / (b >> 20 | 1), s ^= a % (i + 7);
  }
  return s;
}
static NOINLINE u64 hashing(void) { // SHA-256 rounds on a fixed block
  static const u32 k[8] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5};
  u32 s[8] = {1, 2, 3, 4, 5, 6, 7, 8};
#define R(x, n) ((x) >> (n) | (x) << (32 - (n)))
  for (int i = 0; i < 6400; i++) {
    u32 t1 = s[7] + (R(s[4], 6) ^ R(s[4], 11) ^ R(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i & 7] + i;
    u32 t2 = (R(s[0], 2) ^ R(s[0], 13) ^ R(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t1, s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t1 + t2;
  }
  return (u64)s[0] << 32 | s[4];
}
static int compare(const void *a, const void *b) { u32 x = *(const u32 *)a, y = *(const u32 *)b; return x < y ? -1 : x > y; }
static NOINLINE u64 sorting(void) {
  static u32 v[4096];
  for (int i = 0; i < 4096; i++) v[i] = i * 2654435761u;
  qsort(v, 4096, sizeof *v, compare);
  return v[100] + (u64)v[4000];
}

static const struct { const char *name; u64 (*run)(void); } kernels[] = {
  {"integer", integer}, {"branchy", branchy}, {"calls", calls}, {"fib", fibonacci}, {"indirect", indirect}, {"memory", sieve}, {"double", doubles},
  {"vector", vectors}, {"simd", simd}, {"malloc", allocate}, {"strings", strings}, {"wide", wide}, {"hashing", hashing}, {"sorting", sorting},
};

static u64 now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }

int main(int argc, char **argv) {
  if (argc != 3) {
    for (unsigned i = 0; i < sizeof kernels / sizeof *kernels; i++) puts(kernels[i].name);
    return 0;
  }
  for (unsigned i = 0; i < sizeof kernels / sizeof *kernels; i++) {
    if (strcmp(argv[1], kernels[i].name)) continue;
    u64 start = now(), limit = strtoull(argv[2], 0, 10) * 1000000, rounds = 0, check = 0, elapsed;
    do check = kernels[i].run(), rounds++; while ((elapsed = now() - start) < limit);
    printf("%s %.1f %llu %llx\n", argv[1], (double)elapsed / rounds, (unsigned long long)rounds, (unsigned long long)(kernels[i].run == allocate ? 0 : check));
    return 0;
  }
  return 2;
}
