// Formatting of every kind of argument, an error number, a status.
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  printf("hello %d %s %.3f %5.2e %x %ld %c|%-6s|\n", 42, argv[0], 3.14159, 12345.678, 255, 123456789012L, 'x', "ab");
  printf("%f %f %f %f %f %f %f %f %f %d %d %d %d %d %d\n", 1.,2.,3.,4.,5.,6.,7.,8.,9.,1,2,3,4,5,6);
  FILE *f = fopen("/nope", "r");
  printf("%d %d %Lf\n", f == NULL, errno, 1.5L);
  return 3;
}
