/** Bits, error numbers and characters of GNU's regular expressions (regex.h), as programs are compiled with them. */

// deno-fmt-ignore
/** What an expression's characters mean: re_syntax_options. */
export const BACKSLASH_ESCAPE_IN_LISTS = 1, BK_PLUS_QM = 2, CHAR_CLASSES = 4, CONTEXT_INDEP_ANCHORS = 8,
  CONTEXT_INDEP_OPS = 0x10, CONTEXT_INVALID_OPS = 0x20, DOT_NEWLINE = 0x40, DOT_NOT_NULL = 0x80,
  HAT_LISTS_NOT_NEWLINE = 0x100, INTERVALS = 0x200, LIMITED_OPS = 0x400, NEWLINE_ALT = 0x800, NO_BK_BRACES = 0x1000,
  NO_BK_PARENS = 0x2000, NO_BK_REFS = 0x4000, NO_BK_VBAR = 0x8000, NO_EMPTY_RANGES = 0x10000,
  UNMATCHED_RIGHT_PAREN_ORD = 0x20000, NO_GNU_OPS = 0x80000, INVALID_INTERVAL_ORD = 0x200000, ICASE = 0x400000,
  CARET_ANCHORS_HERE = 0x800000, CONTEXT_INVALID_DUP = 0x1000000, NO_SUB = 0x2000000;

const POSIX_COMMON = CHAR_CLASSES | DOT_NEWLINE | DOT_NOT_NULL | INTERVALS | NO_EMPTY_RANGES;
/** Of regcomp without and with REG_EXTENDED. */
export const POSIX_BASIC: number = POSIX_COMMON | BK_PLUS_QM | CONTEXT_INVALID_DUP;
/** See {@link POSIX_BASIC}. */
export const POSIX_EXTENDED: number = POSIX_COMMON | CONTEXT_INDEP_ANCHORS | CONTEXT_INDEP_OPS |
  NO_BK_BRACES |
  NO_BK_PARENS | NO_BK_VBAR | CONTEXT_INVALID_OPS | UNMATCHED_RIGHT_PAREN_ORD;

// deno-fmt-ignore
/** reg_errcode_t. */
export const NOMATCH = 1, BADPAT = 2, ECOLLATE = 3, ECTYPE = 4, EESCAPE = 5, ESUBREG = 6, EBRACK = 7, EPAREN = 8,
  EBRACE = 9, BADBR = 10, ERANGE = 11, ESPACE = 12, BADRPT = 13, ESIZE = 15, ERPAREN = 16;

/** Their texts, as glibc's without a message catalogue. */
export const MESSAGES: readonly string[] = [
  "Success",
  "No match",
  "Invalid regular expression",
  "Invalid collation character",
  "Invalid character class name",
  "Trailing backslash",
  "Invalid back reference",
  "Unmatched [, [^, [:, [., or [=",
  "Unmatched ( or \\(",
  "Unmatched \\{",
  "Invalid content of \\{\\}",
  "Invalid range end",
  "Memory exhausted",
  "Invalid preceding regular expression",
  "Premature end of regular expression",
  "Regular expression too big",
  "Unmatched ) or \\)",
];

/** The largest count of an interval. */
export const DUP_MAX = 0x7fff;

/** A byte that is no character of the locale stands above all code points. */
export const INVALID = 0x110000;
/** Where characters are bytes, one above ASCII is of no class. */
export const BYTE = 0x200000;

const alphabetic = /[\p{Alphabetic}\p{Nd}]/u, space = /[\p{Zs}\p{Zl}\p{Zp}]/u;
const upperCase = /\p{Lu}/u, lowerCase = /\p{Ll}/u, printable = /[^\p{Cc}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/u;
const NO_BREAK = new Set([0xa0, 0x2007, 0x202f]);

/** Tests a character above ASCII. */
const wide = (c: number, pattern: RegExp): boolean =>
  c > 127 && c < INVALID && pattern.test(String.fromCodePoint(c));

const between = (c: number, low: number, high: number): boolean => c >= low && c <= high;
const upper = (c: number): boolean => between(c, 65, 90) || wide(c, upperCase);
const lower = (c: number): boolean => between(c, 97, 122) || wide(c, lowerCase);
const digit = (c: number): boolean => between(c, 48, 57);
const alpha = (c: number): boolean => between(c | 32, 97, 122) || wide(c, alphabetic);
const alnum = (c: number): boolean => alpha(c) || digit(c);
const white = (c: number): boolean => c === 32 || between(c, 9, 13) || (wide(c, space) && !NO_BREAK.has(c));
const print = (c: number): boolean => between(c, 32, 126) || wide(c, printable);
const graph = (c: number): boolean => print(c) && !white(c);

/** Character classes by name; above ASCII only where characters are of several bytes. */
export const classes: Readonly<Record<string, (c: number) => boolean>> = {
  alpha,
  digit,
  alnum,
  upper,
  lower,
  space: white,
  blank: (c) => c === 32 || c === 9 || (wide(c, space) && !NO_BREAK.has(c) && c < 0x2028),
  print,
  graph,
  punct: (c) => graph(c) && !alnum(c),
  cntrl: (c) => c < 32 || c === 127 || between(c, 0x80, 0x9f) || c === 0x2028 || c === 0x2029,
  xdigit: (c) => digit(c) || between(c | 32, 97, 102),
};

/** A character of a word: letters, digits and the underscore. */
export function inWord(c: number): boolean {
  return c === 95 || alnum(c);
}

/** The upper case of a character, as towupper has it. */
export function fold(c: number): number {
  if (c < 128) return between(c, 97, 122) ? c - 32 : c;
  if (c >= INVALID) return c;
  const text = String.fromCodePoint(c), other = text.toUpperCase();
  const code = other.codePointAt(0)!;
  return String.fromCodePoint(code).length === other.length ? code : c;
}
