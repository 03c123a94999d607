/**
 * Makes V8 keep the compiled code of what a start calls.
 *
 * Deno keeps V8's code of a module in a cache, but what it keeps is made before the module runs: functions are compiled when
 * they are first called, so all of them again at each start, which for 750 functions of a small program is a fifth of its time.
 * V8 compiles at once what stands in parentheses, since that is mostly called at once. So: run the module, look which
 * functions were compiled, and put those into parentheses; declarations become constants at the module's beginning.
 *
 * @module
 */
import { closing, type PrivateMethod, privateMethods, withoutText } from "./classes.ts";

/** Where a function that was compiled begins (its parameters) and ends, in characters. */
export type Range = readonly [start: number, end: number];

/** The functions of a script that V8's log (`--log-function-events`) says were compiled when they were called. */
export function compiledLate(log: string, script: string): Range[] {
  const ids = new Set<string>(), found = new Map<string, Range>();
  for (const line of log.split("\n")) {
    const [event, second, third, start, end] = line.split(",");
    if (event === "script-details") {
      // Numbers come again for other scripts.
      if (third.endsWith(script)) ids.add(second);
      else ids.delete(second);
    } else if (event === "function" && second === "parse-function" && ids.has(third)) {
      found.set(`${start} ${end}`, [Number(start), Number(end)]);
    }
  }
  return [...found.values()].sort(([a, b], [c, d]) => a - c || d - b);
}

/**
 * Whether a function can lie there: parameters, then a body or an arrow, and all that is opened is closed. V8's log has had positions of
 * other scripts. What it refuses is compiled when it is called, as everything was.
 */
function fits(code: string, start: number, end: number): boolean {
  const name = /^[\w$]+(?==>)/.exec(code.slice(start, start + 40));
  if (name === null && code[start] !== "(") return false;
  const after = name === null ? closing(code, start) : start + name[0].length;
  const arrow = code.startsWith("=>", after), body = arrow ? after + 2 : after;
  if (body >= end || !(arrow || code[body] === "{")) return false;
  if (code[body] === "{" && code[end - 1] !== "}") return false;
  // What an arrow answers goes on until something closes or separates.
  if (arrow && end < code.length && !",;)]}:\n".includes(code[end])) return false;
  let depth = 0;
  for (let i = start; i < end; i++) {
    if ("([{".includes(code[i])) depth++;
    else if (")]}".includes(code[i]) && --depth < 0) return false;
  }
  return depth === 0;
}

/** Text in the place of some of the code; `ends`: it belongs to what ends there. */
interface Edit {
  readonly at: number;
  readonly length: number;
  readonly text: string;
  readonly ends: boolean;
}

/** What stands before and behind a function's parameters and body in the place of a method; with where the method began. */
interface Placed {
  readonly begin: number;
  readonly head: string;
  readonly tail: string;
}

/** A method of a class as a property of its prototype, or of the class. */
function property(begin: number, key: string, kind: PrivateMethod["kind"], isStatic: boolean): Placed {
  const owner = isStatic ? "this" : "this.prototype";
  if (kind !== "get") {
    const head = `static{${owner}.${key}=(${kind === "async" ? "async " : ""}function`;
    return { begin, head, tail: ")}" };
  }
  const head = `static{Object.defineProperty(${owner},"${key}",{configurable:true,get:(function`;
  return { begin, head, tail: ")})}" };
}

/** What a method becomes that has no private name. */
function method(code: string, start: number): Placed | undefined {
  const before = code.slice(Math.max(0, start - 120), start);
  const name = /([{},;])(async |get )?([A-Za-z_$][\w$]*)$/.exec(before);
  if (name === null || name[3] === "constructor") return undefined;
  const [all, boundary, kind = "", key] = name;
  const begin = start - all.length + 1;
  const inClass = boundary === "}" || boundary === ";" ||
    (boundary === "{" &&
      /\bclass\b(?: [\w$]+)?(?: extends [\w$.]+)?\{$/.test(code.slice(Math.max(0, begin - 80), begin)));
  if (inClass) return property(begin, key, (kind.trim() || "method") as PrivateMethod["kind"], false);
  // A setter of the same name stays.
  return kind === "get " ? undefined : { begin, head: `${key}:(${kind}function`, tail: ")" };
}

/**
 * The code with these functions in parentheses. A method cannot stand in them: as a property of its class's prototype it can, a
 * private one under a name that no other class has. Constructors, setters, public static methods, and who says `super`, stay as they are.
 */
export function eager(code: string, ranges: readonly Range[]): string {
  const edits: Edit[] = [];
  const replace = (begin: number, start: number, end: number, head: string, tail: string): void => {
    edits.push({ at: begin, length: start - begin, text: head, ends: false });
    edits.push({ at: end, length: 0, text: tail, ends: true });
  };
  const moved: { readonly start: number; readonly end: number; readonly name: string }[] = [];
  const plain = withoutText(code);
  const hidden = new Map(privateMethods(plain).map((m) => [m.start, m]));
  let outer = -1;
  for (const [start, end] of ranges) {
    if (!fits(plain, start, end)) continue;
    const nested = start < outer;
    if (!nested) outer = end;
    const before = plain.slice(Math.max(0, start - 80), start);
    const declared = /(?:^|[;}\n])((?:async )?function\*? ?([\w$]+))$/.exec(before);
    if (declared !== null) {
      if (!nested) moved.push({ start: start - declared[1].length, end, name: declared[2] });
      continue;
    }
    if (/\bfunction\*? ?[\w$]*$/.test(before)) continue;
    const parameters = plain[start] === "(";
    const arrow = parameters
      ? plain.startsWith("=>", closing(plain, start))
      : /^[\w$]+=>/.test(plain.slice(start, start + 40));
    if (arrow) {
      const begin = start - (/\basync ?$/.exec(before)?.[0].length ?? 0);
      replace(begin, begin, end, "(", ")");
    } else if (parameters && !/\bsuper\b/.test(plain.slice(start, end))) {
      const own = hidden.get(start);
      const key = own === undefined ? "" : `$${own.owner}${own.name.slice(1)}`;
      const found = own === undefined
        ? method(plain, start)
        : property(own.begin, key, own.kind, own.isStatic);
      if (found === undefined) continue;
      replace(found.begin, start, end, found.head, found.tail);
      for (const at of own?.uses ?? []) {
        edits.push({ at, length: own!.name.length, text: key, ends: false });
      }
    }
  }
  edits.sort((a, b) => a.at - b.at || Number(b.ends) - Number(a.ends));
  const text = (from: number, to: number): string => {
    let result = "", at = from;
    for (const edit of edits) {
      // At an edge the others' edits are not ours.
      const mine = edit.ends ? edit.at > from && edit.at <= to : edit.at >= from && edit.at < to;
      if (!mine) continue;
      result += code.slice(at, edit.at) + edit.text;
      at = edit.at + edit.length;
    }
    return result + code.slice(at, to);
  };
  let first = "", rest = "", at = 0;
  for (const { start, end, name } of moved) {
    first += `const ${name}=(${text(start, end).replace(`${name}(`, "(")});`;
    rest += text(at, start);
    at = end;
  }
  return first + rest + text(at, code.length);
}
