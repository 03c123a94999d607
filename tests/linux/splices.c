// tee and vmsplice: what stays in a pipe, what is copied, errors.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#define P(call) ({ errno = 0; long r_ = (call); printf("%s = %ld %s\n", #call, r_, r_ < 0 ? strerrorname_np(errno) : ""); r_; })
static volatile int caught;
static void on(int n) { caught = n; }
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  int a[2], b[2], n[2], file = open("/proc/self/exe", O_RDONLY);
  char text[64] = "", other[64] = "";
  pipe(a), pipe(b), pipe2(n, O_NONBLOCK);
  write(a[1], "hello, pipe", 11);
  P(tee(a[0], b[1], 5, 0)), P(read(b[0], text, 60)), printf("%s\n", text), P(tee(a[0], b[1], 100, 0)), memset(text, 0, 60), P(read(a[0], text, 60)), printf("%s\n", text), P(read(b[0], text, 60));
  P(tee(a[0], b[1], 0, 0)), P(tee(a[0], b[1], 5, SPLICE_F_NONBLOCK)), P(tee(n[0], b[1], 5, 0)), P(tee(a[0], a[1], 5, 0)), P(tee(file, b[1], 5, 0)), P(tee(a[1], b[1], 5, 0)), P(tee(99, b[1], 5, 0)), P(tee(a[0], b[1], 5, 99));
  if (!fork()) { usleep(30000), write(a[1], "later", 5), _exit(0); }
  P(tee(a[0], b[1], 100, 0)), wait(0), read(a[0], text, 60), read(b[0], text, 60);
  struct iovec v[2] = {{"vector ", 7}, {"of two", 6}}, in[2] = {{text, 3}, {other, 20}};
  P(vmsplice(a[1], v, 2, 0)), memset(text, 0, 60), P(vmsplice(a[0], in, 2, 0)), printf("%s|%s\n", text, other);
  P(vmsplice(a[0], in, 2, SPLICE_F_NONBLOCK)), P(vmsplice(file, in, 1, 0)), P(vmsplice(a[1], v, 2, 99)), P(vmsplice(a[1], (void *)16, 1, 0)), P(vmsplice(99, v, 1, 0)), P(vmsplice(a[1], v, 0, 0));
  signal(SIGPIPE, on), write(a[1], "x", 1), close(b[0]), P(tee(a[0], b[1], 5, 0)), printf("caught %d\n", caught == SIGPIPE), read(a[0], text, 1), close(a[1]), pipe(b), P(tee(a[0], b[1], 5, 0));
  return 0;
}
