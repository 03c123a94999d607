// Functions of many subjects, each with what it prints natively: scanning, obstacks, contexts, jumps, semaphores, directories.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <mntent.h>
#include <obstack.h>
#include <pthread.h>
#include <pwd.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>
#include <wchar.h>
#define obstack_chunk_alloc malloc
#define obstack_chunk_free free
static char folder[] = "/tmp/various-XXXXXX";
static void scanning(void) {
  FILE *f = tmpfile();
  fputs("12 -7 0x1f 017 3.25e2 word [abc]xyz 99%rest of line\nnext 1e5q inf\n", f);
  rewind(f);
  int a, b, i, o, n, count;
  double d;
  char word[20], set[20], c, *made = NULL;
  count = fscanf(f, "%d %d %i %i %lf %19s [%[a-c]]%c%n", &a, &b, &i, &o, &d, word, set, &c, &n);
  printf("%d: %d %d %d %d %g %s %s %c %d\n", count, a, b, i, o, d, word, set, c, n);
  count = fscanf(f, "%*2c%d%%%ms of", &a, &made);
  printf("%d: %d %s\n", count, a, made);
  free(made);
  char line[50];
  printf("%s", fgets(line, sizeof line, f));
  float x;
  long double e;
  count = fscanf(f, "next %Lf%c %f", &e, &c, &x);
  printf("%d: %Lg %c %g\n", count, e, c, x);
  count = fscanf(f, "%d", &a);
  printf("%d %d\n", count, feof(f));
  fclose(f);
  f = tmpfile();
  fputs("abc", f);
  rewind(f);
  count = fscanf(f, "%d", &a);
  printf("%d %c\n", count, fgetc(f));
  fclose(f);
}
static void stacks(void) {
  struct obstack stack;
  obstack_init(&stack);
  for (int n = 0; n < 3000; n++) obstack_grow(&stack, "0123456789", 10);
  obstack_printf(&stack, " %d %s", 42, "end");
  obstack_1grow(&stack, 0);
  char *first = obstack_finish(&stack);
  printf("%zu %s\n", strlen(first), first + strlen(first) - 8);
  char *second = obstack_copy0(&stack, "second", 6);
  printf("%s\n", second);
  obstack_free(&stack, first);
  printf("%d\n", (char *)obstack_alloc(&stack, 10) == first);
  obstack_free(&stack, NULL);
}
static ucontext_t back, ahead;
static int steps;
static void coroutine(int a, int b) {
  for (int n = 0; n < 3; n++) {
    steps += a + b;
    swapcontext(&ahead, &back);
  }
}
static void contexts(void) {
  static char stack[32768];
  getcontext(&ahead);
  ahead.uc_stack.ss_sp = stack;
  ahead.uc_stack.ss_size = sizeof stack;
  ahead.uc_link = &back;
  makecontext(&ahead, (void (*)(void))coroutine, 2, 3, 4);
  for (int n = 0; n < 4; n++) swapcontext(&back, &ahead);
  printf("steps %d\n", steps);
}
static int compare(const void *a, const void *b) {
  return *(int *)a - *(int *)b;
}
static jmp_buf out;
static int throwing(const void *a, const void *b) { longjmp(out, 5); }
static void jumps(void) {
  sigjmp_buf env;
  sigset_t set, now;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  volatile int round = 0;
  int value = sigsetjmp(env, 1);
  sigprocmask(SIG_SETMASK, NULL, &now);
  printf("%d %d\n", value, sigismember(&now, SIGUSR1));
  if (round++ < 2) {
    sigprocmask(SIG_BLOCK, &set, NULL);
    siglongjmp(env, round);
  }
  // Out of a function that the libc calls, several times.
  int numbers[] = {3, 1, 2};
  for (volatile int n = 0; n < 3; n++) if (setjmp(out) == 0) qsort(numbers, 3, sizeof *numbers, throwing);
  qsort(numbers, 3, sizeof *numbers, compare);
  printf("%d %d %d\n", numbers[0], numbers[1], numbers[2]);
}
static sem_t ready, done;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static int shared;
static void *worker(void *unused) {
  sem_wait(&ready);
  pthread_spin_lock(&spin);
  shared++;
  pthread_spin_unlock(&spin);
  sem_post(&done);
  long serial = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
  return (void *)serial;
}
static void *sleeper(void *unused) {
  for (;;) {
    usleep(1000);
    pthread_testcancel();
  }
}
static void threads(void) {
  pthread_t all[4];
  sem_init(&ready, 0, 0);
  sem_init(&done, 0, 0);
  pthread_barrier_init(&barrier, NULL, 4);
  pthread_spin_init(&spin, 0);
  for (int n = 0; n < 4; n++) pthread_create(&all[n], NULL, worker, NULL);
  for (int n = 0; n < 4; n++) sem_post(&ready);
  for (int n = 0; n < 4; n++) sem_wait(&done);
  long serial = 0;
  for (int n = 0; n < 4; n++) {
    void *result;
    pthread_join(all[n], &result);
    serial += (long)result;
  }
  int value;
  sem_getvalue(&done, &value);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 1000000;
  if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
  int late = sem_timedwait(&ready, &soon), why = errno;
  printf("%d %ld %d %d %d %d\n", shared, serial, value, late, why == ETIMEDOUT, sem_trywait(&ready));
  pthread_t slow;
  void *result;
  char name[16];
  pthread_create(&slow, NULL, sleeper, NULL);
  pthread_setname_np(slow, "sleeper");
  pthread_getname_np(slow, name, sizeof name);
  printf("%s %d\n", name, pthread_tryjoin_np(slow, &result) == EBUSY);
  pthread_cancel(slow);
  pthread_join(slow, &result);
  printf("%d\n", result == PTHREAD_CANCELED);
}
static int wanted(const struct dirent *entry) { return entry->d_name[0] != '.'; }
static void files(void) {
  mkdtemp(folder);
  chdir(folder);
  for (int n = 0; n < 12; n++) {
    char name[20];
    sprintf(name, "f%d", n * 7 % 12);
    close(creat(name, 0600));
  }
  mkfifo("pipe", 0600);
  struct dirent **list;
  int count = scandir(".", &list, wanted, alphasort);
  for (int n = 0; n < count; n++) {
    printf("%s%c", list[n]->d_name, n == count - 1 ? '\n' : ' ');
    unlink(list[n]->d_name);
    free(list[n]);
  }
  free(list);
  printf("%d\n", scandir("/not/there", &list, NULL, NULL));
  char *cwd = get_current_dir_name();
  printf("%d\n", strcmp(cwd, folder));
  free(cwd);
  int fd = open("x", O_RDWR | O_CREAT, 0600);
  struct timespec when[2] = {{1000, 5}, {2000, 0}};
  futimens(fd, when);
  struct stat st;
  fstat(fd, &st);
  printf("%ld %ld %d %d\n", (long)st.st_atime, (long)st.st_mtime, lockf(fd, F_TLOCK, 0), lockf(fd, F_ULOCK, 0));
  unlink("x");
  rmdir(folder);
  FILE *mounts = fopen("/tmp/various.mounts", "w");
  fputs("# comment\nproc /proc proc rw,nosuid 0 0\n/dev/a\\040b /mnt/x ext4 ro,data=ordered 1 2\n", mounts);
  fclose(mounts);
  mounts = setmntent("/tmp/various.mounts", "r");
  struct mntent *m;
  while ((m = getmntent(mounts))) printf("%s|%s|%s|%s|%d|%d|%d\n", m->mnt_fsname, m->mnt_dir, m->mnt_type, m->mnt_opts, m->mnt_freq, m->mnt_passno, hasmntopt(m, "data") != NULL);
  printf("%d\n", endmntent(mounts));
  unlink("/tmp/various.mounts");
  int event = eventfd(3, 0);
  eventfd_t value;
  eventfd_write(event, 4);
  eventfd_read(event, &value);
  printf("%lu\n", (unsigned long)value);
}
static void people(void) {
  gid_t groups[20];
  int count = 20;
  printf("%d", getgrouplist("root", 0, groups, &count));
  printf(" %d %d %s %s\n", count, groups[0], getpwuid(0)->pw_name, getgrgid(0)->gr_name);
}
static void locales(void) {
  locale_t utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", NULL), plain = newlocale(LC_ALL_MASK, "C", NULL);
  printf("%d %d %d\n", utf8 != NULL, plain != NULL, newlocale(LC_ALL_MASK, "xx_YY", NULL) == NULL);
  locale_t old = uselocale(utf8);
  wchar_t wide[4];
  printf("%zu ", mbstowcs(wide, "né", 4));
  uselocale(plain);
  printf("%zu\n", mbstowcs(wide, "ne", 4));
  uselocale(old);
  freelocale(utf8);
}
int main(void) {
  scanning();
  stacks();
  contexts();
  jumps();
  threads();
  files();
  people();
  locales();
  char words[50];
  printf("%s %d\n", strerror_r(ENOENT, words, sizeof words), (int)syscall(SYS_dup2, 1, 1));
  long wrong = syscall(SYS_write, 99, "x", 1);
  printf("%ld %d\n", wrong, errno);
  return 0;
}
