/* axle's 17 calls for programs without a C library: number in RAX, arguments in RBX RCX RDX RSI RDI, INT 0x80 (W2). */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

static inline int call5(int n, u64 b, u64 c, u64 d, u64 s, u64 di) {
  u64 result = n;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(b), "c"(c), "d"(d), "S"(s), "D"(di) : "memory");
  return (int)result;
}
#define call3(n, b, c, d) call5(n, (u64)(b), (u64)(c), (u64)(d), 0, 0)

typedef struct {
  char source[64];
  char dest[64];
  u32 len;
  u8 body[];
} message;

#define amc_register(name) call3(0, name, 0, 0)
#define amc_send(dest, buf, size) call3(1, dest, buf, size)
#define amc_await(source, out) call3(2, source, out, 0)
#define amc_await_event(source, event, out) call3(3, source, event, out)
#define amc_await_from(n, names, out) call3(4, n, names, out)
#define amc_await_any(out) call3(5, out, 0, 0)
#define amc_has_from(source) call3(6, source, 0, 0)
#define amc_has() call3(7, 0, 0, 0)
#define adi_register(name, irq) call3(8, name, irq, 0)
#define adi_await(irq) call3(9, irq, 0, 0)
#define adi_eoi(irq) call3(10, irq, 0, 0)
#define sbrk(n) ((char *)(u64)(u32)call3(11, n, 0, 0))
#define exit(code) call3(13, code, 0, 0)
#define getpid() call3(14, 0, 0, 0)
#define ms_since_boot() call3(15, 0, 0, 0)
#define task_assert(text) call3(16, text, 0, 0)

static int length(const char *text) {
  int n = 0;
  while (text[n]) n++;
  return n;
}
#define print(text) call3(12, 1, text, length(text))

static void copy(void *to, const void *from, int n) {
  for (int i = 0; i < n; i++) ((u8 *)to)[i] = ((const u8 *)from)[i];
}
static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}
static u32 word(const message *m, int at) {
  u32 v;
  copy(&v, m->body + at, 4);
  return v;
}
static void print_number(const char *label, long v) {
  char text[80], digits[24];
  int n = length(label), d = 0;
  copy(text, label, n);
  if (v < 0) text[n++] = '-', v = -v;
  do digits[d++] = '0' + v % 10;
  while (v /= 10);
  while (d) text[n++] = digits[--d];
  call3(12, 1, text, n);
}
/* A command to com.axle.core: {event, name[64]} or {event, number}. */
static int core_name(u32 event, const char *name) {
  u8 body[72] = {0};
  copy(body, &event, 4);
  copy(body + 4, name, length(name));
  return amc_send("com.axle.core", body, 68);
}
static int core_number(u32 event, u32 number) {
  u32 body[2] = {event, number};
  return amc_send("com.axle.core", body, 8);
}
static volatile char bss[64];
int main(void);
void _start(void) {
  bss[0] = 1;
  int code = main();
  exit(code);
  for (;;);
}
