// Streams, files, directories, the allocator, sorting, signals.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static volatile int caught;
static void handler(int n) { caught = n; }
static void bye(void) { printf("bye\n"); }

int main(void) {
  char path[] = "/tmp/guise-osv-XXXXXX", buffer[100], *line = NULL;
  size_t size = 0;
  atexit(bye);
  if (!mkdtemp(path)) return 1;
  chdir(path);
  FILE *f = fopen("a", "w+");
  for (int n = 0; n < 2000; n++) fprintf(f, "line %d of many\n", n);
  printf("tell %ld\n", ftell(f));
  fseek(f, 100, SEEK_SET);
  printf("got %s", fgets(buffer, sizeof buffer, f));
  int c = fgetc(f);
  ungetc('Q', f);
  printf("%c %c %ld\n", c, getc_unlocked(f), ftell(f));
  rewind(f);
  int lines = 0;
  while (getline(&line, &size, f) > 0) lines++;
  printf("%d lines, eof %d error %d\n", lines, feof(f), ferror(f));
  fseek(f, -5, SEEK_END);
  printf("%zu\n", fread(buffer, 1, 10, f));
  fputs("more", f);
  fclose(f);
  struct stat st;
  stat("a", &st);
  printf("size %ld mode %o\n", (long)st.st_size, st.st_mode);
  mkdir("d", 0700);
  symlink("a", "l");
  DIR *d = opendir(".");
  int names = 0;
  for (struct dirent *e; (e = readdir(d));) names += e->d_name[0] != '.';
  closedir(d);
  printf("%d names\n", names);
  printf("%d %d\n", rmdir("a"), errno);
  printf("%d %d %d\n", unlink("a"), unlink("l"), rmdir("d"));
  printf("%s %d\n", getcwd(buffer, 5) ? "?" : "null", errno);
  int numbers[] = {5, 3, 9, -1, 7};
  qsort(numbers, 5, sizeof *numbers, compare);
  for (int n = 0; n < 5; n++) printf("%d ", numbers[n]);
  char *text;
  printf("\n%d", asprintf(&text, "%s-%05d-%g", "x", 42, 0.1));
  printf(" %s %s\n", text, isupper('A') && toupper('z') == 'Z' ? "ok" : "?");
  char *p = malloc(10);
  p = realloc(p, 100000);
  memset(p, 'x', 100000);
  p = realloc(p, 2000000);
  printf("%c %c\n", p[0], p[99999]);
  free(p);
  char *zero = calloc(1000, 3);
  int sum = 0;
  for (int n = 0; n < 3000; n++) sum += zero[n];
  void *aligned = (void *)1;
  int no_memory = posix_memalign(&aligned, 4096, 100);
  printf("%d %d %d\n", sum, no_memory, (int)((long)aligned % 4096));
  char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  map[5000] = 1;
  printf("%d\n", munmap(map, 8192));
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  printf("caught %d\n", caught);
  int x = 0, y = 0, scanned = sscanf("12 34", "%d %d", &x, &y);
  printf("%d %d %d\n", scanned, x, y);
  setenv("GUISE", "yes", 1);
  printf("%s %s\n", getenv("GUISE"), getenv("NOT_THERE") ? "?" : "null");
  int pipes[2];
  pipe(pipes);
  write(pipes[1], "through", 8);
  printf("%zd %s\n", read(pipes[0], buffer, 100), buffer);
  errno = 0;
  printf("%d %d\n", close(99), errno);
  chdir("/");
  rmdir(path);
  fprintf(stderr, "to stderr\n");
  exit(5);
}
