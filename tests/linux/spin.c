// For the scheduler's fairness (G4), without a libc: `spin` runs for ever; `sleep` sleeps 100 us twenty times and prints how many ns
// it woke too late at most; then it kills all others.
#include "../names/names.h"

CASE(spin) { for (volatile long n = 0;; n++) ; }
CASE(sleep) {
  long most = 0;
  for (int i = 0; i < 20; i++) {
    struct timespec before, after, t = {0, 100000};
    SETUP(clock_gettime, CLOCK_MONOTONIC, &before), SETUP(nanosleep, &t, 0), SETUP(clock_gettime, CLOCK_MONOTONIC, &after);
    long late = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec - t.tv_nsec;
    if (late > most) most = late;
  }
  show("late", most);
}
