// Floating-point operations on the host's own CPU, as the expectation of softfloat_test.ts.
//
//   host < VECTORS > RESULTS
//
// Vectors are records of 64 bytes: u32 operation, u32 control (x87 control word or MXCSR), operands of 16 bytes each. Results are 32 bytes:
// 16 of result, u32 flags (x87: status word without TOP, busy and summary; SSE: MXCSR bits 0-5), 8 bytes of second result at 20.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <immintrin.h>

struct vector { uint32_t op, ctl; uint8_t a[16], b[16], c[16], pad[8]; };
struct result { uint8_t r[16]; uint32_t flags; uint8_t s[12]; };

// Results on the x87 stack: the status word is read and cleared before the store, so that nothing is pending.
#define X87_2(code) \
  __asm__ volatile("fninit\nfldt %2\nfldt %3\nfnclex\nfldcw %4\n" code "\nfnstsw %1\nfnclex\nfldcw %5\nfstpt %0\n" \
    : "=m"(o->r), "=m"(sw) : "m"(v->b), "m"(v->a), "m"(cw), "m"(plain) : "memory")
#define X87_1(code) \
  __asm__ volatile("fninit\nfldt %2\nfnclex\nfldcw %3\n" code "\nfnstsw %1\nfnclex\nfldcw %4\nfstpt %0\n" \
    : "=m"(o->r), "=m"(sw) : "m"(v->a), "m"(cw), "m"(plain) : "memory")
// Two results: st0 to r, st1 to s.
#define X87_1_2(code) \
  __asm__ volatile("fninit\nfldt %3\nfnclex\nfldcw %4\n" code "\nfnstsw %2\nfnclex\nfldcw %5\nfstpt %0\nfstpt %1\n" \
    : "=m"(o->r), "=m"(o->s), "=m"(sw) : "m"(v->a), "m"(cw), "m"(plain) : "memory")
#define X87_STORE(code) \
  __asm__ volatile("fninit\nfldt %2\nfnclex\nfldcw %3\n" code " %0\nfnstsw %1\nfnclex\n" \
    : "+m"(o->r), "=m"(sw) : "m"(v->a), "m"(cw) : "memory")
#define X87_LOAD(code) \
  __asm__ volatile("fninit\nfldcw %3\n" code " %2\nfnstsw %1\nfnclex\nfldcw %4\nfstpt %0\n" \
    : "=m"(o->r), "=m"(sw) : "m"(v->a), "m"(cw), "m"(plain) : "memory")
#define X87_FLAGS(code) \
  __asm__ volatile("fninit\nfldt %2\nfldt %3\nfnclex\nfldcw %4\n" code "\npushfq\npopq %0\nfnstsw %1\nfnclex\n" \
    : "=m"(o->r), "=m"(sw) : "m"(v->b), "m"(v->a), "m"(cw) : "memory", "cc")

