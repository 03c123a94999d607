// A library: a constructor and a destructor, thread-local data, an indirect function, data that a program copies.
#include <stdio.h>
int shared_number = 11;
static __thread int per_thread = 5;
__thread int exported_tls = 6;
static int twice(int n) { return 2 * n; }
static int (*resolve(void))(int) { return twice; }
int indirect(int n) __attribute__((ifunc("resolve")));
int next_number(void) { return ++per_thread + shared_number; }
int weak_here(void) { return 1; }
int calls_program(void) { extern int in_program(void); return in_program(); }
__attribute__((constructor)) static void begin(void) { printf("library begins\n"); }
__attribute__((destructor)) static void end(void) { printf("library ends\n"); }
