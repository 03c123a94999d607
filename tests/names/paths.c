// Names: directories, links, permissions, times.
#include "names.h"
#include <sys/time.h>
#include <utime.h>

static void folder(const char *name) { SETUP(mkdirat, AT_FDCWD, name, 0755); }
static void times_of(const char *name) {
  struct stat st;
  SETUP(newfstatat, AT_FDCWD, name, &st, 0);
  show("read", st.st_atime), show("read ns", st.st_atim.tv_nsec), show("written", st.st_mtime), show("written ns", st.st_mtim.tv_nsec);
}

CASE(getcwd) {
  long n = OK(getcwd, buf, sizeof buf);
  show("absolute", buf[0] == '/'), show("length with its zero", n == (long)length(buf) + 1);
  CALL(getcwd, buf, 1), CALL(getcwd, BAD, 100);
}
CASE(chdir) {
  int dir = SETUP(openat, AT_FDCWD, ".", O_RDONLY);
  folder("chdir"), file("chdir/in", "1");
  CALL(chdir, "chdir"), show("size", size("in")), CALL(chdir, "in"), CALL(chdir, "none"), CALL(chdir, BAD), CALL(chdir, ".."), show("size", size("chdir/in"));
  CALL(fchdir, dir);
}
CASE(fchdir) {
  int here = SETUP(openat, AT_FDCWD, ".", O_RDONLY), fd = file("fchdir-file", "");
  folder("fchdir"), file("fchdir/in", "12");
  CALL(fchdir, SETUP(openat, AT_FDCWD, "fchdir", O_RDONLY)), show("size", size("in")), CALL(fchdir, here), show("size", size("in"));
  CALL(fchdir, fd), CALL(fchdir, 99);
}
CASE(mkdirat) {
  struct stat st;
  int dir = SETUP(openat, AT_FDCWD, ".", O_RDONLY);
  CALL(mkdirat, dir, "mkdirat", 0750), SETUP(newfstatat, AT_FDCWD, "mkdirat", &st, 0), show("mode", st.st_mode);
  CALL(mkdirat, dir, "mkdirat", 0750), CALL(mkdirat, dir, "none/x", 0750), CALL(mkdirat, 99, "x", 0750), CALL(mkdirat, AT_FDCWD, BAD, 0);
}
CASE(unlinkat) {
  folder("unlinkat"), file("unlinkat/in", "");
  CALL(unlinkat, AT_FDCWD, "unlinkat", AT_REMOVEDIR), CALL(unlinkat, AT_FDCWD, "unlinkat", 0), CALL(unlinkat, AT_FDCWD, "unlinkat/in", AT_REMOVEDIR);
  CALL(unlinkat, AT_FDCWD, "unlinkat/in", 0), CALL(unlinkat, AT_FDCWD, "unlinkat", AT_REMOVEDIR), CALL(unlinkat, AT_FDCWD, "unlinkat", 0), CALL(unlinkat, AT_FDCWD, "x", 1), CALL(unlinkat, 99, "x", 0);
}
CASE(renameat) {
  file("renameat", "123"), file("renameat-old", "1"), folder("renameat-dir");
  CALL(renameat, AT_FDCWD, "renameat", AT_FDCWD, "renameat-old"), show("size", size("renameat-old")), show("gone", size("renameat"));
  CALL(renameat, AT_FDCWD, "renameat-old", AT_FDCWD, "renameat-dir"), CALL(renameat, AT_FDCWD, "renameat-dir", AT_FDCWD, "renameat-dir/x"), CALL(renameat, AT_FDCWD, "none", AT_FDCWD, "x");
  CALL(renameat, AT_FDCWD, "renameat-dir", AT_FDCWD, "renameat-old"), CALL(renameat, 99, "x", AT_FDCWD, "y");
}
CASE(symlinkat) {
  CALL(symlinkat, "target", AT_FDCWD, "symlinkat"), show("size", size("symlinkat")), CALL(symlinkat, "target", AT_FDCWD, "symlinkat");
  CALL(symlinkat, "", AT_FDCWD, "x"), CALL(symlinkat, "t", 99, "x"), CALL(symlinkat, BAD, AT_FDCWD, "x"), CALL(symlinkat, "t", AT_FDCWD, "none/x");
}
CASE(readlinkat) {
  file("readlinkat-file", ""), SETUP(symlinkat, "the target", AT_FDCWD, "readlinkat"), memset(buf, 0, 20);
  CALL(readlinkat, AT_FDCWD, "readlinkat", buf, 100), text("target", buf);
  memset(buf, 0, 20), CALL(readlinkat, AT_FDCWD, "readlinkat", buf, 3), text("target", buf);
  CALL(readlinkat, AT_FDCWD, "readlinkat", buf, 0), CALL(readlinkat, AT_FDCWD, "readlinkat-file", buf, 9), CALL(readlinkat, AT_FDCWD, "none", buf, 9), CALL(readlinkat, AT_FDCWD, "readlinkat", BAD, 9);
}
CASE(faccessat) {
  file("faccessat", "");
  CALL(faccessat, AT_FDCWD, "faccessat", 0), CALL(faccessat, AT_FDCWD, "faccessat", 6), CALL(faccessat, AT_FDCWD, "faccessat", 1), CALL(faccessat, AT_FDCWD, "none", 0);
  CALL(faccessat, AT_FDCWD, "faccessat", 9), CALL(faccessat, 99, "x", 0), CALL(faccessat, AT_FDCWD, "faccessat/x", 0);
}
CASE(umask) {
  struct stat st;
  long old = OK(umask, 077);
  SETUP(openat, AT_FDCWD, "umask", O_CREAT | O_RDWR, 0666), SETUP(newfstatat, AT_FDCWD, "umask", &st, 0), show("mode", st.st_mode);
  CALL(umask, 01022), CALL(umask, old);
}
CASE(utimensat) {
  struct timespec set[2] = {{100, 5}, {200, 7}}, omit[2] = {{0, UTIME_OMIT}, {300, 0}}, bad[2] = {{0, 1000000000}, {0, 0}};
  int fd = file("utimensat", "");
  CALL(utimensat, AT_FDCWD, "utimensat", set, 0), times_of("utimensat"), CALL(utimensat, fd, 0, omit, 0), times_of("utimensat");
  CALL(utimensat, AT_FDCWD, "utimensat", bad, 0), CALL(utimensat, AT_FDCWD, "none", set, 0), CALL(utimensat, AT_FDCWD, "utimensat", BAD, 0), CALL(utimensat, AT_FDCWD, "utimensat", 0, 0);
}
#ifdef __x86_64__
CASE(mkdir) {
  struct stat st;
  CALL(mkdir, "mkdir", 0777), SETUP(newfstatat, AT_FDCWD, "mkdir", &st, 0), show("mode", st.st_mode);
  CALL(mkdir, "mkdir", 0777), CALL(mkdir, "none/x", 0777), CALL(mkdir, "", 0777), CALL(mkdir, BAD, 0777), CALL(mkdir, "mkdir/.", 0777);
}
CASE(rmdir) {
  folder("rmdir"), folder("rmdir/in"), file("rmdir-file", "");
  CALL(rmdir, "rmdir"), CALL(rmdir, "rmdir/in"), CALL(rmdir, "rmdir"), CALL(rmdir, "rmdir"), CALL(rmdir, "rmdir-file"), CALL(rmdir, "."), CALL(rmdir, BAD);
}
CASE(unlink) {
  int fd = file("unlink", "still there");
  CALL(unlink, "unlink"), CALL(unlink, "unlink"), CALL(read, fd, buf, 100), CALL(unlink, "."), CALL(unlink, BAD);
}
CASE(rename) {
  file("rename", "1234"), folder("rename-dir");
  CALL(rename, "rename", "rename-new"), show("size", size("rename-new")), CALL(rename, "rename", "x"), CALL(rename, "rename-new", "rename-dir"), CALL(rename, "rename-new", "rename-new"), CALL(rename, BAD, "x");
}
CASE(symlink) {
  CALL(symlink, "where", "symlink"), show("size", size("symlink")), CALL(symlink, "where", "symlink"), CALL(symlink, "", "x"), CALL(symlink, "x", BAD);
}
CASE(readlink) {
  SETUP(symlinkat, "there", AT_FDCWD, "readlink"), memset(buf, 0, 20);
  CALL(readlink, "readlink", buf, 100), text("target", buf), CALL(readlink, ".", buf, 100), CALL(readlink, "none", buf, 100), CALL(readlink, "readlink", buf, -1);
}
CASE(access) {
  file("access", ""), CALL(access, "access", 4), CALL(access, "access", 1), CALL(access, "none", 0), CALL(access, "access", 8), CALL(access, BAD, 0);
}
CASE(utime) {
  struct utimbuf t = {1000, 2000};
  file("utime", ""), CALL(utime, "utime", &t), times_of("utime"), CALL(utime, "none", &t), CALL(utime, "utime", BAD), CALL(utime, "utime", 0);
}
CASE(utimes) {
  struct timeval t[2] = {{10, 1}, {20, 2}}, bad[2] = {{0, 1000000}, {0, 0}};
  file("utimes", ""), CALL(utimes, "utimes", t), times_of("utimes"), CALL(utimes, "utimes", bad), CALL(utimes, "none", t), CALL(utimes, "utimes", BAD);
}
CASE(futimesat) {
  struct timeval t[2] = {{30, 3}, {40, 4}};
  int dir = SETUP(openat, AT_FDCWD, ".", O_RDONLY);
  file("futimesat", ""), CALL(futimesat, dir, "futimesat", t), times_of("futimesat"), CALL(futimesat, 99, "x", t), CALL(futimesat, dir, "none", t), CALL(futimesat, dir, "futimesat", BAD);
}
#endif
