// The process, its limits, its scheduling and the machine.
#include "names.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>

CASE(getpid) { OK(getpid), show("stays", SETUP(getpid) == SETUP(getpid)), show("is 2", SETUP(getpid) == 2); }
CASE(gettid) { OK(gettid), show("the first thread's is the process's", SETUP(gettid) == SETUP(getpid)); }
CASE(getuid) { OK(getuid), show("root", SETUP(getuid) == 0); }
CASE(getgid) { OK(getgid), show("root's", SETUP(getgid) == 0); }
CASE(uname) {
  struct utsname u;
  CALL(uname, &u), text("system", u.sysname), text("machine", u.machine), show("named", u.nodename[0] != 0 && u.release[0] != 0), CALL(uname, BAD);
}
CASE(sethostname) {
  // Its own name again: natively this is the machine's.
  struct utsname u;
  SETUP(uname, &u), OK(sethostname, u.nodename, length(u.nodename)), OK(sethostname, u.nodename, -1), OK(sethostname, u.nodename, 65);
  struct utsname after;
  SETUP(uname, &after), show("kept", same(u.nodename, after.nodename));
}
CASE(sysinfo) {
  struct sysinfo s;
  CALL(sysinfo, &s), show("memory", s.totalram > 0 && s.freeram <= s.totalram), show("up", s.uptime >= 0), show("unit", s.mem_unit), CALL(sysinfo, BAD);
}
CASE(getrandom) {
  uint64_t a[2] = {0, 0};
  CALL(getrandom, a, 16, 0), show("differ", a[0] != a[1]), CALL(getrandom, a, 8, 1), CALL(getrandom, a, 0, 0), CALL(getrandom, a, 8, 99), CALL(getrandom, BAD, 8, 0);
}
CASE(prctl) {
  char name[17] = "";
  CALL(prctl, PR_SET_NAME, "a rather long name"), CALL(prctl, PR_GET_NAME, name), text("name", name), CALL(prctl, PR_GET_DUMPABLE), CALL(prctl, PR_SET_NAME, BAD), CALL(prctl, 9999), CALL(prctl, PR_SET_PDEATHSIG, 99), CALL(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}
CASE(getpriority) { CALL(getpriority, PRIO_PROCESS, 0), CALL(getpriority, 9, 0), CALL(getpriority, PRIO_PROCESS, 99999999); }
CASE(setpriority) { CALL(setpriority, PRIO_PROCESS, 0, 3), CALL(getpriority, PRIO_PROCESS, 0), CALL(setpriority, 9, 0, 0), CALL(setpriority, PRIO_PROCESS, 99999999, 0); }
CASE(getrlimit) {
  struct rlimit r;
  CALL(getrlimit, RLIMIT_NOFILE, &r), show("ordered", r.rlim_cur <= r.rlim_max), CALL(getrlimit, 99, &r), CALL(getrlimit, RLIMIT_STACK, BAD);
}
CASE(setrlimit) {
  struct rlimit old, r = {10, 10}, wrong = {11, 10};
  SETUP(openat, AT_FDCWD, ".", O_RDONLY);
  CALL(getrlimit, RLIMIT_NOFILE, &old), r.rlim_max = old.rlim_max, CALL(setrlimit, RLIMIT_NOFILE, &r), CALL(fcntl, 0, F_DUPFD, 10), CALL(fcntl, 0, F_DUPFD, 9), CALL(fcntl, 0, F_DUPFD, 9), CALL(openat, 99, "/", O_RDONLY), CALL(setrlimit, RLIMIT_NOFILE, &wrong), CALL(setrlimit, RLIMIT_NOFILE, &old);
  CALL(setrlimit, 99, &r), CALL(setrlimit, RLIMIT_CORE, BAD);
}
CASE(getrusage) {
  struct rusage u;
  CALL(getrusage, RUSAGE_SELF, &u), show("sane", u.ru_utime.tv_usec < 1000000 && u.ru_maxrss > 0), CALL(getrusage, RUSAGE_CHILDREN, &u), show("no children", u.ru_utime.tv_sec), CALL(getrusage, 99, &u), CALL(getrusage, 0, BAD);
}
CASE(times) {
  struct tms t;
  long a = OK(times, &t), b = OK(times, 0);
  show("forward", b >= a), show("children", t.tms_cutime), CALL(times, BAD);
}
CASE(sched_yield) { CALL(sched_yield); }
CASE(sched_getaffinity) {
  unsigned long set[32] = {0};
  long n = OK(sched_getaffinity, 0, sizeof set, set);
  show("whole words", n % 8), show("one at least", set[0] != 0), CALL(sched_getaffinity, 0, 3, set), CALL(sched_getaffinity, 99999999, sizeof set, set), OK(sched_getaffinity, 0, sizeof set, BAD);
}
CASE(sched_setaffinity) {
  unsigned long set[32] = {0}, none[32] = {0};
  SETUP(sched_getaffinity, 0, sizeof set, set), CALL(sched_setaffinity, 0, sizeof set, set), CALL(sched_setaffinity, 0, sizeof none, none), CALL(sched_setaffinity, 99999999, sizeof set, set), CALL(sched_setaffinity, 0, 8, BAD);
}
CASE(sched_get_priority_max) { CALL(sched_get_priority_max, 0), CALL(sched_get_priority_max, 1), CALL(sched_get_priority_max, 2), CALL(sched_get_priority_max, 99); }
CASE(sched_get_priority_min) { CALL(sched_get_priority_min, 0), CALL(sched_get_priority_min, 1), CALL(sched_get_priority_min, 3), CALL(sched_get_priority_min, -1); }
