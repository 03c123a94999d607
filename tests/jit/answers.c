// The numbers of processes and threads, asked often enough to be translated and remembered, by tasks that take turns: threads that
// yield to one another, children of fork and vfork, a program that a thread other than the first executes.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 4000 };
static long wrong;

/** What the file system says, which is asked once. */
static void numbers(long *process, long *thread) {
  char text[64] = "";
  if (readlink("/proc/thread-self", text, sizeof text - 1) < 0) perror("readlink");
  sscanf(text, "%ld/task/%ld", process, thread);
}
static long check(int yields) {
  long process = 0, thread = 0, bad = 0;
  numbers(&process, &thread);
  for (int i = 0; i < ROUNDS; i++) {
    bad += syscall(SYS_getpid) != process;
    bad += syscall(SYS_gettid) != thread;
    // A number whose upper half is not zero is the same number (X7), and its neighbours are others.
    bad += syscall(SYS_getpid | 0x100000000) != process;
    if (yields && i % 50 == 0) syscall(SYS_sched_yield);
  }
  return bad;
}
static void *threadMain(void *yields) {
  __atomic_add_fetch(&wrong, check(yields != 0), __ATOMIC_SEQ_CST);
  return 0;
}
static void wait_for(pid_t pid, const char *what) {
  int status = -1;
  waitpid(pid, &status, 0);
  printf("%s: %d\n", what, status);
}
static char *self;
static void *executes(void *unused) {
  check(0);
  fflush(stdout);
  execl(self, self, "child", (char *)0);
  // qemu-user cannot: then it goes on here.
  printf("executed: %ld\n", check(0));
  exit(0);
  return unused;
}

int main(int argc, char **argv) {
  self = argv[0];
  if (argc > 1 && !strcmp(argv[1], "child")) return printf("executed: %ld\n", check(0)), 0;
  printf("alone: %ld\n", check(0));
  pthread_t threads[3];
  for (intptr_t i = 0; i < 3; i++) pthread_create(&threads[i], 0, threadMain, (void *)(i + 1));
  check(1);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
  printf("threads: %ld\n", wrong);
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) _exit(check(1) != 0);
  wrong = check(1);
  wait_for(pid, "fork");
  pid = vfork();
  if (!pid) _exit(check(0) != 0);
  wait_for(pid, "vfork");
  printf("parent: %ld\n", wrong + check(0));
  fflush(stdout);
  pthread_create(&threads[0], 0, executes, 0);
  pthread_join(threads[0], 0);
  return 1;
}