static void run(const struct vector *v, struct result *o) {
  uint16_t sw = 0, cw = v->ctl, plain = 0x37f;
  memset(o, 0, sizeof *o);
  if (v->op < 64) {
    switch (v->op) {
      case 0: X87_2("fadd %%st(1),%%st"); break;
      case 1: X87_2("fsub %%st(1),%%st"); break;
      case 2: X87_2("fmul %%st(1),%%st"); break;
      case 3: X87_2("fdiv %%st(1),%%st"); break;
      case 4: X87_1("fsqrt"); break;
      case 5: X87_1("frndint"); break;
      case 6: X87_FLAGS("fcomi %%st(1),%%st"); break;
      case 7: X87_FLAGS("fucomi %%st(1),%%st"); break;
      case 8: X87_STORE("fsts"); break;
      case 9: X87_STORE("fstl"); break;
      case 10: X87_STORE("fists"); break;
      case 11: X87_STORE("fistl"); break;
      case 12: X87_STORE("fistpll"); break;
      case 13: X87_LOAD("flds"); break;
      case 14: X87_LOAD("fldl"); break;
      case 15: X87_LOAD("fildll"); break;
      case 16: X87_STORE("fisttpll"); break;
      case 17: X87_2("fprem"); break;
      case 18: X87_2("fprem1"); break;
      case 19: X87_2("fscale"); break;
      case 20: X87_1_2("fxtract"); break;
      case 21: X87_STORE("fbstp"); break;
      case 22: X87_LOAD("fbld"); break;
      case 23: X87_1("f2xm1"); break;
      case 24: X87_2("fyl2x"); break; // operands: st0 = a, st1 = b
      case 25: X87_2("fyl2xp1"); break;
      case 26: X87_1_2("fptan"); break;
      case 27: X87_2("fpatan"); break;
      case 28: X87_1("fsin"); break;
      case 29: X87_1("fcos"); break;
      case 30: X87_1_2("fsincos"); break;
      case 31: X87_1("fxam"); break;
    }
    o->flags = sw & 0x473f;
    if (v->op == 6 || v->op == 7) o->r[0] &= 0x45, memset(o->r + 1, 0, 15);
    return;
  }
  uint32_t csr = v->ctl & ~0x3fu, old = _mm_getcsr(), mode = v->ctl >> 24;
  csr &= 0xffff;
  __m128 af, bf, cf; __m128d ad, bd, cd;
  memcpy(&af, v->a, 16), memcpy(&bf, v->b, 16), memcpy(&cf, v->c, 16);
  memcpy(&ad, v->a, 16), memcpy(&bd, v->b, 16), memcpy(&cd, v->c, 16);
  int64_t i; uint64_t fl; memcpy(&i, v->a, 8);
#define SSE(code, type, x, y) __asm__ volatile("ldmxcsr %2\n" code "\nstmxcsr %1\nldmxcsr %3" : "+x"(x), "=m"(csr) : "m"(csr), "m"(old), "x"(y)); memcpy(o->r, &x, sizeof(type))
#define TOINT(code, y) __asm__ volatile("ldmxcsr %2\n" code "\nstmxcsr %1\nldmxcsr %3" : "=r"(i), "=m"(csr) : "m"(csr), "m"(old), "x"(y)); memcpy(o->r, &i, 8)
#define COMPARE(code, x, y) __asm__ volatile("ldmxcsr %2\n" code "\npushfq\npopq %0\nstmxcsr %1\nldmxcsr %3" : "=r"(fl), "=m"(csr) : "m"(csr), "m"(old), "x"(x), "x"(y) : "cc"); o->r[0] = fl & 0x45
#define ROUND(code, type, x) switch (mode & 3) { case 0: SSE(code "$0,%4,%0", type, x, x); break; case 1: SSE(code "$1,%4,%0", type, x, x); break; \
  case 2: SSE(code "$2,%4,%0", type, x, x); break; case 3: SSE(code "$3,%4,%0", type, x, x); break; }
  switch (v->op) {
    case 64: SSE("addss %4,%0", float, af, bf); break;
    case 65: SSE("subss %4,%0", float, af, bf); break;
    case 66: SSE("mulss %4,%0", float, af, bf); break;
    case 67: SSE("divss %4,%0", float, af, bf); break;
    case 68: SSE("sqrtss %4,%0", float, af, af); break;
    case 69: COMPARE("comiss %5,%4", af, bf); break;
    case 70: COMPARE("ucomiss %5,%4", af, bf); break;
    case 71: SSE("cvtss2sd %4,%0", double, bd, af); break;
    case 72: TOINT("cvtss2si %4,%k0", af); i = (int32_t)i; memcpy(o->r, &i, 8); break;
    case 73: TOINT("cvtss2si %4,%q0", af); break;
    case 74: __asm__ volatile("ldmxcsr %2\ncvtsi2ss %4,%0\nstmxcsr %1\nldmxcsr %3" : "+x"(af), "=m"(csr) : "m"(csr), "m"(old), "r"(i)); memcpy(o->r, &af, 4); break;
    case 75: ROUND("roundss ", float, af); break;
    case 76: __asm__ volatile("ldmxcsr %2\nvfmadd213ss %5,%4,%0\nstmxcsr %1\nldmxcsr %3" : "+x"(bf), "=m"(csr) : "m"(csr), "m"(old), "x"(af), "x"(cf)); memcpy(o->r, &bf, 4); break;
    case 80: SSE("addsd %4,%0", double, ad, bd); break;
    case 81: SSE("subsd %4,%0", double, ad, bd); break;
    case 82: SSE("mulsd %4,%0", double, ad, bd); break;
    case 83: SSE("divsd %4,%0", double, ad, bd); break;
    case 84: SSE("sqrtsd %4,%0", double, ad, ad); break;
    case 85: COMPARE("comisd %5,%4", ad, bd); break;
    case 86: COMPARE("ucomisd %5,%4", ad, bd); break;
    case 87: SSE("cvtsd2ss %4,%0", float, bf, ad); break;
    case 88: TOINT("cvtsd2si %4,%k0", ad); i = (int32_t)i; memcpy(o->r, &i, 8); break;
    case 89: TOINT("cvtsd2si %4,%q0", ad); break;
    case 90: __asm__ volatile("ldmxcsr %2\ncvtsi2sdq %4,%0\nstmxcsr %1\nldmxcsr %3" : "+x"(ad), "=m"(csr) : "m"(csr), "m"(old), "r"(i)); memcpy(o->r, &ad, 8); break;
    case 91: ROUND("roundsd ", double, ad); break;
    case 92: __asm__ volatile("ldmxcsr %2\nvfmadd213sd %5,%4,%0\nstmxcsr %1\nldmxcsr %3" : "+x"(bd), "=m"(csr) : "m"(csr), "m"(old), "x"(ad), "x"(cd)); memcpy(o->r, &bd, 8); break;
  }
  o->flags = csr & 0x3f;
}

int main(void) {
  static struct vector v[4096];
  static struct result r[4096];
  size_t n;
  while ((n = fread(v, sizeof *v, 4096, stdin)) > 0) {
    for (size_t i = 0; i < n; i++) run(&v[i], &r[i]);
    fwrite(r, sizeof *r, n, stdout);
  }
  return 0;
}
