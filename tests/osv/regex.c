// Regular expressions: chosen and random ones over chosen and random texts, by POSIX's and GNU's functions.
#define _GNU_SOURCE
#include <locale.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void posix(const char *pattern, int flags, const char *text, int eflags) {
  regex_t re;
  regmatch_t m[6];
  char words[100];
  int wrong = regcomp(&re, pattern, flags);
  printf("%s %d: ", pattern, flags);
  if (wrong) {
    regerror(wrong, &re, words, sizeof words);
    printf("error %d %s\n", wrong, words);
    return;
  }
  int result = regexec(&re, text, 6, m, eflags);
  printf("%zu %s -> %d", re.re_nsub, text, result);
  if (!result && !(flags & REG_NOSUB)) for (int n = 0; n < 6; n++) printf(" %d,%d", m[n].rm_so, m[n].rm_eo);
  printf("\n");
  regfree(&re);
}
static void gnu(const char *pattern, reg_syntax_t syntax, const char *text, int start, int range) {
  struct re_pattern_buffer re;
  struct re_registers regs;
  memset(&re, 0, sizeof re);
  memset(&regs, 0, sizeof regs);
  re_set_syntax(syntax);
  const char *wrong = re_compile_pattern(pattern, strlen(pattern), &re);
  printf("gnu %s %lx: ", pattern, syntax);
  if (wrong) {
    printf("%s\n", wrong);
    return;
  }
  int length = strlen(text);
  printf("%d", (int)re_search(&re, text, length, start, range, &regs));
  for (unsigned n = 0; n < regs.num_regs; n++) printf(" %d,%d", regs.start[n], regs.end[n]);
  printf(" %d\n", (int)re_match(&re, text, length, start, NULL));
  regfree(&re);
}
static unsigned seed = 1;
static unsigned any(unsigned below) {
  seed = seed * 1664525 + 1013904223;
  return (seed >> 8) % below;
}
int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  static const char *const cases[][2] = {
      {"a*b", "xaaab"}, {"(a|ab)(c|bcd)(d*)", "abcd"}, {"\\(a*\\)*", "b"}, {"(a*)*", "aab"}, {"(a*)+", "b"},
      {"(a?)*", "aa"}, {"((a?))*", "b"}, {"(a|b)*c|(a|ab)*c", "abc"}, {"\\(ab\\)\\1", "xababab"}, {"(a)|b", "b"},
      {"x{2,3}", "xxxxx"}, {"a{,2}b", "aaab"}, {"a{1", "a{1"}, {"a\\{1", "a{1"}, {"[[:alpha:]]+", "12ab3"}, {"[]a]+", "x]a]"},
      {"[^]a]", "]ab"}, {"[a-", "a"}, {"[b-a]", "a"}, {"[[:foo:]]", "a"}, {"[[.a.]-c]", "b"}, {"[[=a=]]", "a"}, {"\\<b\\w*\\>", "a bcd e"},
      {"\\bfoo\\b", "a foo"}, {"\\Boo", "foo"}, {"^*ab", "*ab"}, {"*ab", "*ab"}, {"a**", "aaa"}, {"a|*b", "b"}, {"(*a)", "*a"}, {"()", "a"},
      {"(|a)", "a"}, {"a||b", "b"}, {"(", "("}, {")", ")"}, {"a)", "a)"}, {"\\(", "("}, {"\\)", ")"}, {"\\", "a"}, {"a\\", "a"}, {"[", "["}, {"a$b", "a$b"},
      {"a^b", "a^b"}, {"^", ""}, {"$", "a"}, {"^$", "\n"}, {"a.b", "a\nb"}, {"[^a]b", "\nb"}, {"^b", "a\nb"}, {"a$", "a\nb"},
      {"\\(^a\\)", "a"}, {"\\(a\\|b\\)\\{2\\}", "xab"}, {"é+", "aéé"}, {".", "é"}, {"[à-ü]", "xé"}, {"É", "é"}, {"[^x]", "é"}, {"\\w+", "naïve x"},
      {"(.*)\\1", "abab"}, {"(a*)(a*)\\2", "aaaa"}, {"a{0}b", "ab"}, {"(a{0})b", "ab"}, {"(ab|cd){2}", "abcdx"}, {"\\s\\S", "a b"}, {"\\`a", "ba"}, {"a\\'", "ab"},
      {"a\\{2,1\\}", "aa"}, {"a{99999}", "a"}, {"\\2\\(a\\)", "a"}, {"[a-c-e]", "d"}, {"[--/]", "."}, {"a+?b", "aab"}, {"[[:upper:]]", "a"}, {"x*", ""}, {"\\n", "n"},
  };
  static const int flags[] = {0, REG_EXTENDED, REG_EXTENDED | REG_ICASE, REG_NEWLINE, REG_EXTENDED | REG_NOSUB};
  for (unsigned n = 0; n < sizeof cases / sizeof *cases; n++)
    for (int f = 0; f < 5; f++) posix(cases[n][0], flags[f], cases[n][1], 0);
  posix("^a", 0, "a", REG_NOTBOL);
  posix("a$", 0, "a", REG_NOTEOL);
  static const reg_syntax_t syntaxes[] = {RE_SYNTAX_EMACS, RE_SYNTAX_GREP, RE_SYNTAX_EGREP, RE_SYNTAX_POSIX_EGREP, RE_SYNTAX_AWK, RE_SYNTAX_GNU_AWK,
      RE_SYNTAX_POSIX_AWK, RE_SYNTAX_SED, RE_SYNTAX_POSIX_EXTENDED, RE_SYNTAX_POSIX_MINIMAL_BASIC, RE_SYNTAX_GREP | RE_ICASE};
  for (unsigned n = 0; n < sizeof cases / sizeof *cases; n++)
    for (unsigned s = 0; s < sizeof syntaxes / sizeof *syntaxes; s++) {
      int length = strlen(cases[n][1]);
      gnu(cases[n][0], syntaxes[s], cases[n][1], 0, length);
      gnu(cases[n][0], syntaxes[s], cases[n][1], length, -length);
    }
  int random = argc > 1 ? atoi(argv[1]) : 0;
  if (argc > 2) seed = atoi(argv[2]);
  static const char *const pieces[] = {"a", "b", "c", "a", "b", ".", "*", "+", "?", "(", ")", "|", "[ab]", "[^a]", "^", "$", "{1,2}", "{2}", "^", "\\b", "\\<", "\\>"};
  for (int n = 0; n < random; n++) {
    char pattern[100] = "", text[20];
    // Where glibc's order of ways depends on its numbering of nodes (anchors between groups) is left out, and so is the newline
    // that a `$` inside of an expression takes although lines were not asked for.
    int open = 0, anchors = any(3) == 0, lines = any(4) == 0;
    for (int k = 1 + any(9); k > 0; k--) {
      const char *piece = pieces[any(sizeof pieces / sizeof *pieces)];
      if (strchr(anchors ? "(" : "\\^$", *piece)) continue;
      if (*piece == ')' && !open) continue;
      open += (*piece == '(') - (*piece == ')');
      strcat(pattern, piece);
    }
    while (open-- > 0) strcat(pattern, ")");
    int length = any(10);
    for (int k = 0; k < length; k++) text[k] = "aabbc \n"[any(lines ? 7 : 6)];
    text[length] = 0;
    posix(pattern, REG_EXTENDED | (lines ? REG_NEWLINE : 0), text, 0);
  }
}
