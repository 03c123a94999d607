// The clock through the vDSO: which functions are found is up to the kernel; the time is that of the system calls.
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int main(void) {
  struct timespec a, b;
  struct timeval t;
  int backwards = 0;
  for (int id = 0; id < 12; id++) {
    int r = clock_gettime(id, &a), s = syscall(SYS_clock_gettime, id, &b), g = clock_getres(id, &a);
    printf("%d: %d %d %d\n", id, r, s, g);
  }
  printf("%d\n", gettimeofday(&t, 0));
  clock_gettime(CLOCK_REALTIME, &a);
  printf("near %d\n", a.tv_sec - t.tv_sec < 2);
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (int i = 0; i < 20000; i++, a = b) {
    clock_gettime(CLOCK_MONOTONIC, &b);
    backwards += b.tv_sec < a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec < a.tv_nsec);
  }
  printf("vdso %d backwards %d\n", getauxval(AT_SYSINFO_EHDR) != 0, backwards);
  return 0;
}
