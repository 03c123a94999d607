/**
 * `globToRegExp` and `isGlob` as @std/path 1.1.2 has them, for `/` paths: `*`, `?`, `[…]` with ranges, negation and
 * classes, `{a,b}`, `**` (globstar), and the extended `?(…) *(…) +(…) @(…) !(…)`.
 *
 * @module
 */

/** Options of `globToRegExp`. */
export interface GlobOptions {
  /** Extended globs; default true. */
  extended?: boolean;
  /** `**` spans folders; default true. */
  globstar?: boolean;
  /** Upper and lower case are the same; default false. */
  caseInsensitive?: boolean;
  /** Taken for the signature's sake: only `linux` and `darwin` paths are known here. */
  os?: "linux" | "darwin" | "windows";
}

const classes: Record<string, string> = {
  alnum: "\\dA-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "\\d",
  graph: "\\x21-\\x7E",
  lower: "a-z",
  print: "\\x20-\\x7E",
  punct: "!\"#$%&'()*+,\\-./:;<=>?@[\\\\\\]^_‘{|}~",
  space: "\\s\\v",
  upper: "A-Z",
  word: "\\w",
  xdigit: "\\dA-Fa-f",
};

const special = /[!$()*+.=?[\\^{|}]/;

/** The pattern of one path segment, or undefined where a group or bracket in it is not closed. */
function segmentPattern(segment: string, extended: boolean): string | undefined {
  let out = "";
  const groups: string[] = [];
  for (let i = 0; i < segment.length; i++) {
    const c = segment[i];
    if (c === "\\") {
      const next = segment[++i] ?? "\\";
      out += special.test(next) ? "\\" + next : next;
    } else if (c === "[") {
      const end = bracketEnd(segment, i);
      if (end < 0) return undefined;
      let body = segment.slice(i + 1, end);
      const negated = body[0] === "!" || body[0] === "^";
      if (negated) body = body.slice(1);
      body = body.replace(/\[:(\w+):\]|[\\\]^[]/g, (m, name) => name ? classes[name] ?? m : "\\" + m);
      out += `[${negated ? "^" : ""}${body}]`;
      i = end;
    } else if (extended && segment[i + 1] === "(" && "!?*+@".includes(c)) {
      groups.push(c === "@" ? "" : c);
      out += c === "!" ? "(?!" : "(?:";
      i++;
    } else if (c === ")" && groups.length && groups.at(-1) !== "{") {
      const kind = groups.pop();
      out += kind === "!" ? ")[^/]*" : ")" + kind;
    } else if (c === "|" && groups.length && groups.at(-1) !== "{") out += "|";
    else if (c === "{") groups.push("{"), out += "(?:";
    else if (c === "}" && groups.at(-1) === "{") groups.pop(), out += ")";
    else if (c === "," && groups.at(-1) === "{") out += "|";
    else if (c === "?") out += "[^/]";
    else if (c === "*") {
      while (segment[i + 1] === "*") i++;
      out += "[^/]*";
    } else out += special.test(c) ? "\\" + c : c;
  }
  return groups.length ? undefined : out;
}

function bracketEnd(s: string, start: number): number {
  let i = start + 1;
  if (s[i] === "!" || s[i] === "^") i++;
  if (s[i] === "]") i++;
  for (; i < s.length; i++) {
    if (s.startsWith("[:", i)) {
      const end = s.indexOf(":]", i);
      if (end < 0) return -1;
      i = end + 1;
    } else if (s[i] === "]") return i;
  }
  return -1;
}

/** A regular expression that a whole path matches when the glob does. */
export function globToRegExp(glob: string, options: GlobOptions = {}): RegExp {
  const { extended = true, globstar = true, caseInsensitive = false } = options;
  const flags = caseInsensitive ? "i" : "";
  if (glob === "") return /(?!)/;
  const segments = glob.split(/\/+/);
  if (segments.at(-1) === "") segments.pop();
  let out = "";
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (globstar && segment === "**") {
      out += last ? "(?:[^/]*(?:/|$)+)*" : "(?:[^/]*(?:/|$)+)*";
      return;
    }
    const pattern = segmentPattern(segment, extended) ?? segment.replace(/[!$()*+.=?[\\^{|}]/g, "\\$&");
    out += pattern + (last ? "/*" : "/+");
  });
  return new RegExp(`^${out}$`, flags);
}

/** Whether a string has glob characters that mean something. */
export function isGlob(str: string): boolean {
  return /(\\).|([@?!+*]\(.*\))|[*?]|\{.*\}|\[[^\]]+\]|\(.*\|.*\)/.test(str.replace(/\\./g, ""));
}
