// System V shared memory between processes.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
#define TRY(x) ({ errno = 0; long r_ = (long)(x); printf("%s: %s %d\n", #x, r_ == -1 ? "-1" : r_ == 0 ? "0" : "ok", errno); r_; })
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0); struct shmid_ds d; int k = 0x6a000000 | getpid();
  int id = shmget(k, 5000, IPC_CREAT | IPC_EXCL | 0640); printf("made %d\n", id >= 0); TRY(shmget(k, 5000, IPC_CREAT | IPC_EXCL | 0600)); TRY(shmget(k, 9000, 0)); printf("again %d\n", shmget(k, 100, 0) == id); TRY(shmget(k + 1, 10, 0)); TRY(shmget(IPC_PRIVATE, 0, 0600));
  char *a = shmat(id, 0, 0), *b = shmat(id, 0, SHM_RDONLY); a[0] = 'A'; a[4999] = 'Z'; printf("%c%c %d\n", b[0], b[4999], a != b);
  TRY(shmctl(id, IPC_STAT, &d)); printf("size %zu mode %o attached %d cpid %d lpid %d key %d dt %d\n", d.shm_segsz, d.shm_perm.mode, (int)d.shm_nattch, d.shm_cpid == getpid(), d.shm_lpid == getpid(), d.shm_perm.__key == k, d.shm_dtime == 0);
  if (!fork()) { a[1] = 'c'; char *c = shmat(shmget(k, 0, 0), 0, 0); c[2] = 'd'; shmctl(id, IPC_STAT, &d); printf("in child %d\n", (int)d.shm_nattch); _exit(0); } wait(0); printf("%.3s\n", b); shmctl(id, IPC_STAT, &d); printf("after %d\n", (int)d.shm_nattch);
  TRY(mprotect(b, 4096, PROT_READ | PROT_WRITE)); TRY(shmdt(b)); TRY(shmdt(b)); TRY(shmdt(a + 1)); TRY(shmat(id, (void *)123, 0)); TRY(shmat(999999, 0, 0)); TRY(shmat(id, a, 0)); printf("remap %d\n", shmat(id, a, SHM_REMAP) == a);
  TRY(shmdt(a)); shmctl(id, IPC_STAT, &d); printf("kept %d\n", (int)d.shm_nattch); a = shmat(id, 0, 0); printf("%.3s %c\n", a, a[4999]);
  d.shm_perm.mode = 0600; TRY(shmctl(id, IPC_SET, &d)); TRY(shmctl(id, IPC_RMID, 0)); TRY(shmctl(id, IPC_STAT, &d)); printf("mode %o\n", d.shm_perm.mode); a[3] = 'x'; if (!fork()) { printf("%.4s\n", a); _exit(0); } wait(0); TRY(shmget(k, 10, 0)); TRY(shmdt(a)); TRY(shmctl(id, IPC_STAT, &d)); TRY(shmctl(id, 99, &d));
  return 0;
}
