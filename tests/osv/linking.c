// What a dynamic linker does: copies, interposition, weak symbols, thread-local data of a library, order of init functions.
#include <stdio.h>
#include <string.h>
extern int shared_number;
extern __thread int exported_tls;
int next_number(void), indirect(int), calls_program(void), weak_here(void);
__attribute__((weak)) int not_anywhere(void);
int in_program(void) { return 77; }
int (*pointer)(int) = indirect;
const char *const names[] = {"one", "two"};
__attribute__((constructor)) static void begin(void) { printf("program begins\n"); }
__attribute__((destructor)) static void end(void) { printf("program ends\n"); }
int main(void) {
  shared_number = 20;
  printf("%d %d %d\n", next_number(), next_number(), indirect(21));
  printf("%d %d %d\n", pointer(4), pointer == indirect, calls_program());
  printf("%d %d %s\n", not_anywhere != NULL, weak_here(), names[1]);
  exported_tls += 1;
  printf("%d %zu\n", exported_tls, strlen("four"));
  return 0;
}
