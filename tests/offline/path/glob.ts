/**
 * `globToRegExp` as @std/path 1.1.2 has it for `/` paths: `*`, `?`, `[…]` (negated by `!` alone), `[[:class:]]`, `{a,b}`,
 * `**` as a whole segment, and the extended `?(…) *(…) +(…) @(…) !(…)`. A segment that is not well formed matches itself.
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
}

const classes: Record<string, string> = {
  alnum: "\\dA-Za-z",
  alpha: "A-Za-z",
  ascii: "\x00-\x7F",
  blank: "\t ",
  cntrl: "\x00-\x1F\x7F",
  digit: "\\d",
  graph: "\x21-\x7E",
  lower: "a-z",
  print: "\x20-\x7E",
  punct: "!\"#$%&'()*+,\\-./:;<=>?@[\\\\\\]^_‘{|}~",
  space: "\\s\v",
  upper: "A-Z",
  word: "\\w",
  xdigit: "\\dA-Fa-f",
};

const WILDCARD = "[^/]*";
const GLOBSTAR = "(?:[^/]*(?:/|$)+)*";

function literally(text: string): string {
  return text.replace(/[!$()*+.=?[\\^{|]/g, "\\$&");
}

/** Where a segment ends, and its pattern; `whole` when the pattern has matched the separators too. */
interface Segment {
  end: number;
  pattern: string;
  whole: boolean;
}

/** The `[…]` at `start`: its pattern and the index after it, or undefined when it is not closed. */
function range(glob: string, start: number): { end: number; pattern: string } | undefined {
  let out = "[";
  let i = start + 1;
  if (glob[i] === "!") out += "^", i++;
  else if (glob[i] === "^") out += "\\^", i++;
  for (; i < glob.length; i++) {
    const name = /^\[:([a-z]+):\]/.exec(glob.slice(i, i + 12));
    if (glob[i] === "]") return { end: i + 1, pattern: out + "]" };
    if (glob[i] === "\\") {
      if (++i === glob.length) return undefined;
      out += /[-\\\]]/.test(glob[i]) ? "\\" + glob[i] : glob[i];
    } else if (name) out += classes[name[1]] ?? "", i += name[0].length - 1;
    else out += glob[i];
  }
  return undefined;
}

function segmentAt(glob: string, start: number, extended: boolean, globstar: boolean): Segment {
  const groups: string[] = []; // the kinds of open groups: "{" or one of ?*+@!
  let out = "";
  let whole = false;
  let broken = false;
  let i = start;
  while (i < glob.length && !(glob[i] === "/" && groups.length === 0)) {
    const c = glob[i];
    const inner = groups.at(-1);
    if (c === "\\") {
      if (i + 1 === glob.length) broken = true;
      else out += literally(glob[i + 1]);
      i += 2;
    } else if (c === "[") {
      const r = range(glob, i);
      if (!r) broken = true;
      out += r?.pattern ?? "";
      i = r?.end ?? glob.length;
    } else if (extended && glob[i + 1] === "(" && "?*+@!".includes(c)) {
      groups.push(c);
      out += c === "!" ? "(?!" : "(?:";
      i += 2;
    } else if (c === ")" && inner && inner !== "{") {
      groups.pop();
      out += ")" + (inner === "!" ? WILDCARD : inner === "@" ? "" : inner);
      i++;
    } else if (c === "*") {
      let end = i;
      while (glob[end] === "*") end++;
      const alone = (i === 0 || glob[i - 1] === "/") && (end === glob.length || glob[end] === "/");
      whole = globstar && end - i === 2 && alone;
      out += whole ? GLOBSTAR : WILDCARD;
      i = end;
    } else {
      if (c === "?") out += ".";
      else if (c === "{") groups.push(c), out += "(?:";
      else if (c === "}" && inner === "{") groups.pop(), out += ")";
      else if (c === "," && inner === "{") out += "|";
      else if (c === "|" && inner && inner !== "{") out += "|";
      else out += literally(c);
      i++;
    }
  }
  const end = Math.min(i, glob.length);
  if (groups.length || broken) return { end, pattern: literally(glob.slice(start, end)), whole: false };
  return { end, pattern: out, whole };
}

/** A regular expression that a whole path matches when the glob does. */
export function globToRegExp(glob: string, options: GlobOptions = {}): RegExp {
  const { extended = true, globstar = true, caseInsensitive = false } = options;
  if (glob === "") return /(?!)/;
  if (glob.length > 1) glob = glob.replace(/(?<=.)\/+$/s, "");
  let out = "";
  for (let i = 0; i < glob.length;) {
    const { end, pattern, whole } = segmentAt(glob, i, extended, globstar);
    out += pattern + (whole ? "" : end < glob.length ? "/+" : "/*");
    i = end;
    while (glob[i] === "/") i++;
  }
  return new RegExp(`^${out}$`, caseInsensitive ? "i" : "");
}
