// Walks of a tree: ftw and nftw with their flags, what the function answers, links, what cannot be read.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *lines[200], root[64];
static int count, answer_at, answer;
static int by_text(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void show(const char *title, int result) {
  printf("%s: %d %d\n", title, result, result < 0 ? errno : 0);
  qsort(lines, count, sizeof *lines, by_text);
  for (int i = 0; i < count; i++) printf("  %s\n", lines[i]), free(lines[i]);
  count = 0;
}
static int on(const char *path, const struct stat *st, int kind, struct FTW *f) {
  char here[256] = "", *line;
  int valid = kind == FTW_NS || kind == FTW_SLN;
  asprintf(&line, "%s %d %o %d %d %s", path + strlen(root), kind, valid ? 0 : st->st_mode, f->base - (int)strlen(root), f->level,
           answer_at != -2 ? "" : strcmp(getcwd(here, 256), root) ? basename(here) : "the root");
  lines[count++] = line;
  return answer_at >= 0 && strstr(path, "middle") ? answer : 0;
}
static int old(const char *path, const struct stat *st, int kind) {
  char *line;
  asprintf(&line, "%s %d", path + strlen(root), kind);
  lines[count++] = line;
  return 0;
}
static int first = -1, chain_ok = 1;
static int chain(const char *path, const struct stat *st, int kind, struct FTW *f) {
  if (first >= 0 && f->level != first - 1 && kind == FTW_DP) chain_ok = 0;
  if (kind == FTW_DP) first = f->level;
  return 0;
}
static int away(const char *path, const struct stat *st, int kind, struct FTW *f) { return remove(path); }
static void make(const char *name, int folder) {
  char path[256];
  sprintf(path, "%s/%s", root, name);
  if (folder) mkdir(path, 0755);
  else close(open(path, O_CREAT | O_WRONLY, 0644));
}
int main(void) {
  char path[256], before[256], after[256];
  strcpy(root, "/tmp/trees-XXXXXX");
  mkdtemp(root);
  umask(022);
  make("a", 0), make("middle", 1), make("middle/inner", 1), make("middle/inner/deep", 0), make("middle/z", 0), make("other", 1), make("other/b", 0), make("empty", 1);
  sprintf(path, "%s/other/up", root), symlink("..", path);
  sprintf(path, "%s/other/lost", root), symlink("nothing", path);
  sprintf(path, "%s/other/file", root), symlink("../a", path);
  answer_at = -1;
  show("plain", nftw(root, on, 8, 0));
  show("physical", nftw(root, on, 8, FTW_PHYS));
  show("depth", nftw(root, on, 8, FTW_PHYS | FTW_DEPTH));
  show("one descriptor", nftw(root, on, 1, FTW_PHYS | FTW_MOUNT));
  answer_at = 0, answer = 5;
  nftw(root, on, 8, FTW_PHYS), count = 0;
  answer = FTW_SKIP_SUBTREE;
  show("skip subtree", nftw(root, on, 8, FTW_PHYS | FTW_ACTIONRETVAL));
  answer = FTW_STOP;
  printf("stop %d\n", nftw(root, on, 8, FTW_PHYS | FTW_ACTIONRETVAL)), count = 0;
  answer_at = -2;
  getcwd(before, 256);
  show("chdir", nftw(root, on, 8, FTW_PHYS | FTW_CHDIR));
  getcwd(after, 256);
  printf("back %d\n", strcmp(before, after) == 0);
  answer_at = -1;
  show("ftw", ftw(root, old, 8));
  sprintf(path, "%s/a", root), show("a file", nftw(path, on, 8, 0));
  sprintf(path, "%s/other/lost", root), show("a lost link", nftw(path, on, 8, 0)), show("the link", nftw(path, on, 8, FTW_PHYS));
  sprintf(path, "%s/no", root), show("nothing", nftw(path, on, 8, 0));
  sprintf(path, "%s/middle///", root), show("slashes", nftw(path, on, 8, FTW_PHYS));
  show("empty", nftw("", on, 8, 0));
  sprintf(path, "%s/middle", root), nftw(path, chain, 8, FTW_DEPTH | FTW_PHYS);
  printf("children first %d\n", chain_ok);
  glob_t g;
  sprintf(path, "%s/*", root);
  glob(path, GLOB_MARK, 0, &g);
  for (size_t i = 0; i < g.gl_pathc; i++) printf("glob %s\n", g.gl_pathv[i] + strlen(root));
  printf("removed %d\n", nftw(root, away, 8, FTW_DEPTH | FTW_PHYS));
  return access(root, F_OK) == 0;
}
