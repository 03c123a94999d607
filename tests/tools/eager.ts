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

/** Where a function that was compiled begins (its parameters) and ends, in characters. */
export type Range = readonly [start: number, end: number];

/** The functions of a script that V8's log (`--log-function-events`) says were compiled when they were called. */
export function compiledLate(log: string, script: string): Range[] {
  const ids = new Set<string>(), found = new Map<string, Range>();
  for (const line of log.split("\n")) {
    const [event, second, third, start, end] = line.split(",");
    if (event === "script-details" && third.endsWith(script)) ids.add(second);
    else if (event === "function" && second === "parse-function" && ids.has(third)) {
      found.set(`${start} ${end}`, [Number(start), Number(end)]);
    }
  }
  return [...found.values()].sort(([a, b], [c, d]) => a - c || d - b);
}

/** The index after the parenthesis that closes the one at `at`. Knows no strings: parameters have none. */
function closing(code: string, at: number): number {
  let depth = 0;
  for (let i = at; i < code.length; i++) {
    if (code[i] === "(") depth++;
    else if (code[i] === ")" && --depth === 0) return i + 1;
  }
  return code.length;
}

/** The code with these functions in parentheses, as far as they can be put there: no methods. */
export function eager(code: string, ranges: readonly Range[]): string {
  const open = new Map<number, number>(), close = new Map<number, number>();
  const add = (map: Map<number, number>, at: number) => map.set(at, (map.get(at) ?? 0) + 1);
  const moved: { readonly start: number; readonly end: number; readonly name: string }[] = [];
  let outer = -1;
  for (const [start, end] of ranges) {
    const nested = start < outer;
    if (!nested) outer = end;
    const before = code.slice(Math.max(0, start - 80), start);
    const declared = /(?:^|[;}\n])((?:async )?function\*? ?([\w$]+))$/.exec(before);
    if (declared !== null) {
      if (!nested) moved.push({ start: start - declared[1].length, end, name: declared[2] });
      continue;
    }
    const arrow = code[start] === "("
      ? code.startsWith("=>", closing(code, start))
      : /^[\w$]+=>/.test(code.slice(start, start + 40));
    if (!arrow) continue;
    const begin = start - (/\basync ?$/.exec(before)?.[0].length ?? 0);
    add(open, begin);
    add(close, end);
  }
  const text = (from: number, to: number): string => {
    let result = "", at = from;
    for (const i of [...new Set([...open.keys(), ...close.keys()])].sort((a, b) => a - b)) {
      if (i < from || i > to) continue;
      // At an edge the others' parentheses are not ours.
      const closes = i === from ? 0 : close.get(i) ?? 0, opens = i === to ? 0 : open.get(i) ?? 0;
      result += code.slice(at, i) + ")".repeat(closes) + "(".repeat(opens);
      at = i;
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
