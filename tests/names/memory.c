// Memory: mappings, protection, advice, policies, System V segments.
#include "names.h"
#include <sys/ipc.h>
#include <sys/shm.h>

static char *pages(int n, int protection) { return (void *)SETUP(mmap, 0, n * 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

CASE(mmap) {
  int fd = file("mmap", "0123456789");
  char *p = (void *)OK(mmap, 0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  show("zero", p[5000]), p[5000] = 7, show("written", p[5000]), show("page", (long)p & 4095);
  char *f = (void *)OK(mmap, 0, 10, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  show("byte", f[3]), show("behind the end", f[100]), f[3] = 'X', SETUP(pread64, fd, buf, 4, 0), show("in the file", buf[3]);
  show("at its place", OK(mmap, p, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == (long)p), show("its byte", p[0]);
  CALL(mmap, 0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), CALL(mmap, 0, 4096, 3, MAP_ANONYMOUS, -1, 0), CALL(mmap, 0, 4096, 3, MAP_PRIVATE, 99, 0), CALL(mmap, 0, 4096, 1, MAP_PRIVATE, fd, 100);
  CALL(mmap, 0, 4096, 1, MAP_PRIVATE, SETUP(openat, AT_FDCWD, "mmap", O_WRONLY), 0), CALL(mmap, 0, 4096, 2, MAP_SHARED, SETUP(openat, AT_FDCWD, "mmap", O_RDONLY), 0), CALL(mmap, 1, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}
CASE(munmap) {
  char *p = pages(3, 3);
  CALL(munmap, p + 4096, 4096), CALL(write, 99, p, 1), SETUP(pipe2, buf, 0), CALL(write, ((int *)buf)[1], p + 4096, 1), CALL(write, ((int *)buf)[1], p + 8192, 1);
  CALL(munmap, p, 0), CALL(munmap, p + 1, 4096), CALL(munmap, p, 3 * 4096), CALL(munmap, p, 4096);
}
CASE(mprotect) {
  char *p = pages(2, 3);
  int pipes[2];
  SETUP(pipe2, pipes, 0), SETUP(write, pipes[1], "ab", 2);
  CALL(mprotect, p, 4096, PROT_READ), CALL(read, pipes[0], p, 1), CALL(read, pipes[0], p + 4096, 1), CALL(mprotect, p, 4096, 3), CALL(read, pipes[0], p, 1);
  CALL(mprotect, p + 1, 4096, 1), CALL(mprotect, p, 4096, 0x99), CALL(mprotect, p, 0, 1), SETUP(munmap, p + 4096, 4096), CALL(mprotect, p, 8192, 1);
}
CASE(madvise) {
  char *p = pages(2, 3);
  p[0] = 9, CALL(madvise, p, 8192, MADV_DONTNEED), show("zero again", p[0]), CALL(madvise, p, 8192, MADV_WILLNEED), CALL(madvise, p, 8192, MADV_NORMAL);
  CALL(madvise, p + 1, 4096, MADV_NORMAL), CALL(madvise, p, 4096, 999), SETUP(munmap, p + 4096, 4096), CALL(madvise, p, 8192, MADV_DONTNEED), CALL(madvise, p, 0, MADV_DONTNEED);
}
CASE(mincore) {
  char *p = pages(3, 3);
  unsigned char in[3] = {9, 9, 9};
  p[0] = 1, CALL(mincore, p, 4096, in), show("there", in[0] & 1), CALL(mincore, p + 1, 4096, in), CALL(mincore, p, 4096, BAD), SETUP(munmap, p + 4096, 4096), CALL(mincore, p, 8192, in), CALL(mincore, p, 0, in);
}
CASE(msync) {
  int fd = file("msync", "0123456789");
  char *p = (void *)SETUP(mmap, 0, 4096, 3, MAP_SHARED, fd, 0);
  p[0] = 'X', CALL(msync, p, 4096, MS_SYNC), SETUP(pread64, fd, buf, 1, 0), show("in the file", buf[0]), CALL(msync, p, 4096, MS_ASYNC | MS_SYNC), CALL(msync, p + 1, 4096, MS_SYNC), CALL(msync, p, 4096, 99);
  SETUP(munmap, p, 4096), CALL(msync, p, 4096, MS_SYNC);
}
CASE(get_mempolicy) {
  int mode = 9;
  CALL(get_mempolicy, &mode, 0, 0, 0, 0), show("mode", mode), CALL(get_mempolicy, BAD, 0, 0, 0, 0), CALL(get_mempolicy, &mode, 0, 0, 0, 99);
}
CASE(set_mempolicy) { CALL(set_mempolicy, 0, 0, 0), CALL(set_mempolicy, 99, 0, 0), CALL(set_mempolicy, 0, 0, 0); }
CASE(shmget) {
  long id = OK(shmget, IPC_PRIVATE, 5000, IPC_CREAT | 0600);
  CALL(shmget, 0x6775, 4096, 0), CALL(shmget, IPC_PRIVATE, 0, IPC_CREAT | 0600);
  CALL(shmctl, id, IPC_RMID, 0);
}
CASE(shmat) {
  long id = OK(shmget, IPC_PRIVATE, 5000, IPC_CREAT | 0600);
  char *a = (void *)OK(shmat, id, 0, 0), *b = (void *)OK(shmat, id, 0, SHM_RDONLY);
  a[100] = 5, show("seen at the other place", b[100]), CALL(read, file("shmat", "x"), b, 1), CALL(shmat, id, (long)a + 1, 0), CALL(shmat, -1, 0, 0);
  CALL(shmctl, id, IPC_RMID, 0), a[101] = 6, show("still there", b[101]), CALL(shmdt, a), CALL(shmdt, b), CALL(shmat, id, 0, 0);
}
CASE(shmctl) {
  struct shmid_ds s;
  long id = OK(shmget, IPC_PRIVATE, 5000, IPC_CREAT | 0640);
  CALL(shmctl, id, IPC_STAT, &s), show("size", s.shm_segsz), show("mode", s.shm_perm.mode), show("attached", s.shm_nattch), s.shm_perm.mode = 0600, CALL(shmctl, id, IPC_SET, &s), CALL(shmctl, id, IPC_STAT, &s), show("mode", s.shm_perm.mode);
  CALL(shmctl, id, 99, &s), CALL(shmctl, id, IPC_STAT, BAD), CALL(shmctl, id, IPC_RMID, 0), CALL(shmctl, id, IPC_STAT, &s), CALL(shmctl, -1, IPC_STAT, &s);
}
CASE(shmdt) {
  long id = OK(shmget, IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  char *a = (void *)OK(shmat, id, 0, 0);
  CALL(shmdt, a + 4096), CALL(shmdt, a), CALL(shmdt, a), SETUP(pipe2, buf, 0), CALL(write, ((int *)buf)[1], a, 1), CALL(shmctl, id, IPC_RMID, 0);
}
