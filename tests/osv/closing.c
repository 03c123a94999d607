// dlclose, versions, RTLD_NEXT, thread-local data of opened libraries, dl_iterate_phdr, dladdr.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int overridden(void) { return 2; }
int kept_own(void) { return 2; }
int answer(void);
static int seen, with_table;
static int visit(struct dl_phdr_info *info, size_t size, void *data) {
  seen += strstr(info->dlpi_name, data) != NULL;
  for (int n = 0; n < info->dlpi_phnum; n++) with_table += info->dlpi_phdr[n].p_type == PT_DYNAMIC;
  return 0;
}
static int (*local)(void);
static int (*early)(void);
static void *thread(void *unused) {
  printf("thread %d %d %d\n", local(), local(), early());
  return NULL;
}
char *getenv(const char *name) {
  static char *(*real)(const char *);
  if (!real) real = (char *(*)(const char *))dlsym(RTLD_NEXT, "getenv");
  return strcmp(name, "OVERRIDDEN") ? real(name) : "by the program";
}
int main(int argc, char **argv) {
  setenv("PLAIN", "plain", 1);
  printf("%s %s\n", getenv("OVERRIDDEN"), getenv("PLAIN"));
  for (int round = 0; round < 3; round++) {
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL), *again = dlopen(argv[1], RTLD_LAZY);
    printf("%d\n", library == again);
    int (*count)(void) = (int (*)(void))dlsym(library, "count");
    local = (int (*)(void))dlsym(library, "count_local");
    early = (int (*)(void))dlsym(library, "early_number");
    int *direct = dlsym(library, "local");
    printf("%d %d %d %d %d\n", count(), count(), local(), *direct, early());
    printf("%d %d\n", ((int (*)(void))dlsym(library, "calls_overridden"))(), ((int (*)(void))dlsym(library, "calls_kept_own"))());
    pthread_t other;
    pthread_create(&other, NULL, thread, NULL);
    pthread_join(other, NULL);
    printf("%d\n", dlsym(RTLD_DEFAULT, "count") == NULL);
    seen = with_table = 0;
    dl_iterate_phdr(visit, "plugin");
    printf("%d %d\n", seen, with_table > 2);
    Dl_info info = {0};
    int found = dladdr((char *)count + 1, &info);
    printf("%d %s\n", found, info.dli_sname);
    printf("%d\n", dlclose(again));
    printf("%d\n", count());
    printf("%d\n", dlclose(library));
    seen = 0;
    dl_iterate_phdr(visit, "plugin");
    printf("%d %d\n", seen, dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL);
  }
  void *versions = dlopen(argv[2], RTLD_NOW);
  int (*old)(void) = (int (*)(void))dlvsym(versions, "answer", "V1");
  int (*new)(void) = (int (*)(void))dlvsym(versions, "answer", "V2");
  printf("%d %d %d %d %d\n", answer(), old(), new(), ((int (*)(void))dlsym(versions, "answer"))(), dlvsym(versions, "answer", "V3") == NULL);
  void *global = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
  printf("%d\n", dlsym(RTLD_DEFAULT, "count") != NULL);
  printf("%d %d\n", dlsym(dlopen(NULL, RTLD_NOW), "main") == (void *)main, dlopen("libm.so.6", RTLD_NOW) != NULL);
  return 0;
}
