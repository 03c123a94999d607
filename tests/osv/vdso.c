// The functions of libvdso.so (O8): called from a static program, they are the kernel's own, without a trap.
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#ifndef CLOCK
#define CLOCK "__vdso_clock_gettime"
#endif
int main(void) {
  char *image = (char *)getauxval(AT_SYSINFO_EHDR);
  Elf64_Ehdr *head = (Elf64_Ehdr *)image;
  Elf64_Phdr *segments = (Elf64_Phdr *)(image + head->e_phoff);
  Elf64_Dyn *dynamic = 0;
  int loads = 0, flags = 0;
  for (int n = 0; n < head->e_phnum; n++) {
    if (segments[n].p_type == PT_LOAD) loads++, flags = segments[n].p_flags;
    if (segments[n].p_type == PT_DYNAMIC) dynamic = (Elf64_Dyn *)(image + segments[n].p_vaddr);
  }
  printf("%d %d\n", loads, flags);
  char *strings = 0;
  Elf64_Sym *symbols = 0;
  unsigned *hash = 0;
  for (; dynamic->d_tag; dynamic++) {
    if (dynamic->d_tag == DT_STRTAB) strings = image + dynamic->d_un.d_val;
    if (dynamic->d_tag == DT_SYMTAB) symbols = (Elf64_Sym *)(image + dynamic->d_un.d_val);
    if (dynamic->d_tag == DT_HASH) hash = (unsigned *)(image + dynamic->d_un.d_val);
  }
  for (unsigned n = 1; n < hash[1]; n++) {
    char *name = strings + symbols[n].st_name;
    if (!symbols[n].st_shndx || symbols[n].st_shndx >= 0xfff1) continue;
    printf("%s", name);
    if (!strcmp(name, CLOCK)) {
      int (*get)(int, struct timespec *) = (int (*)(int, struct timespec *))(image + symbols[n].st_value);
      struct timespec now = {0, -1};
      printf(" %d", get(CLOCK_MONOTONIC, &now));
      printf(" %d %d", now.tv_nsec >= 0, get(999, &now));
    }
    printf("\n");
  }
}
