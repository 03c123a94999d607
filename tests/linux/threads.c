// Threads and futexes: pthreads, robust and process-shared mutexes, raw futex operations, exits and execs of threads.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static long fut(int *u, int op, int val, const struct timespec *t, int *u2, int v3) { long r = syscall(SYS_futex, u, op, val, t, u2, v3); return r < 0 ? -errno : r; }
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int counter, ready, word, word2;
static void *adder(void *a) { for (int i = 0; i < 20000; i++) { pthread_mutex_lock(&mutex); counter++; pthread_mutex_unlock(&mutex); } return (void *)7; }
static void *waiter(void *a) { pthread_mutex_lock(&mutex); while (!ready) pthread_cond_wait(&cond, &mutex); counter++; pthread_mutex_unlock(&mutex); return 0; }
static __thread int tls = 5;
static void *tlser(void *a) { tls += (long)a; return (void *)(long)tls; }
static void *robust(void *m) { pthread_mutex_lock(m); return 0; }
static void *sleeper(void *a) { return (void *)fut(&word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0); }
static void *bitset(void *a) { return (void *)fut(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, (int)(long)a); }
static pthread_t target; static volatile int got;
static void handler(int s) { got = pthread_equal(pthread_self(), target); }
static void *forever(void *a) { for (;;) pause(); }
static void *spin(void *a) { for (;;) ; }
static void *execer(void *a) { char *args[] = {"x", "exec", 0}; execv("/proc/self/exe", args); return 0; }
static void *canceled(void *a) { for (;;) sleep(10); }
static pthread_key_t key; static void destroy(void *v) { printf("destroy %ld\n", (long)v); }
static void *keyed(void *a) { pthread_setspecific(key, (void *)3); return 0; }
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER; static pthread_barrier_t bar;
static void *barrier(void *a) { pthread_rwlock_rdlock(&rw); pthread_rwlock_unlock(&rw); return (void *)(long)(pthread_barrier_wait(&bar) != 0); }
int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  if (argc > 1) { printf("exec'd by a thread: leader %d\n", getpid() == gettid()); return 0; }
  pthread_t t[8]; void *r; int st, pid;
  for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, adder, 0);
  for (int i = 0; i < 4; i++) { pthread_join(t[i], &r); } printf("counter %d result %ld\n", counter, (long)r);
  counter = 0; for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, waiter, 0);
  usleep(10000); pthread_mutex_lock(&mutex); ready = 1; pthread_cond_broadcast(&cond); pthread_mutex_unlock(&mutex);
  for (int i = 0; i < 4; i++) pthread_join(t[i], 0); printf("woken %d\n", counter);
  pthread_create(t, 0, tlser, (void *)4); pthread_join(*t, &r); printf("tls %ld %d\n", (long)r, tls);
  struct timespec ts; clock_gettime(CLOCK_REALTIME, &ts); ts.tv_nsec += 20000000; if (ts.tv_nsec >= 1000000000) ts.tv_nsec -= 1000000000, ts.tv_sec++;
  pthread_mutex_lock(&mutex); ready = 0; printf("timedwait %d\n", pthread_cond_timedwait(&cond, &mutex, &ts)); pthread_mutex_unlock(&mutex);
  // Robust, in this process and across processes.
  pthread_mutexattr_t at; pthread_mutexattr_init(&at); pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST); pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
  pthread_mutex_t *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); int *n = (int *)(m + 1);
  pthread_mutex_init(m, &at); pthread_create(t, 0, robust, m); pthread_join(*t, 0);
  printf("robust %d", pthread_mutex_lock(m)); printf(" %d", pthread_mutex_consistent(m)); printf(" %d\n", pthread_mutex_unlock(m));
  if (!fork()) { pthread_mutex_lock(m); _exit(0); } wait(0);
  printf("robust child %d", pthread_mutex_lock(m)); pthread_mutex_consistent(m); pthread_mutex_unlock(m); printf("\n");
  for (int i = 0; i < 3; i++) if (!fork()) { for (int k = 0; k < 500; k++) { pthread_mutex_lock(m); int v = *n; if (k % 50 == 0) sched_yield(); *n = v + 1; pthread_mutex_unlock(m); } _exit(0); }
  while (wait(0) > 0); printf("shared mutex %d\n", *n);
  sem_t *sem = (sem_t *)(n + 4); sem_init(sem, 1, 0);
  if (!fork()) { usleep(10000); sem_post(sem); _exit(0); } printf("sem %d\n", sem_wait(sem)); wait(0);
  // Raw futexes.
  struct timespec shortly = {0, 5000000};
  printf("eagain %ld timeout %ld\n", fut(&word, FUTEX_WAIT, 1, 0, 0, 0), fut(&word, FUTEX_WAIT, 0, &shortly, 0, 0));
  printf("einval %ld efault %ld nsec %ld\n", fut((int *)((char *)&word + 1), FUTEX_WAIT, 0, 0, 0, 0), fut((int *)8, FUTEX_WAIT, 0, 0, 0, 0), fut(&word, FUTEX_WAIT, 0, &(struct timespec){0, 2000000000}, 0, 0));
  printf("wake none %ld bits %ld op %ld\n", fut(&word, FUTEX_WAKE, 5, 0, 0, 0), fut(&word, FUTEX_WAIT_BITSET, 0, 0, 0, 0), fut(&word, 77, 0, 0, 0, 0));
  struct timespec past = {1, 0}; printf("absolute past %ld\n", fut(&word, FUTEX_WAIT_BITSET, 0, &past, 0, -1));
  printf("realtime past %ld\n", fut(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, 0, -1));
  for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, sleeper, 0); usleep(100000);
  printf("wake one %ld", fut(&word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
  printf(" requeue %ld", fut(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)5l, &word2, 0)); printf(" mismatch %ld", fut(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)5l, &word2, 9));
  printf(" wake second %ld\n", fut(&word2, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0));
  for (int i = 0; i < 3; i++) { pthread_join(t[i], &r); printf("%ld ", (long)r); } printf("\n");
  pthread_create(&t[0], 0, bitset, (void *)1); pthread_create(&t[1], 0, bitset, (void *)2); usleep(100000);
  printf("bits %ld %ld\n", fut(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 2), fut(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, -1));
  pthread_join(t[0], 0); pthread_join(t[1], 0);
  word2 = 10; printf("wake op %ld", fut(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1l, &word2, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 10))); printf(" %d\n", word2);
  int pi = 0; printf("pi %ld", fut(&pi, FUTEX_LOCK_PI, 0, 0, 0, 0)); printf(" %d", pi == gettid()); printf(" %ld", fut(&pi, FUTEX_LOCK_PI, 0, 0, 0, 0)); printf(" %ld", fut(&pi, FUTEX_UNLOCK_PI, 0, 0, 0, 0)); printf(" %d\n", pi);
  // Signals to threads.
  signal(SIGUSR1, handler); pthread_create(&target, 0, forever, 0); usleep(5000); pthread_kill(target, SIGUSR1); for (int i = 0; i < 5000 && !got; i++) usleep(1000); printf("in thread %d\n", got);
  printf("tgkill %ld %d\n", syscall(SYS_tgkill, getpid(), 1 << 22, 0), errno);
  // Exits.
  pid = fork(); if (!pid) { pthread_create(t, 0, spin, 0); usleep(1000); exit(4); } waitpid(pid, &st, 0); printf("exit with spinner %x\n", st);
  pid = fork(); if (!pid) { pthread_create(t, 0, forever, 0); syscall(SYS_exit, 6); } usleep(20000); printf("leader gone, still %d\n", waitpid(pid, &st, WNOHANG)); kill(pid, SIGKILL); waitpid(pid, &st, 0); printf("killed %x\n", st);
  pid = fork(); if (!pid) { pthread_create(t, 0, execer, 0); for (;;) pause(); } waitpid(pid, &st, 0); printf("exec %x\n", st);
  pid = fork(); if (!pid) { pthread_create(t, 0, spin, 0); usleep(1000); kill(getpid(), SIGTERM); for (;;) pause(); } waitpid(pid, &st, 0); printf("term %x\n", st);
  pthread_create(t, 0, canceled, 0); usleep(1000); pthread_cancel(*t); pthread_join(*t, &r); printf("canceled %d\n", r == PTHREAD_CANCELED);
  pthread_key_create(&key, destroy); pthread_create(t, 0, keyed, 0); pthread_join(*t, 0);
  pthread_barrier_init(&bar, 0, 5); int sum = 0; for (int i = 0; i < 5; i++) pthread_create(&t[i], 0, barrier, 0); for (int i = 0; i < 5; i++) { pthread_join(t[i], &r); sum += (long)r; } printf("barrier %d\n", sum);
  return 0;
}
