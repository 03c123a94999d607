// Loads and unloads a library again and again (different code at the same address: two libraries in turn), and calls into it.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  int rounds = atoi(argv[3]);
  unsigned long sum = 0;
  for (int i = 0; i < rounds; i++) {
    void *library = dlopen(argv[1 + i % 2], RTLD_NOW);
    if (library == NULL) return printf("%s\n", dlerror()), 1;
    unsigned long (*work)(unsigned long) = dlsym(library, "work");
    sum += work(i);
    if (dlclose(library)) return 1;
  }
  printf("%d rounds, %lu\n", rounds, sum);
  return 0;
}
