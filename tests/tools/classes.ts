/**
 * What a tool can tell about minified code without a parser: where strings are, which classes there are, and which private names
 * each of them declares.
 *
 * @module
 */

/** After these words a slash begins a regular expression. */
const BEFORE_EXPRESSION = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|throw|delete|yield|await)$/;

/**
 * The code with `0` for each character of a string, of a template's text and of a regular expression, so that what is left has
 * brackets and names of the code alone. Knows no comments: minified code has none.
 */
export function withoutText(code: string): string {
  const result: string[] = [];
  /** Depth of braces at which the text of a template goes on. */
  const templates: number[] = [];
  let depth = 0, at = 0;
  const text = (end: number): void => {
    result.push("0".repeat(end - at));
    at = end;
  };
  /** The end of what `quote` ends. */
  const ends = (quote: string, from: number): number => {
    for (let i = from, set = false; i < code.length; i++) {
      const c = code[i];
      if (c === "\\") i++;
      else if (quote === "/" && c === "[") set = true;
      else if (quote === "/" && c === "]") set = false;
      else if (c === quote && !set) return i + 1;
      else if (quote === "`" && c === "$" && code[i + 1] === "{") return i;
    }
    return code.length;
  };
  const template = (from: number): void => {
    text(ends("`", from));
    if (code.startsWith("${", at)) templates.push(depth++), result.push("0{"), at += 2;
  };
  while (at < code.length) {
    const c = code[at];
    if (c === '"' || c === "'") text(ends(c, at + 1));
    else if (c === "`") template(at + 1);
    else if (c === "}" && depth - 1 === templates.at(-1)) {
      templates.pop(), depth--, result.push("}"), at++;
      template(at);
    } else if (c === "/") {
      const before = code.slice(Math.max(0, at - 12), at).trimEnd();
      const value = /[\w$)\]}"'`]$/.test(before) && !BEFORE_EXPRESSION.test(before);
      if (value) result.push(c), at++;
      else text(ends("/", at + 1));
    } else {
      if (c === "{") depth++;
      else if (c === "}") depth--;
      result.push(c), at++;
    }
  }
  return result.join("");
}

/** The index after the bracket that closes the one at `at`, in code without text. */
export function closing(code: string, at: number): number {
  let depth = 0;
  for (let i = at; i < code.length; i++) {
    if ("([{".includes(code[i])) depth++;
    else if (")]}".includes(code[i]) && --depth === 0) return i + 1;
  }
  return code.length;
}

/** A private method or getter, all uses of which are behind a dot. */
export interface PrivateMethod {
  /** With `#`. */
  readonly name: string;
  readonly kind: "method" | "async" | "get";
  readonly isStatic: boolean;
  /** Where it begins, its parameters begin, and it ends. */
  readonly begin: number;
  readonly start: number;
  readonly end: number;
  /** Of each place that names it, without the declaration, the index of `#`. */
  readonly uses: readonly number[];
  /** The class; no two have the same. */
  readonly owner: number;
}

type Declared = Omit<PrivateMethod, "uses" | "owner">;

interface Class {
  readonly body: number;
  readonly end: number;
  /** Its private names, with `#`. */
  readonly names: readonly string[];
  readonly methods: readonly Declared[];
}

/** The class whose body begins at `body`. */
function classAt(code: string, body: number): Class {
  const end = closing(code, body), names: string[] = [], methods: Declared[] = [];
  const until = (marks: string, from: number): number => {
    let i = from;
    while (i < end - 1 && !marks.includes(code[i])) i = "([{".includes(code[i]) ? closing(code, i) : i + 1;
    return i;
  };
  for (let begin = body + 1; begin < end - 1;) {
    if (code[begin] === ";") {
      begin++;
      continue;
    }
    let start = begin;
    while (start < end - 1 && !"(=;{".includes(code[start])) {
      start = code[start] === "[" ? closing(code, start) : start + 1;
    }
    const words = code.slice(begin, start).replace("#", " #").trim().split(/ +/), name = words.pop()!;
    if (name.startsWith("#")) names.push(name);
    if (code[start] === "(") {
      const after = closing(code, closing(code, start));
      const isStatic = words[0] === "static", kind = words.slice(isStatic ? 1 : 0).join(" ") || "method";
      if (name.startsWith("#") && (kind === "method" || kind === "async" || kind === "get")) {
        methods.push({ name, kind, isStatic, begin, start, end: after });
      }
      begin = after;
    } else begin = code[start] === "{" ? closing(code, start) : until(";", start);
  }
  return { body, end, names, methods };
}

/** The private methods of all classes in code {@link withoutText}. */
export function privateMethods(code: string): PrivateMethod[] {
  const classes: Class[] = [], found: PrivateMethod[] = [];
  for (const { index, 0: head } of code.matchAll(/(?<![\w$.])class(?: [\w$]+)?(?: extends [\w$.]+)?\{/g)) {
    classes.push(classAt(code, index + head.length - 1));
  }
  classes.forEach(({ body, end, names, methods }, owner) => {
    for (const method of methods) {
      const { name, start } = method;
      // A setter of the same name.
      if (names.filter((n) => n === name).length > 1) continue;
      const hiding = classes.filter((c) => c.body > body && c.end < end && c.names.includes(name));
      const uses: number[] = [];
      for (let at = code.indexOf(name, body); at >= 0 && at < end; at = code.indexOf(name, at + 1)) {
        const longer = /[\w$]/.test(code[at + name.length]);
        if (longer || at + name.length === start || hiding.some((c) => at > c.body && at < c.end)) continue;
        uses.push(at);
      }
      if (uses.every((at) => code[at - 1] === ".")) found.push({ ...method, uses, owner });
    }
  });
  return found;
}
