// Streams of memory, of the program's own functions and of wide characters; warnings, patterns of names, names of hosts.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <locale.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>
static void memory(void) {
  char *text;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  for (int n = 0; n < 2000; n++) fprintf(f, "%d,", n);
  fflush(f);
  printf("%zu %.10s\n", size, text);
  fseek(f, 2, SEEK_SET);
  fputs("xyz", f);
  fclose(f);
  printf("%zu %.10s\n", size, text);
  free(text);
  char buffer[20] = "hello world";
  f = fmemopen(buffer, 11, "r+");
  char word[20];
  printf("%d %s", fscanf(f, "%s", word), word);
  fseek(f, 0, SEEK_SET);
  fputs("HELLO", f);
  fclose(f);
  printf(" %s\n", buffer);
  f = fmemopen(NULL, 10, "w+");
  printf("%d ", fputs("too long for it", f) >= 0 ? fflush(f) : 9);
  rewind(f);
  printf("%s\n", fgets(word, 20, f));
  fclose(f);
}
static int at;
static ssize_t cookie_read(void *cookie, char *into, size_t size) {
  static const char source[] = "line one\nline two\n";
  size_t n = strlen(source + at) < 5 ? strlen(source + at) : 5;
  memcpy(into, source + at, n);
  at += n;
  return n;
}
static ssize_t cookie_write(void *cookie, const char *bytes, size_t size) {
  printf("[%s %.*s]", (char *)cookie, (int)size, bytes);
  return size;
}
static int cookie_close(void *cookie) {
  printf("closed %s\n", (char *)cookie);
  return 0;
}
static void cookies(void) {
  char line[50];
  FILE *f = fopencookie("in", "r", (cookie_io_functions_t){cookie_read, NULL, NULL, cookie_close});
  while (fgets(line, sizeof line, f)) printf("got %s", line);
  fclose(f);
  f = fopencookie("out", "w", (cookie_io_functions_t){NULL, cookie_write, NULL, cookie_close});
  fprintf(f, "%d-%d", 1, 2);
  fclose(f);
}
static void wide(void) {
  FILE *f = tmpfile();
  fputws(L"héllo €𝄞\nsecond\n", f);
  fwprintf(f, L"%d %ls %s\n", 42, L"wíde", "nárrow");
  rewind(f);
  wint_t c;
  while ((c = fgetwc(f)) != L'\n') printf("%x ", c);
  ungetwc(L'é', f);
  wchar_t line[30];
  fgetws(line, 30, f);
  printf("%ls", line);
  fgetws(line, 30, f);
  printf("%ls%d\n", line, fgetwc(f) == WEOF);
  fclose(f);
}
static void patterns(void) {
  char folder[] = "/tmp/streams-XXXXXX";
  chdir(mkdtemp(folder));
  const char *names[] = {"a.c", "b.c", "b.h", ".hidden", "c d", "[x]"};
  for (int n = 0; n < 6; n++) close(creat(names[n], 0600));
  mkdir("sub", 0700);
  close(creat("sub/x.c", 0600));
  const char *tried[] = {"*.c", "?.[ch]", "*", "sub/*", "*/x.c", "none*", "\\[x]", "[!a]*", "{a,b}.c", "s*", "./*.h", "*/"};
  for (int n = 0; n < 12; n++)
    for (int flags = 0; flags < 3; flags++) {
      glob_t found;
      int result = glob(tried[n], flags == 1 ? GLOB_MARK | GLOB_NOCHECK : flags == 2 ? GLOB_BRACE | GLOB_PERIOD : 0, NULL, &found);
      printf("%s %d:", tried[n], result);
      if (!result) for (size_t k = 0; k < found.gl_pathc; k++) printf(" %s", found.gl_pathv[k]);
      printf("\n");
      if (!result) globfree(&found);
    }
  for (int n = 0; n < 6; n++) unlink(names[n]);
  unlink("sub/x.c");
  rmdir("sub");
  rmdir(folder);
}
static void hosts(void) {
  static const struct { const char *node, *service; struct addrinfo hints; } cases[] = {
      {"127.0.0.1", "80", {0}}, {"localhost", "http", {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}}, {NULL, "5000", {.ai_flags = AI_PASSIVE, .ai_family = AF_INET}},
      {"::1", NULL, {.ai_socktype = SOCK_DGRAM}}, {"1.2.3.4", "no-such-service", {0}}, {"not numeric", "1", {.ai_flags = AI_NUMERICHOST}}, {NULL, NULL, {0}}, {"1.2.3.4", "1", {.ai_family = AF_INET6}}, {"1.2.3.4", "x", {.ai_family = 77}},
  };
  for (unsigned n = 0; n < sizeof cases / sizeof *cases; n++) {
    struct addrinfo *list;
    int result = getaddrinfo(cases[n].node, cases[n].service, &cases[n].hints, &list);
    printf("%d:", result);
    for (struct addrinfo *each = result ? NULL : list; each; each = each->ai_next) {
      char host[100], service[100];
      getnameinfo(each->ai_addr, each->ai_addrlen, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
      printf(" %d/%d/%d/%d %s %s", each->ai_family, each->ai_socktype, each->ai_protocol, each->ai_addrlen, host, service);
    }
    printf("\n");
    if (!result) freeaddrinfo(list);
  }
  struct hostent *host = gethostbyname("127.0.0.1");
  printf("%s %d %s\n", host->h_name, host->h_length, inet_ntoa(*(struct in_addr *)host->h_addr_list[0]));
  struct servent *service = getservbyname("http", "tcp");
  printf("%d\n", service ? ntohs(service->s_port) : 80);
}
int main(void) {
  setlocale(LC_ALL, "");
  memory();
  cookies();
  wide();
  patterns();
  hosts();
  fflush(stdout);
  dup2(1, 2);
  errno = ENOENT;
  warn("cannot open %s", "x");
  warnx("%d times", 3);
  dprintf(1, "%s %d\n", "directly", 7);
  errno = EACCES;
  err(3, NULL);
}
