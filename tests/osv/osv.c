// What OSv answers otherwise than Linux (O1, O7).
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv, char **envp) {
  printf("%d %d %d %d\n", getpid(), getppid(), getuid(), getgid());
  printf("%d ", fork());
  printf("%d ", fork());
  int failed = execve("/bin/true", argv, envp);
  printf("%d %d ", failed, errno == ENOEXEC);
  failed = wait(NULL);
  printf("%d %d %d %d\n", failed, errno == ECHILD, system("true"), (int)setsid());
  while (*envp++);
  for (unsigned long *auxv = (unsigned long *)envp; *auxv; auxv += 2) printf("%lu ", *auxv);
  printf("\n");
  return argc;
}
