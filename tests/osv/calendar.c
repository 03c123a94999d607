// The calendar in several zones: local time and back, formats, the variables that tell a zone.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
static unsigned long seed = 5;
static long any(long below) {
  seed = seed * 6364136223846793005ul + 1442695040888963407ul;
  return (long)((seed >> 20) % below);
}
static void show(long t) {
  struct tm tm, utc, back;
  char words[300];
  localtime_r(&t, &tm);
  gmtime_r(&t, &utc);
  back = tm;
  back.tm_isdst = -1;
  strftime(words, sizeof words, "%a %A %b %B %c %C %d %D %e %F %g %G %H %I %j %k %l %m %M %p %P %r %R %S %T %u %U %V %w %W %x %X %y %Y %z %Z %%", &tm);
  printf("%ld %s %d %ld %s %d|%d|%s", t, words, tm.tm_isdst, tm.tm_gmtoff, tm.tm_zone, utc.tm_hour, utc.tm_yday, utc.tm_zone);
  printf(" %ld\n", (long)timegm(&utc) - t);
  if (tm.tm_isdst == 0) printf("%ld\n", (long)mktime(&back) - t);
  fputs(ctime(&t), stdout);
}
int main(void) {
  static const char *const zones[] = {0, "", "UTC", "Europe/Berlin", ":America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia",
      "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT", "<+0330>-3:30", "XYZ", "Foo/Bar", "NZST-12NZDT,M9.5.0,M4.1.0/3", "AAA3BBB,J60,J300/1:30", "AAA-3BBB,59/0,299", "12", "Europe/Dublin"};
  static const long times[] = {0, -1, 1, 86399, 951782400, 1700000000, 1711846799, 1711846800, 1729990799, 1729990800, 4102444800, -2208988800, 32503680000, -62135596800};
  for (unsigned z = 0; z < sizeof zones / sizeof *zones; z++) {
    if (zones[z]) setenv("TZ", zones[z], 1);
    else unsetenv("TZ");
    tzset();
    printf("%s\n", zones[z] ? zones[z] : "none");
    if (z < 4) printf("%s %s %ld %d\n", tzname[0], tzname[1], timezone, daylight);
    for (unsigned n = 0; n < sizeof times / sizeof *times; n++) show(times[n]);
    for (int n = 0; n < 40; n++) show(any(5000000000l) - 1000000000l);
  }
  setenv("TZ", "Europe/Berlin", 1);
  static const int days[][6] = {{124, 2, 31, 3, 30, -1}, {124, 6, 1, 12, 0, 1}, {124, 6, 1, 12, 0, 0}, {124, 0, 1, 12, 0, 1}, {124, 13, 40, 25, 61, -1}, {70, 0, 1, 0, 0, -1}, {-100, 0, -5, 0, 0, 0}};
  for (unsigned n = 0; n < sizeof days / sizeof *days; n++) {
    struct tm tm = {.tm_year = days[n][0], .tm_mon = days[n][1], .tm_mday = days[n][2], .tm_hour = days[n][3], .tm_min = days[n][4], .tm_isdst = days[n][5]};
    long t = mktime(&tm);
    printf("%ld %s", t, asctime(&tm));
  }
  struct tm tm = {.tm_year = 5, .tm_mon = 1, .tm_mday = 3, .tm_hour = 4, .tm_wday = 2, .tm_yday = 33};
  char words[200];
  long now = 1700000000;
  localtime(&now);
  static const char *const formats[] = {"%_d|%-d|%0e|%^a|%#Z|%10Y|%_10Y|%-10Y|%010d|%Ey|%Od|%^B %#p|%5n|%q|%", "%+4Y %-H%-M", "%3S|%_3S|%03e|%20c|%^c", "%s"};
  for (int n = 0; n < 4; n++) {
    int length = strftime(words, sizeof words, formats[n], &tm);
    printf("%d %s\n", length, words);
  }
  printf("%zu %zu\n", strftime(words, 4, "%Y", &tm), strftime(words, 5, "%Y", &tm));
  return 0;
}
