/**
 * How values and their differences are printed in a failure: one line a value that differs, `-` actual, `+` expected, as
 * @std/assert 1.0.14 does (its diff within a line is left out).
 *
 * @module
 */
import { inspect } from "node:util";

/** A value as `Deno.inspect` would print it, sorted and complete. */
export function format(value: unknown): string {
  return inspect(value, {
    depth: Infinity,
    sorted: true,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
    compact: false,
    getters: true,
  });
}

/** Above this many cells the differing middle is printed whole: a diff of two large dumps must not take minutes. */
const DIFF_CELLS = 4_000_000;

/** The lines of `a` and `b`, marked `-` (only in `a`), `+` (only in `b`) or blank (in both). */
export function diff(a: string[], b: string[]): string[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const [ma, mb] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  return [
    ...a.slice(0, head).map((l) => "    " + l),
    ...middle(ma, mb),
    ...a.slice(a.length - tail).map((l) => "    " + l),
  ];
}

function middle(a: string[], b: string[]): string[] {
  if (a.length * b.length > DIFF_CELLS) return [...a.map((l) => "-   " + l), ...b.map((l) => "+   " + l)];
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width); // longest common subsequence of the suffixes at i, j
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const out: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) out.push("    " + a[i++]), j++;
    else if (j === b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      out.push("-   " + a[i++]);
    } else out.push("+   " + b[j++]);
  }
  return out;
}

/** The text under `Values are not equal`. */
export function difference(actual: unknown, expected: unknown): string {
  const lines = (v: unknown) =>
    (typeof v === "string" ? JSON.stringify(v).replaceAll("\\n", "\\n\n") : format(v)).split("\n");
  return ["", "", "    [Diff] Actual / Expected", "", "", ...diff(lines(actual), lines(expected)), ""].join(
    "\n",
  );
}
