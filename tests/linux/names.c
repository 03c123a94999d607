// Names and permissions: rename, link, unlink and relatives in their combinations, and what an ordinary user may do.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define P(call) ({ errno = 0; long r_ = (call); printf("%-60s %ld %s\n", #call, r_, r_ < 0 ? strerrorname_np(errno) : ""); r_; })

static void make(const char *name, const char *bytes) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  write(fd, bytes, strlen(bytes));
  close(fd);
}
static void show(const char *name) {
  struct stat st;
  char bytes[20] = "";
  if (lstat(name, &st)) { printf("%s: %s\n", name, strerrorname_np(errno)); return; }
  int fd = S_ISREG(st.st_mode) ? open(name, O_RDONLY) : -1;
  if (fd >= 0) read(fd, bytes, 19), close(fd);
  if (S_ISLNK(st.st_mode)) readlink(name, bytes, 19);
  printf("%s: %o links %ld owner %d:%d size %ld '%s'\n", name, st.st_mode, (long)st.st_nlink, st.st_uid, st.st_gid,
         S_ISDIR(st.st_mode) ? 0L : (long)st.st_size, bytes);
}
static void list(const char *name) {
  struct dirent **entries;
  int n = scandir(name, &entries, 0, alphasort);
  printf("%s:", name);
  for (int i = 0; i < n; i++) printf(" %s/%d", entries[i]->d_name, entries[i]->d_type);
  puts("");
}
static int rename2(const char *a, const char *b, int flags) { return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags); }

static void user(void) {
  struct stat st;
  printf("as user\n");
  P(open("root600", O_RDONLY));
  P(open("root644", O_RDWR));
  close(P(open("root644", O_RDONLY)));
  P(unlink("root644"));
  P(mkdir("inroot", 0755));
  P(chmod("root644", 0));
  P(chown("root644", 1000, 1000));
  P(access("root600", F_OK));
  P(access("root600", R_OK));
  P(access("root755", X_OK));
  P(access("root644", X_OK));
  P(chdir("closed"));
  P(stat("closed/in", &st));
  P(open("closed", O_RDONLY | O_DIRECTORY));
  P(stat("onlyx/in", &st));
  P(open("onlyx", O_RDONLY | O_DIRECTORY));
  P(truncate("root644", 0));
  P(utimensat(AT_FDCWD, "root644", NULL, 0));
  P(utimensat(AT_FDCWD, "root666", NULL, 0));
  struct timespec times[2] = {{1, 0}, {2, 0}};
  P(utimensat(AT_FDCWD, "root666", times, 0));
  P(link("root644", "open/hard"));
  P(rename("root644", "open/moved"));
  P(symlink("x", "rootlink"));
  P(mknod("open/dev", S_IFCHR | 0600, 0x103));
  P(mknod("open/fifo", S_IFIFO | 0600, 0));
  // The sticky directory: one's own things only.
  P(unlink("sticky/roots"));
  P(rename("sticky/roots", "sticky/mine"));
  make("sticky/users", "u");
  P(rename("sticky/users", "sticky/roots"));
  P(unlink("sticky/users"));
  // Own files.
  umask(0);
  make("open/own", "own");
  P(chmod("open/own", 06755));
  show("open/own");
  int fd = open("open/own", O_WRONLY);
  P(write(fd, "x", 1));
  show("open/own");
  P(chmod("open/own", 04711));
  P(ftruncate(fd, 1));
  show("open/own");
  P(chown("open/own", 1000, 100));
  P(chown("open/own", 1000, 1000));
  P(chown("open/own", 0, -1));
  P(chmod("open/own", 0));
  P(open("open/own", O_RDONLY));
  P(write(fd, "y", 1));
  P(mkdir("open/setgid", 0755));
  P(chmod("open/setgid", 02775));
  P(mkdir("open/setgid/below", 0755));
  show("open/setgid/below");
  P(mkdir("groups/below", 0755));
  show("groups/below");
  make("groups/file", "");
  show("groups/file");
  P(rmdir("open/setgid"));
  P(chroot("open"));
  P(open("open", O_RDWR | O_TMPFILE, 0600) >= 0);
  P(setxattr("open/own", "trusted.a", "v", 1, 0));
  P(setxattr("root644", "user.a", "v", 1, 0));
  P(link("open/suid", "open/suid2"));
  P(open("/proc/1/mem", O_RDONLY) < 0);
}

