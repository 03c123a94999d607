// Calls by number, without a libc, so that a program makes exactly the system calls that it names: the same source for x86-64
// and aarch64, natively, under Linux's personality and under OSv's (whose oldest table has nothing that starts a libc).
//
// A CASE is about one name and prints a line a call: `name(arguments) = result`. The text and the number come from the same
// token, so a line proves the call. At the first ENOSYS a case ends with `name = ENOSYS`: what OSv lacks is seen so.
#define _GNU_SOURCE
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#if defined __x86_64__
static long raw(long n, long a, long b, long c, long d, long e, long f) {
  long r;
  register long r10 asm("r10") = d, r8 asm("r8") = e, r9 asm("r9") = f;
  asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return r;
}
asm(".globl _start\n_start: mov %rsp, %rdi; and $-16, %rsp; call begin\n"
    ".globl back\nback: mov $15, %eax; syscall\n");
#elif defined __aarch64__
static long raw(long n, long a, long b, long c, long d, long e, long f) {
  register long x8 asm("x8") = n, x0 asm("x0") = a, x1 asm("x1") = b, x2 asm("x2") = c, x3 asm("x3") = d, x4 asm("x4") = e, x5 asm("x5") = f;
  asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
asm(".globl _start\n_start: mov x0, sp; bl begin\n"
    ".globl back\nback: mov x8, #139; svc #0\n");
#endif
#define RAW_(n, a, b, c, d, e, f, ...) raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define RAW(n, ...) RAW_(n, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

void *memset(void *at, int byte, size_t n) { for (volatile char *p = at; n--; p++) *p = byte; return at; }
void *memcpy(void *to, const void *from, size_t n) { volatile char *t = to; for (const char *f = from; n--;) *t++ = *f++; return to; }
int memcmp(const void *a, const void *b, size_t n) { for (const unsigned char *x = a, *y = b; n--; x++, y++) if (*x != *y) return *x - *y; return 0; }
static size_t length(const char *s) { size_t n = 0; while (s[n]) n++; return n; }
static int same(const char *a, const char *b) { return length(a) == length(b) && !memcmp(a, b, length(a)); }

static char printed[4096];
static unsigned printing;
static void flush(void) { raw(__NR_write, 1, (long)printed, printing, 0, 0, 0), printing = 0; }
static void put(const char *s) {
  for (; *s; s++) {
    if (printing == sizeof printed) flush();
    printed[printing++] = *s;
  }
}
static void number(long v) {
  char text[24], *p = text + 23;
  unsigned long u = v < 0 ? -(unsigned long)v : v;
  *p = 0;
  do *--p = '0' + u % 10; while (u /= 10);
  if (v < 0) *--p = '-';
  put(p);
}
static const char *error(long r) {
#define E(name) case -name: return #name;
  switch (r) {
    E(EPERM) E(ENOENT) E(ESRCH) E(EINTR) E(EIO) E(EBADF) E(EAGAIN) E(ENOMEM) E(EACCES) E(EFAULT) E(EEXIST) E(ENODEV) E(ENOTDIR) E(EISDIR)
    E(EINVAL) E(EMFILE) E(ENOTTY) E(EFBIG) E(ENOSPC) E(ESPIPE) E(EPIPE) E(EDOM) E(ERANGE) E(ENAMETOOLONG) E(ENOTEMPTY) E(ELOOP) E(EXDEV)
    E(EIDRM) E(ENOTSOCK) E(EDESTADDRREQ) E(EMSGSIZE) E(EPROTOTYPE) E(ENOPROTOOPT) E(EPROTONOSUPPORT) E(ESOCKTNOSUPPORT) E(EOPNOTSUPP)
    E(EAFNOSUPPORT) E(EADDRINUSE) E(EADDRNOTAVAIL) E(EISCONN) E(ENOTCONN) E(ETIMEDOUT) E(ECONNREFUSED) E(EALREADY) E(EINPROGRESS)
    E(ECANCELED) E(EOVERFLOW) E(ENXIO) E(EBUSY) E(ETXTBSY) E(EROFS) E(ENOLCK)
  }
  return 0;
}
static long report(const char *text, long r, int plain) {
  const char *name = r < 0 && r > -4096 ? error(r) : 0;
  put(text), put(" = ");
  if (name) put(name);
  else if (r < 0 || plain) number(r);
  else put("ok");
  put("\n");
  return r;
}
#define MADE(name, plain, ...) ({ \
  long r_ = RAW(__NR_##name, ##__VA_ARGS__); \
  if (r_ == -ENOSYS) { put(#name " = ENOSYS\n"); return; } \
  report(#name "(" #__VA_ARGS__ ")", r_, plain); })
/** A call whose result is printed as it is. */
#define CALL(name, ...) MADE(name, 1, ##__VA_ARGS__)
/** A call whose result differs from run to run (an id, an address, a time): `ok` or the error. */
#define OK(name, ...) MADE(name, 0, ##__VA_ARGS__)
/** A call that prints nothing; only of the 73, so that no table lacks it. */
#define QUIET_(n, a, b, c, d, e, f, ...) raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SETUP(name, ...) QUIET_(__NR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
static void show(const char *what, long v) { put("  "), put(what), put(" "), number(v), put("\n"); }
static void text(const char *what, const char *s) { put("  "), put(what), put(" '"), put(s), put("'\n"); }

struct test { const char *name; void (*run)(void); };
extern const struct test __start_cases[], __stop_cases[];
#define CASE(name) \
  static void case_##name(void); \
  static const struct test test_##name __attribute__((section("cases"), used)) = {#name, case_##name}; \
  static void case_##name(void)

/** What the kernel wants of sigaction, and a handler that counts. */
struct action { void *handler; unsigned long flags; void *restorer; unsigned long mask; };
extern char back[];
static volatile int caught, last;
static void on_signal(int n) { caught++, last = n; }
static void handle(int n, unsigned long flags) {
  struct action a = {on_signal, flags | 0x04000000, back, 0};
  caught = 0, last = 0;
  SETUP(rt_sigaction, n, &a, 0, 8);
}

/** To this thread, by the call that is in each table. */
static void to_self(int n) {
  int pid = SETUP(getpid), tid = SETUP(gettid);
  SETUP(tgkill, pid, tid, n);
}

/** A file that holds `bytes`, open for reading and writing; descriptors are closed when a case ends. */
static int file(const char *name, const char *bytes) {
  int fd = SETUP(openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_TRUNC, 0644);
  SETUP(write, fd, bytes, length(bytes));
  SETUP(lseek, fd, 0, 0);
  return fd;
}
static long size(const char *name) {
  struct stat st;
  long r = SETUP(newfstatat, AT_FDCWD, name, &st, AT_SYMLINK_NOFOLLOW);
  return r < 0 ? r : st.st_size;
}
static char buf[8192];
#define BAD ((void *)16)

static int only(int argc, char **argv, const char *name) {
  if (argc < 2) return 1;
  for (int i = 1; i < argc; i++) if (same(argv[i], name)) return 1;
  return 0;
}
/** All cases, or those that are named. */
void begin(long *stack) {
  int argc = stack[0];
  for (const struct test *t = __start_cases; t < __stop_cases; t++) {
    if (!only(argc, (char **)(stack + 1), t->name)) continue;
    put("# "), put(t->name), put("\n");
    flush();
    t->run();
    for (int fd = 3; fd < 40; fd++) SETUP(close, fd);
    flush();
  }
  SETUP(exit_group, 0);
}
