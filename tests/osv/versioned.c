// A library with two versions of a function: a hidden one, and the default.
int first(void) { return 1; }
int second(void) { return 2; }
__asm__(".symver first, answer@V1\n.symver second, answer@@V2");