int main(void) {
  char dir[] = "/tmp/guise-names-XXXXXX", text[5000];
  struct stat st, st2;
  setbuf(stdout, 0);
  syscall(SYS_close_range, 3, ~0U, 0);
  if (!mkdtemp(dir) || chdir(dir) || chmod(dir, 0755)) return 1;
  // rename over everything
  make("a", "A"), make("b", "B"), mkdir("d", 0755), mkdir("e", 0755), mkdir("full", 0755), make("full/x", "X"), symlink("a", "s");
  P(rename("a", "b")); show("a"); show("b");
  P(rename("b", "d")); P(rename("d", "b")); P(rename("d", "full")); P(rename("full", "d")); list("d");
  P(rename("d", "d/below")); P(rename("d/x", "d")); P(rename("d", "d/x")); P(rename("b", "b")); P(rename("s", "t")); show("t");
  P(rename("none", "b")); P(rename("b", "none/x")); P(rename("b", "b/x")); P(rename("b/", "c")); P(rename("d/", "f/")); P(rename("f", "d")); list(".");
  P(rename("d/.", "g")); P(rename("d/..", "g")); P(rename(".", "g")); P(rename("d", ".")); P(rename("/", "x"));
  link("b", "h"); P(rename("b", "h")); show("b"); show("h");
  P(rename2("b", "h", 1)); P(rename2("b", "n", 1)); P(rename2("n", "d", 2)); show("n"); show("d"); P(rename2("n", "none", 2)); P(rename2("n", "d", 3)); P(rename2("n", "d", 8)); P(rename2("n", "d", 2)); P(rename2("n", "n", 2)); P(rename2("n", "n", 1)); list(".");
  mkdir("p", 0755), mkdir("p/q", 0755), mkdir("r", 0755); P(rename2("p", "p/q", 2)); P(rename2("p/q", "r", 2)); P(rename("p/q", "moved")); stat("p", &st); stat("moved", &st2); printf("links %ld %ld\n", (long)st.st_nlink, (long)st2.st_nlink);
  // links
  P(link("n", "n2")); show("n2"); P(link("n", "n2")); P(link("d", "d2")); P(link("none", "x")); P(link("t", "t2")); show("t2"); P(linkat(AT_FDCWD, "t", AT_FDCWD, "t3", AT_SYMLINK_FOLLOW)); P(link("n", "x/y")); P(link("n", "n/y")); P(link("n", "d/")); P(link("n", "new/"));
  int fd = open("n", O_RDWR); P(unlink("n")); P(unlink("n2")); fstat(fd, &st); printf("links of it %ld\n", (long)st.st_nlink); P(write(fd, "still", 5)); sprintf(text, "/proc/self/fd/%d", fd); P(linkat(AT_FDCWD, text, AT_FDCWD, "back", AT_SYMLINK_FOLLOW)); close(fd);
  fd = open(".", O_RDWR | O_TMPFILE, 0640); P(write(fd, "tmpfile", 7)); sprintf(text, "/proc/self/fd/%d", fd); P(linkat(AT_FDCWD, text, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW)); show("linked"); P(linkat(fd, "", AT_FDCWD, "linked2", AT_EMPTY_PATH)); show("linked2");
  // unlink, rmdir
  P(unlink("d")); P(rmdir("linked")); P(rmdir("d")); P(unlink("none")); P(rmdir("none")); P(rmdir("d/.")); P(rmdir("d/..")); P(unlink("t/")); P(unlink("linked/")); P(rmdir("r/")); P(unlinkat(AT_FDCWD, "p", 0)); P(unlinkat(AT_FDCWD, "p", AT_REMOVEDIR)); P(unlink("")); P(rmdir(""));
  mkdir("gone", 0755); int at = open("gone", O_RDONLY); P(chdir("gone")); P(rmdir("../gone")); P(getcwd(text, 100) != 0); P(open("x", O_CREAT | O_RDWR, 0600)); P(open(".", O_RDONLY) >= 0); P(mkdir("x", 0755)); P(stat("..", &st)); P(getdents64(at, text, 1000)); P(openat(at, "y", O_CREAT | O_RDWR, 0600)); fstat(at, &st); printf("links %ld\n", (long)st.st_nlink); chdir(dir);
  // symlinks
  symlink("loop2", "loop1"), symlink("loop1", "loop2"), symlink("nowhere", "dangling"), symlink("d", "tod"), symlink(dir, "abs"), symlink(".", "dot"); P(stat("loop1", &st)); P(open("loop1", O_RDONLY)); P(open("loop1", O_RDONLY | O_NOFOLLOW)); P(open("dangling", O_RDONLY)); P(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600)); close(P(open("dangling", O_RDWR | O_CREAT, 0600)) ); show("nowhere"); P(open("tod", O_RDONLY | O_NOFOLLOW)); P(open("tod", O_RDONLY | O_NOFOLLOW | O_DIRECTORY)); P(open("tod/", O_RDONLY | O_NOFOLLOW) >= 0); P(open("tod", O_PATH | O_NOFOLLOW) >= 0); P(lstat("tod/", &st)); printf("%o\n", st.st_mode & S_IFMT); P(stat("abs/dot/dot/tod/x", &st)); P(rmdir("tod")); P(unlink("tod/")); P(mkdir("dangling2/", 0755)); symlink("made", "tomade"); P(mkdir("tomade", 0755)); P(mkdir("tomade/", 0755)); P(mkdir("new1/", 0755)); P(mkdir("new1/.", 0755)); P(mkdir("new1/..", 0755)); P(mkdir("n/n/n", 0755)); P(mkdir("linked/n", 0755)); P(open("newfile/", O_CREAT | O_RDWR, 0600)); P(open("linked/", O_RDONLY)); P(open("linked/.", O_RDONLY)); P(open("linked/..", O_RDONLY)); P(symlink("x", "linked")); P(symlink("x", "new3/")); P(symlink("", "e2")); memset(text, 'x', 4999); text[4999] = 0; P(symlink(text, "e3")); P(readlink("linked", text, 10));
  char deep[400] = ""; for (int i = 0; i < 41; i++) { char a[9], b[9]; sprintf(a, "c%d", i), sprintf(b, "c%d", i + 1); symlink(b, a); } make("c41", "end"); P(open("c0", O_RDONLY)); P(open("c1", O_RDONLY) >= 0);
  // long names
  char name[300]; memset(name, 'n', 299); name[256] = 0; P(mkdir(name, 0755)); name[255] = 0; P(mkdir(name, 0755)); P(rmdir(name)); memset(text, '/', 4095); text[4095] = 0; P(stat(text, &st)); text[4094] = 0; text[4095] = 0; P(stat(text, &st)); memset(text, 'a', 4096); text[4096] = 0; P(stat(text, &st)); P(stat(text + 1, &st));
  // mknod, modes, umask
  umask(022); P(mknod("fifo", S_IFIFO | 0666, 0)); show("fifo"); P(mknod("plain", 0666, 0)); show("plain"); P(mknod("sock", S_IFSOCK | 0777, 0)); show("sock"); P(open("sock", O_RDONLY)); P(mkdir("m", 01777)); show("m"); P(mkdir("m2", 06777)); show("m2"); close(open("o", O_CREAT | O_RDWR, 07777)); show("o"); P(chmod("o", 07777)); show("o"); P(chown("o", 5, 6)); show("o"); P(chmod("o", 07777)); P(chown("o", -1, -1)); show("o"); P(write(open("o", O_WRONLY), "x", 1)); show("o"); P(open("created", O_CREAT | O_RDONLY, 0) >= 0); show("created"); P(fchmodat(AT_FDCWD, "t", 0600, 0)); P(lchown("tod", 7, 8)); show("tod"); P(chown("dangling3", 1, 1)); P(chmod("/", 0755) >= 0 || 1);
  P(mkdir("sg", 0755)); P(chown("sg", 0, 50)); P(chmod("sg", 02755)); P(mkdir("sg/in", 0755)); show("sg/in"); make("sg/f", ""); show("sg/f"); P(open("sg/x", O_CREAT | O_RDWR, 02755) >= 0); show("sg/x");
  // times: what changes with what
  struct timespec old[2] = {{100, 5}, {200, 7}}; mkdir("tm", 0755), make("tm/f", "1"); utimensat(AT_FDCWD, "tm/f", old, 0), utimensat(AT_FDCWD, "tm", old, 0); stat("tm/f", &st); printf("%ld.%ld %ld.%ld\n", (long)st.st_atime, st.st_atim.tv_nsec, (long)st.st_mtime, st.st_mtim.tv_nsec); chmod("tm/f", 0600); stat("tm/f", &st); printf("mtime %ld\n", (long)st.st_mtime); link("tm/f", "tm/g"); stat("tm", &st); printf("dir changed %d\n", st.st_mtime > 200); utimensat(AT_FDCWD, "tm", old, 0); rename("tm/g", "tm/h"); stat("tm", &st); printf("dir changed %d\n", st.st_mtime > 200); utimensat(AT_FDCWD, "tm", old, 0); unlink("tm/h"); stat("tm", &st); printf("dir changed %d\n", st.st_mtime > 200); stat("tm/f", &st); printf("file kept %d ctime new %d\n", st.st_mtime == 200, st.st_ctime > 200); fd = open("tm/f", O_WRONLY | O_APPEND); write(fd, "2", 1); fstat(fd, &st); printf("written %d\n", st.st_mtime > 200); struct timespec omit[2] = {{0, UTIME_OMIT}, {300, 0}}; futimens(fd, omit); fstat(fd, &st); printf("%ld %ld\n", (long)st.st_atime, (long)st.st_mtime); struct timespec badt[2] = {{0, 1000000000}, {0, 0}}; P(futimens(fd, badt)); struct timespec neg[2] = {{-5, 1}, {-5, 1}}; P(futimens(fd, neg)); fstat(fd, &st); printf("%ld %ld\n", (long)st.st_mtime, st.st_mtim.tv_nsec); fd = open("tm/f", O_RDWR | O_TRUNC); fstat(fd, &st); printf("truncated %d size %ld\n", st.st_mtime > 300, (long)st.st_size);
  // xattr
  P(setxattr("o", "user.one", "1", 1, 0)); P(setxattr("o", "user.one", "22", 2, XATTR_CREATE)); P(setxattr("o", "user.two", "2", 1, XATTR_REPLACE)); P(setxattr("o", "user.one", "22", 2, XATTR_REPLACE)); P(getxattr("o", "user.one", text, 1)); P(getxattr("o", "user.one", text, 0)); P(getxattr("o", "user.one", text, 10)); P(listxattr("o", text, 100)); P(listxattr("o", text, 3)); P(removexattr("o", "user.none")); P(removexattr("o", "user.one")); P(setxattr("fifo", "user.a", "", 0, 0)); P(lsetxattr("t", "user.a", "", 0, 0)); P(setxattr("o", "bad.a", "", 0, 0)); P(setxattr("o", "user.", "", 0, 0));
  // chroot
  mkdir("jail", 0755), mkdir("jail/in", 0755), make("jail/file", "jailed"), symlink("/file", "jail/in/link"), symlink("../../../../file", "jail/in/up"); fd = open(".", O_RDONLY); if (!fork()) { P(chroot("jail")); P(chdir("/")); show("/file"); P(stat("/in/link", &st)); P(stat("in/up", &st)); P(chdir("../../..")); P(getcwd(text, 100) != 0); puts(text); P(stat("/tmp", &st)); P(fchdir(fd)); P(syscall(SYS_getcwd, text, 100)); printf("%.13s\n", text); P(stat("jail", &st)); _exit(0); } wait(0);
  // an ordinary user
  make("root600", "6"), chmod("root600", 0600), make("root644", "4"), make("root666", "6"), chmod("root666", 0666), make("root755", "7"), chmod("root755", 0755), mkdir("closed", 0700), make("closed/in", "i"), mkdir("onlyx", 0711), make("onlyx/in", "i"), mkdir("open", 0777), chmod("open", 0777), mkdir("sticky", 01777), chmod("sticky", 01777), make("sticky/roots", "r"), mkdir("groups", 0777), chown("groups", 0, 77), chmod("groups", 02777), make("open/suid", "s"), chmod("open/suid", 04755);
  if (!fork()) { setgid(1000), setgroups(0, 0), setuid(1000); user(); _exit(0); } wait(0);
  // owned by the user, asked by root
  if (!fork()) { setresuid(1000, 0, 0); P(access("root600", R_OK)); P(faccessat(AT_FDCWD, "root600", R_OK, AT_EACCESS)); P(syscall(SYS_setfsuid, 1000)); P(open("root600", O_RDONLY)); _exit(0); } wait(0);
  P(access("root644", X_OK)); P(access("root755", X_OK)); P(access("closed", X_OK)); P(open("root600", O_RDONLY) >= 0);
  chdir("/");
  sprintf(text, "rm -rf %s", dir);
  return system(text) != 0;
}
