// Files: opening, reading and writing, status, sizes.
#include "names.h"
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <dirent.h>

static void status(const struct stat *st) {
  show("mode", st->st_mode), show("links", st->st_nlink), show("size", st->st_size);
}

#ifdef __NR_open
CASE(open) {
  int fd = CALL(open, "open", O_RDWR | O_CREAT | O_EXCL, 0640);
  CALL(open, "open", O_RDWR | O_CREAT | O_EXCL, 0640);
  CALL(open, "none", O_RDONLY), CALL(open, "open/x", O_RDONLY), CALL(open, ".", O_WRONLY), CALL(open, 1, O_RDONLY), CALL(open, "", O_RDONLY);
  SETUP(write, fd, "abc", 3);
  show("size", size("open"));
  CALL(open, "open", O_WRONLY | O_TRUNC);
  show("size", size("open"));
}
CASE(creat) {
  file("creat", "old");
  int fd = CALL(creat, "creat", 0600);
  show("size", size("creat"));
  CALL(read, fd, buf, 1), CALL(write, fd, "new", 3), CALL(creat, ".", 0600), CALL(creat, "none/x", 0600);
}
CASE(stat) {
  struct stat st;
  file("stat", "12345"), SETUP(symlinkat, "stat", AT_FDCWD, "stat-link");
  CALL(stat, "stat", &st), status(&st);
  CALL(stat, "stat-link", &st), show("size", st.st_size);
  CALL(stat, "none", &st), CALL(stat, "stat", 1), CALL(stat, 1, &st);
}
CASE(lstat) {
  struct stat st;
  SETUP(symlinkat, "nowhere", AT_FDCWD, "lstat");
  CALL(lstat, "lstat", &st), status(&st);
  CALL(lstat, "none", &st), CALL(lstat, "lstat", 1), CALL(lstat, "lstat/", &st);
}
#endif
CASE(openat) {
  int dir = SETUP(openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY), fd = CALL(openat, dir, "openat", O_WRONLY | O_CREAT | O_APPEND, 0644);
  SETUP(write, fd, "one", 3), SETUP(lseek, fd, 0, 0), SETUP(write, fd, "two", 3);
  show("size", size("openat"));
  CALL(openat, 99, "openat", O_RDONLY), CALL(openat, fd, "x", O_RDONLY), CALL(openat, dir, "openat", O_RDONLY | O_DIRECTORY), CALL(openat, AT_FDCWD, BAD, 0);
  CALL(openat, 99, "/", O_RDONLY);
}
CASE(read) {
  int fd = file("read", "hello");
  CALL(read, fd, buf, 3), buf[3] = 0, text("bytes", buf);
  CALL(read, fd, buf, 100), CALL(read, fd, buf, 100), CALL(read, 99, buf, 1), CALL(read, fd, 1, 0), CALL(read, fd, buf, 0);
  SETUP(lseek, fd, 0, 0), CALL(read, fd, BAD, 5), CALL(read, SETUP(openat, AT_FDCWD, ".", O_RDONLY), buf, 10), CALL(read, SETUP(openat, AT_FDCWD, "read", O_WRONLY), buf, 10);
}
CASE(write) {
  int fd = file("write", "");
  CALL(write, fd, "hello", 5), CALL(write, fd, "", 0);
  show("size", size("write"));
  CALL(write, 99, "x", 1), CALL(write, fd, BAD, 5), CALL(write, SETUP(openat, AT_FDCWD, "write", O_RDONLY), "x", 1);
  // Half of the bytes are there: a short count (G2).
  char *pages = (void *)SETUP(mmap, 0, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SETUP(munmap, pages + 4096, 4096);
  int pipes[2];
  SETUP(pipe2, pipes, 0), CALL(write, pipes[1], pages + 4096 - 16, 32);
}
CASE(pread64) {
  int fd = file("pread64", "0123456789");
  CALL(pread64, fd, buf, 4, 3), buf[4] = 0, text("bytes", buf);
  CALL(lseek, fd, 0, SEEK_CUR), CALL(pread64, fd, buf, 4, 100), CALL(pread64, fd, buf, 4, -1), CALL(pread64, 99, buf, 4, 0), CALL(pread64, fd, BAD, 4, 0);
}
CASE(pwrite64) {
  int fd = file("pwrite64", "0123456789"), pipes[2];
  CALL(pwrite64, fd, "xy", 2, 20);
  show("size", size("pwrite64"));
  CALL(lseek, fd, 0, SEEK_CUR), CALL(pwrite64, fd, "x", 1, -1), CALL(pwrite64, 99, "x", 1, 0), CALL(pwrite64, fd, BAD, 1, 0);
  SETUP(pipe2, pipes, 0), CALL(pwrite64, pipes[1], "x", 1, 0);
}
CASE(readv) {
  int fd = file("readv", "0123456789");
  char a[5] = "", b[9] = "";
  struct iovec v[3] = {{a, 4}, {0, 0}, {b, 8}};
  CALL(readv, fd, v, 3), text("first", a), text("second", b);
  CALL(readv, fd, v, 3), CALL(readv, fd, v, -1), CALL(readv, fd, v, 1025), CALL(readv, fd, BAD, 1), CALL(readv, 99, v, 1), CALL(readv, fd, v, 0);
}
CASE(writev) {
  int fd = file("writev", "");
  struct iovec v[2] = {{"one", 3}, {"twenty", 6}}, bad[2] = {{"ok", 2}, {BAD, 2}};
  CALL(writev, fd, v, 2);
  show("size", size("writev"));
  CALL(writev, fd, bad, 2), bad[0].iov_len = -1, CALL(writev, fd, bad, 2), CALL(writev, 99, v, 2);
}
CASE(lseek) {
  int fd = file("lseek", "0123456789"), pipes[2];
  CALL(lseek, fd, 4, SEEK_SET), CALL(lseek, fd, 2, SEEK_CUR), CALL(lseek, fd, -1, SEEK_END), CALL(lseek, fd, 100, SEEK_SET);
  CALL(lseek, fd, -1, SEEK_SET), CALL(lseek, fd, 0, 9), CALL(lseek, 99, 0, SEEK_SET);
  SETUP(pipe2, pipes, 0), CALL(lseek, pipes[0], 0, SEEK_SET), CALL(lseek, fd, 3, SEEK_DATA), CALL(lseek, fd, 3, SEEK_HOLE), CALL(lseek, fd, 30, SEEK_DATA);
}
CASE(close) {
  int fd = file("close", "");
  CALL(close, fd), CALL(close, fd), CALL(close, 999), CALL(close, -1);
}
CASE(fstat) {
  struct stat st;
  int fd = file("fstat", "123");
  CALL(fstat, fd, &st), status(&st);
  CALL(fstat, 99, &st), CALL(fstat, fd, 1);
}
CASE(newfstatat) {
  struct stat st;
  int fd = file("newfstatat", "1234"), dir = SETUP(openat, AT_FDCWD, ".", O_RDONLY);
  SETUP(symlinkat, "newfstatat", AT_FDCWD, "newfstatat-link");
  CALL(newfstatat, dir, "newfstatat", &st, 0), status(&st);
  CALL(newfstatat, dir, "newfstatat-link", &st, AT_SYMLINK_NOFOLLOW), show("size", st.st_size);
  CALL(newfstatat, fd, "", &st, AT_EMPTY_PATH), show("size", st.st_size);
  CALL(newfstatat, fd, "", &st, 0), CALL(newfstatat, fd, "x", &st, 0), CALL(newfstatat, dir, "newfstatat", &st, 0x8000), CALL(newfstatat, 99, "x", &st, 0);
}
CASE(ftruncate) {
  int fd = file("ftruncate", "0123456789");
  CALL(ftruncate, fd, 3), show("size", size("ftruncate"));
  CALL(ftruncate, fd, 5000), show("size", size("ftruncate"));
  SETUP(pread64, fd, buf, 8, 0), show("zero", buf[3]);
  CALL(ftruncate, fd, -1), CALL(ftruncate, 99, 0), CALL(ftruncate, SETUP(openat, AT_FDCWD, "ftruncate", O_RDONLY), 0);
}
CASE(truncate) {
  file("truncate", "0123456789");
  CALL(truncate, "truncate", 4), show("size", size("truncate"));
  CALL(truncate, "truncate", -1), CALL(truncate, "none", 0), CALL(truncate, ".", 0), CALL(truncate, BAD, 0);
}
CASE(fallocate) {
  int fd = file("fallocate", "0123456789");
  CALL(fallocate, fd, 0, 0, 4096), show("size", size("fallocate"));
  CALL(fallocate, fd, 1, 0, 8192), show("size", size("fallocate"));
  CALL(fallocate, fd, 0, -1, 10), CALL(fallocate, fd, 0, 0, 0), CALL(fallocate, 99, 0, 0, 1), CALL(fallocate, fd, 0x4000, 0, 1);
}
CASE(fsync) { CALL(fsync, file("fsync", "x")), CALL(fsync, 99); }
CASE(fdatasync) { CALL(fdatasync, file("fdatasync", "x")), CALL(fdatasync, 99); }
CASE(sync) { CALL(sync); }
CASE(getdents64) {
  SETUP(mkdirat, AT_FDCWD, "getdents64", 0755), file("getdents64/one", ""), SETUP(mkdirat, AT_FDCWD, "getdents64/two", 0755), SETUP(symlinkat, "x", AT_FDCWD, "getdents64/three");
  int dir = SETUP(openat, AT_FDCWD, "getdents64", O_RDONLY | O_DIRECTORY), kinds = 0, names = 0;
  long got = OK(getdents64, dir, buf, sizeof buf);
  for (long at = 0; at < got;) {
    struct dirent64 *d = (void *)(buf + at);
    names++, kinds += d->d_type;
    at += d->d_reclen;
  }
  show("entries", names), show("kinds", kinds);
  CALL(getdents64, dir, buf, sizeof buf), SETUP(lseek, dir, 0, 0), CALL(getdents64, dir, buf, 10), CALL(getdents64, dir, BAD, 500);
  CALL(getdents64, file("getdents64/f", ""), buf, 500), CALL(getdents64, 99, buf, 500);
}
CASE(statfs) {
  struct statfs s;
  CALL(statfs, ".", &s), show("sizes", s.f_bsize > 0 && s.f_blocks >= s.f_bfree && s.f_namelen == 255);
  CALL(statfs, "none", &s), CALL(statfs, ".", BAD);
}
CASE(fstatfs) {
  struct statfs s;
  int fd = file("fstatfs", "");
  CALL(fstatfs, fd, &s), show("sizes", s.f_bsize > 0 && s.f_namelen == 255);
  CALL(fstatfs, 99, &s), CALL(fstatfs, fd, BAD);
}
CASE(sendfile) {
  int from = file("sendfile", "0123456789"), to = file("sendfile-to", "");
  long at = 2;
  CALL(sendfile, to, from, &at, 5), show("offset", at), show("size", size("sendfile-to"));
  CALL(sendfile, to, from, 0, 100), CALL(sendfile, to, from, 0, 100), show("size", size("sendfile-to"));
  at = -1, CALL(sendfile, to, from, &at, 1), CALL(sendfile, to, 99, 0, 1), CALL(sendfile, 99, from, 0, 1), CALL(sendfile, to, from, BAD, 1);
}
CASE(flock) {
  int fd = file("flock", ""), other = SETUP(openat, AT_FDCWD, "flock", O_RDWR);
  CALL(flock, fd, LOCK_EX), CALL(flock, other, LOCK_SH | LOCK_NB), CALL(flock, fd, LOCK_SH), CALL(flock, other, LOCK_SH | LOCK_NB), CALL(flock, fd, LOCK_UN);
  CALL(flock, 99, LOCK_EX), CALL(flock, fd, 99);
}
CASE(fcntl) {
  int fd = file("fcntl", "0123456789");
  CALL(fcntl, fd, F_GETFD), CALL(fcntl, fd, F_SETFD, FD_CLOEXEC), CALL(fcntl, fd, F_GETFD), CALL(fcntl, fd, F_DUPFD, 20), CALL(fcntl, 20, F_GETFD);
  CALL(fcntl, fd, F_DUPFD_CLOEXEC, 20), CALL(fcntl, 21, F_GETFD), CALL(fcntl, fd, F_SETFL, O_APPEND | O_NONBLOCK);
  show("flags", (SETUP(fcntl, fd, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE)) == (O_APPEND | O_NONBLOCK | O_RDWR));
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3};
  CALL(fcntl, fd, F_SETLK, &lock), lock.l_type = F_RDLCK, CALL(fcntl, fd, F_GETLK, &lock), show("own locks are no hindrance", lock.l_type == F_UNLCK);
  CALL(fcntl, 99, F_GETFD), CALL(fcntl, fd, 9999), CALL(fcntl, fd, F_DUPFD, -1), CALL(fcntl, fd, F_SETLK, BAD);
}
CASE(ioctl) {
  int fd = file("ioctl", "0123456789"), pipes[2], bytes = 0, on = 1;
  struct winsize w;
  SETUP(pipe2, pipes, 0), SETUP(write, pipes[1], "abc", 3);
  CALL(ioctl, pipes[0], FIONREAD, &bytes), show("waiting", bytes), CALL(ioctl, pipes[0], FIONBIO, &on), SETUP(read, pipes[0], buf, 3), CALL(read, pipes[0], buf, 3);
  CALL(ioctl, fd, TIOCGWINSZ, &w), CALL(ioctl, fd, 0x5401, buf), CALL(ioctl, 99, FIONREAD, &bytes), CALL(ioctl, pipes[0], FIONREAD, BAD);
  CALL(ioctl, fd, FIOCLEX), CALL(fcntl, fd, F_GETFD), CALL(ioctl, fd, FIONCLEX), CALL(fcntl, fd, F_GETFD);
}
