// What /proc tells a process about itself: forms, not figures, so that the same must come out natively and under Guise.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 16];
static int slurp(const char *path) {
  int fd = open(path, O_RDONLY), n, all = 0;
  if (fd < 0) return -errno;
  while ((n = read(fd, text + all, 1000)) > 0) all += n;
  close(fd);
  text[all] = 0;
  return n < 0 ? -errno : all;
}
/** A process's state, as soon as it is the one that is expected. */
static char await_state(const char *path, char expected) {
  char now = 0;
  for (int i = 0; i < 5000 && now != expected; i++) {
    if (i > 0) usleep(1000);
    slurp(path);
    now = strrchr(text, ')')[2];
  }
  return now;
}
static int matches(const char *line, const char *pattern) {
  regex_t r;
  regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB);
  int ok = regexec(&r, line, 0, 0, 0) == 0;
  regfree(&r);
  return ok;
}
static char *field(const char *name) {
  static char out[200];
  char want[60];
  sprintf(want, "\n%s:", name);
  char *at = strstr(text, want);
  if (!at) return "none";
  sscanf(at + strlen(want), "%*[ \t]%190[^\n]", out);
  return out;
}
static void *thread(void *unused) {
  char path[60], name[40] = "";
  prctl(PR_SET_NAME, "second");
  sprintf(path, "/proc/self/task/%ld/comm", syscall(SYS_gettid));
  slurp(path);
  printf("thread comm %s", text);
  slurp("/proc/thread-self/comm");
  printf("thread-self comm %s", text);
  readlink("/proc/thread-self", name, 39);
  printf("thread-self form %d\n", matches(name, "^[0-9]+/task/[0-9]+$"));
  slurp("/proc/self/status");
  printf("threads %s\n", field("Threads"));
  slurp("/proc/self/comm");
  printf("process comm %s", text);
  return 0;
}
int main(int argc, char **argv) {
  char path[100], link[200];
  setbuf(stdout, 0);
  // maps: every row in the exact columns, ascending, and what a program can count on to be there
  char *area = mmap(0, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(area + 4096, 4096, PROT_READ | PROT_WRITE);
  int n = slurp("/proc/self/maps"), bad = 0, rows = 0, heap = 0, stack = 0, vdso = 0, exe = 0, found = 0;
  malloc(10);
  unsigned long last = 0;
  char *save, *line = strtok_r(text, "\n", &save);
  for (; line; line = strtok_r(0, "\n", &save)) {
    unsigned long start, end;
    char perm[5], name[200] = "";
    sscanf(line, "%lx-%lx %4s %*s %*s %*s %190[^\n]", &start, &end, perm, name);
    if (!matches(line, "^[0-9a-f]{8,16}-[0-9a-f]{8,16} [r-][w-][x-][ps] [0-9a-f]{8,} [0-9a-f]{2,}:[0-9a-f]{2,} [0-9]+ ( *[^ ].*)?$")) bad++, puts(line);
    if (*name && strlen(line) > 73 && (line[72] != ' ' || line[73] == ' ')) bad++, puts(line);
    if (!*name && line[strlen(line) - 1] != ' ') bad++, puts(line);
    if (start < last) bad++;
    last = end;
    rows++;
    heap += !strcmp(name, "[heap]"), stack += !strcmp(name, "[stack]"), vdso += !strcmp(name, "[vdso]");
    exe += strstr(name, "guise-proc") != 0;
    if (start == (unsigned long)area + 4096) found = end == start + 4096 && !strcmp(perm, "rw-p");
  }
  printf("maps bad %d heap %d stack %d vdso %d exe %d split %d\n", bad, heap, stack, vdso, exe > 2, found);
  // stat: 52 fields, the name in brackets
  prctl(PR_SET_NAME, "a) b (c");
  slurp("/proc/self/stat");
  char *after = strrchr(text, ')');
  int fields = 2;
  for (char *p = after + 1; *p; p++) fields += *p == ' ';
  int pid, ppid, pgrp, session;
  char state;
  sscanf(text, "%d", &pid);
  sscanf(after, ") %c %d %d %d", &state, &ppid, &pgrp, &session);
  printf("stat fields %d pid %d name %.9s state %c ppid %d pgrp %d sid %d\n", fields, pid == getpid(),
         strchr(text, '('), state, ppid == getppid(), pgrp == getpgrp(), session == getsid(0));
  slurp("/proc/self/statm");
  printf("statm %d\n", matches(text, "^[0-9]+( [0-9]+){6}\n$"));
  prctl(PR_SET_NAME, "plain");
  // status
  signal(SIGUSR1, SIG_IGN);
  signal(SIGUSR2, exit);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, 0);
  umask(027);
  slurp("/proc/self/status");
  printf("name %d\n", !strncmp(text, "Name:\tplain\nUmask:\t0027\nState:\tR (running)\nTgid:\t", strlen("Name:\tplain\nUmask:\t0027\nState:\tR (running)\nTgid:\t")));
  char *names[] = {"Ngid", "TracerPid", "Threads", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "NoNewPrivs", "Seccomp", "Kthread", 0};
  // Signals from 32 on may be ignored by inheritance.
  for (int i = 0; names[i]; i++) {
    if (strncmp(names[i], "Sig", 3)) printf("%s %s\n", names[i], field(names[i]));
    else printf("%s %lx\n", names[i], strtoul(field(names[i]), 0, 16) & 0x7fffffff);
  }
  printf("pid %d ppid %d\n", atoi(field("Pid")) == getpid(), atoi(field("PPid")) == getppid());
  char *sizes[] = {"VmPeak", "VmSize", "VmLck", "VmHWM", "VmRSS", "RssAnon", "RssFile", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE", "VmSwap", 0};
  for (int i = 0; sizes[i]; i++) if (!matches(field(sizes[i]), "^[0-9]+ kB$")) printf("bad %s\n", sizes[i]);
  // cmdline, environ, exe, cwd, root, fd
  n = slurp("/proc/self/cmdline");
  printf("cmdline %d\n", n == strlen(argv[0]) + 1 && !strcmp(text, argv[0]));
  setenv("LATER", "1", 1);
  slurp("/proc/self/environ");
  printf("environ later %d\n", strstr(text, "LATER") != 0);
  memset(link, 0, sizeof link);
  n = readlink("/proc/self/exe", link, 199);
  printf("exe %d\n", strstr(link, "guise-proc") != 0 && link[0] == '/');
  char cwd[200];
  memset(link, 0, sizeof link);
  readlink("/proc/self/cwd", link, 199);
  printf("cwd %d root ", !strcmp(link, getcwd(cwd, 200)));
  memset(link, 0, sizeof link);
  readlink("/proc/self/root", link, 199);
  puts(link);
  int pipes[2];
  pipe(pipes);
  sprintf(path, "/proc/self/fd/%d", pipes[1]);
  memset(link, 0, sizeof link);
  readlink(path, link, 199);
  printf("pipe %d\n", matches(link, "^pipe:\\[[0-9]+\\]$"));
  int again = open(path, O_WRONLY);
  write(again, "through", 7);
  printf("read %zd %.7s\n", read(pipes[0], link, 100), link);
  struct stat st;
  lstat(path, &st);
  printf("fd link mode %o size %ld\n", st.st_mode, (long)st.st_size);
  char file[] = "/tmp/guise-gone-XXXXXX";
  int fd = mkstemp(file);
  write(fd, "bytes", 5);
  unlink(file);
  sprintf(path, "/proc/self/fd/%d", fd);
  memset(link, 0, sizeof link);
  readlink(path, link, 199);
  printf("deleted %d", strstr(link, " (deleted)") != 0);
  int reopened = open(path, O_RDONLY);
  printf(" reopened %zd stat %d\n", read(reopened, link, 10), stat(path, &st) == 0 && st.st_nlink == 0);
  lseek(fd, 3, SEEK_SET);
  sprintf(path, "/proc/self/fdinfo/%d", fd);
  slurp(path);
  printf("fdinfo %d\n", matches(text, "^pos:\t3\nflags:\t0100002\nmnt_id:\t[0-9]+\nino:\t[0-9]+\n$"));
  printf("errors %d %d %d %d\n", slurp("/proc/self/fd/99"), slurp("/proc/0"), slurp("/proc/99999999/stat"), slurp("/proc/self/nothing"));
  // threads and children
  pthread_t t;
  pthread_create(&t, 0, thread, 0);
  pthread_join(t, 0);
  int child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  sprintf(path, "/proc/%d/stat", child);
  printf("child %c\n", await_state(path, 'S'));
  kill(child, SIGKILL);
  printf("zombie %c\n", await_state(path, 'Z'));
  sprintf(path, "/proc/%d/cmdline", child);
  printf("cmdline of it %d\n", slurp(path));
  sprintf(path, "/proc/%d/fd/0", child);
  printf("fd of it %d\n", slurp(path));
  int open_before = open("/proc/self/stat", O_RDONLY);
  waitpid(child, 0, 0);
  sprintf(path, "/proc/%d/stat", child);
  printf("reaped %d\n", slurp(path));
  // the machine
  slurp("/proc/sys/kernel/ostype");
  printf("%s", text);
  slurp("/proc/uptime");
  printf("uptime %d\n", matches(text, "^[0-9]+\\.[0-9]{2} [0-9]+\\.[0-9]{2}\n$"));
  slurp("/proc/loadavg");
  printf("loadavg %d\n", matches(text, "^[0-9.]+ [0-9.]+ [0-9.]+ [0-9]+/[0-9]+ [0-9]+\n$"));
  slurp("/proc/meminfo");
  printf("meminfo %d\n", matches(text, "^MemTotal: +[0-9]+ kB\nMemFree: +[0-9]+ kB\nMemAvailable: +[0-9]+ kB\nBuffers: "));
  slurp("/proc/version");
  printf("version %d\n", !strncmp(text, "Linux version ", 14));
  slurp("/proc/filesystems");
  printf("filesystems %d\n", strstr(text, "nodev\tproc\n") != 0);
  slurp("/proc/self/mountinfo");
  printf("mountinfo %d\n", matches(text, "(^|\n)[0-9]+ [0-9]+ [0-9]+:[0-9]+ / /proc [^ ]+ .*- proc proc "));
  slurp("/proc/sys/kernel/random/uuid");
  printf("uuid %d\n", matches(text, "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$"));
  printf("write %d\n", (int)(write(open("/proc/self/comm", O_WRONLY), "renamed", 7)));
  slurp("/proc/self/comm");
  printf("comm %s", text);
  // memory by its file
  static char secret[] = "secret bytes";
  int mem = open("/proc/self/mem", O_RDWR);
  char copy[20] = "";
  printf("mem %zd %s", pread(mem, copy, 6, (long)secret), copy);
  pwrite(mem, "SECRET", 6, (long)secret);
  printf(" %s %d\n", secret, pread(mem, copy, 6, 16) < 0 ? errno : 0);
  return 0;
}
