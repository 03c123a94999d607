// dlopen, dlsym, dlerror: a library found by path, its init functions, its thread-local data, symbols of the program's libraries.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int in_program(void) { return 78; }
int main(int argc, char **argv) {
  printf("%d\n", dlopen("/not/there.so", RTLD_NOW) == NULL && strstr(dlerror(), "/not/there.so") != NULL);
  void *library = dlopen(argv[1], RTLD_NOW);
  if (!library) { printf("%s\n", dlerror()); return 1; }
  int (*next)(void) = (int (*)(void))dlsym(library, "next_number");
  int (*indirect)(int) = (int (*)(int))dlsym(library, "indirect");
  int (*calls)(void) = (int (*)(void))dlsym(library, "calls_program");
  printf("%d %d %d %d\n", next(), next(), indirect(4), calls());
  printf("%d %d\n", dlsym(library, "nothing") == NULL, dlerror() != NULL);
  size_t (*length)(const char *) = (size_t (*)(const char *))dlsym(RTLD_DEFAULT, "strlen");
  printf("%zu %d\n", length("hello"), dlopen(argv[1], RTLD_NOW) == library);
  Dl_info info;
  printf("%d\n", dladdr((void *)next, &info) != 0 && strstr(info.dli_fname, "liblinking") != NULL);
  dlclose(library);
  return 0;
}
