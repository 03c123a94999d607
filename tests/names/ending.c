// The two calls that do not come back: a run for each, by the case's name.
#include "names.h"

CASE(exit) { put("exit(5) = ?\n"), flush(), SETUP(exit, 5); }
CASE(exit_group) { put("exit_group(6) = ?\n"), flush(), SETUP(exit_group, 6); }
