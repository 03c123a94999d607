// Opens a library that may be damaged, calls what it finds there, and closes it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  void *library = dlopen("/lib/damaged.so", RTLD_NOW);
  if (!library) {
    printf("%.0s", dlerror());
    return 9;
  }
  int (*count)(void) = (int (*)(void))dlsym(library, "count"), (*local)(void) = (int (*)(void))dlsym(library, "count_local");
  Dl_info info;
  dladdr((void *)count, &info);
  if (count && local) printf("%d\n", count() + local());
  return dlclose(library) ? 8 : 0;
}
