// Arguments, floats, locales' absence, errno, heap, a thread's local data.
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static __thread int local = 41;
int main(int argc, char **argv) {
  char *text = malloc(100);
  snprintf(text, 100, "%d %s %.3f %lld %x", argc, argv[argc - 1], sqrt(argc + 1.0), 1234567890123456789ll, ++local);
  puts(text);
  printf("%d %s\n", open("/nonexistent", O_RDONLY), strerror(errno));
  free(text);
  return 7;
}
