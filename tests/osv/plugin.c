// A library that is opened and closed: its state is fresh each time. Compiled also with TLS descriptors and in the initial-exec model.
#include <stdio.h>
#include <stdlib.h>
static int counter = 10;
__thread int local = 7, zeroed;
static __thread char big[300] = "big";
#ifdef STATIC_TLS
__attribute__((tls_model("initial-exec"))) __thread int early = 3;
int early_number(void) { return early++; }
#else
int early_number(void) { return -1; }
#endif
int count(void) { return counter++; }
int count_local(void) { return local++ + zeroed++ + (big[1] == 'i' ? 100 : 0); }
int overridden(void) { return 1; }
int calls_overridden(void) { return overridden(); }
__attribute__((visibility("protected"))) int kept_own(void) { return 1; }
int calls_kept_own(void) { return kept_own(); }
static void at_end(void) { printf("plugin's atexit\n"); }
__attribute__((constructor)) static void begin(void) { printf("plugin begins\n"); atexit(at_end); }
__attribute__((destructor)) static void end(void) { printf("plugin ends\n"); }
