// Built twice, with different FACTOR.
unsigned long work(unsigned long x) {
  for (int i = 0; i < 500; i++) x = x * FACTOR + i;
  return x;
}
