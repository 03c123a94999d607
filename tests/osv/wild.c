// Calls the functions that are named after the seed with random arguments: pointers that are none, sizes that are too large.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
static unsigned long state;
static unsigned long next(void) { return state = state * 6364136223846793005ul + 1442695040888963407ul; }
static char buffer[4096];
static unsigned long value(void) {
  unsigned long n = next() >> 33;
  switch (n % 10) {
    case 0: return 0;
    case 1: return -1ul;
    case 2: return n & 7;
    case 3: return (unsigned long)buffer + n % sizeof buffer;
    case 4: return (unsigned long)buffer;
    case 5: return (unsigned long)stdout;
    case 6: return next();
    case 7: return 0x7ffffffffffff000ul;
    case 8: return n;
    default: return (unsigned long)"%s %n/tmp";
  }
}
int main(int argc, char **argv) {
  state = strtoul(argv[1], NULL, 10);
  for (int i = 2; i < argc; i++) {
    unsigned long (*f)() = (unsigned long (*)())dlsym(RTLD_DEFAULT, argv[i]);
    if (f) f(value(), value(), value(), value(), value(), value(), value());
  }
  return 0;
}
