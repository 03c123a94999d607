/**
 * Loops that keep one float in each vector register (arch/translator/region/floats.ts): wherever such a loop is left, between rounds, by a
 * branch or by a page that is not there, all vectors are what the interpreter makes of them.
 */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator/run";
import { DATA, ended } from "./floats_fixture.ts";
import { STATE } from "./state.ts";

/** Other cases: GUISE_SEED=N. */
const SEED = Number(Deno.env.get("GUISE_SEED") ?? 0);
const SIZE = 0x4000, ROW = 64, ROWS = SIZE / ROW;

function run(source: string, engine: "jit" | "interpreter", data: Uint8Array, piece: number, exact: boolean) {
  const { regions, cause, pc, words } = ended(source, engine, data, { size: SIZE, piece, exact });
  return { regions, seen: { cause, pc, vectors: words(STATE.v, 512), memory: words(DATA - BIAS, SIZE) } };
}

/** Rounds over rows of floats, each of which has bits that its branches ask for; past the last row of all there is nothing. */
const program = (body: string, rows: number): string => `
  mov w6, #16
  msr fpsr, x6
  mov w3, #4
  rounds:
  mov x1, #${DATA}
  mov w2, #${rows}
  ldr q0, [x1]
  ldr d1, [x1, #16]
  ldr q4, [x1, #32]
  loop:
  ldr w5, [x1, #60]
  ${body}
  add x1, x1, #${ROW}
  subs w2, w2, #1
  b.ne loop
  subs w3, w3, #1
  b.ne rounds
  svc #0
`;

function compare(seed: number): number {
  let s = seed;
  const pick = (n: number) =>
    (s = Math.imul(s ^ s >>> 15, 0x2c1b3c6d) + 0x6d2b79f5 | 0, (s ^ s >>> 13) >>> 0) % n;
  const double = pick(3) > 0, data = new Uint8Array(SIZE), view = new DataView(data.buffer);
  const wild = pick(3) === 0;
  for (let i = 0; i < SIZE; i += double ? 8 : 4) {
    const v = (pick(4000) - 2000) / 64 * (wild && pick(60) === 0 ? [0, 1e-300, 1e300, NaN][pick(4)] : 1);
    if (double) view.setFloat64(i, v, true);
    else view.setFloat32(i, v, true);
  }
  for (let i = 60; i < SIZE; i += ROW) view.setUint32(i, pick(2 ** 31), true);
  const t = double ? "d" : "s", r = () => `${t}${pick(6)}`, column = () => `[x1, #${pick(3) * 16}]`;
  const few = pick(3) === 0;
  const one = () => {
    switch (pick(9)) {
      case 0:
      case 1:
        return `ldr ${r()}, ${column()}`;
      case 2:
        return `str ${r()}, ${column()}`;
      case 3:
        return `fmov ${r()}, ${r()}`;
      case 4:
        return `fmadd ${r()}, ${r()}, ${r()}, ${r()}`;
      case 5: // now and then as a vector, or as bits
        if (few) return `orr v${pick(6)}.16b, v${pick(6)}.16b, v${pick(6)}.16b`;
        return [`fneg ${r()}, ${r()}`, `fmov ${double ? "x" : "w"}7, ${r()}`, `fcmp ${r()}, ${r()}`][pick(3)];
      default:
        return `${["fadd", "fsub", "fmul", "fdiv"][pick(4)]} ${r()}, ${r()}, ${r()}`;
    }
  };
  const some = (n: number) => Array.from({ length: 1 + pick(n) }, one).join("\n");
  const body = Array.from({ length: 1 + pick(3) }, (_, n) => {
    if (pick(3) === 0) return some(5);
    return `tst w5, #${1 << pick(12)}\nb.eq skip${n}\n${some(5)}\nskip${n}:\n${pick(2) ? some(3) : ""}`;
  }).join("\n");
  const past = pick(2) === 0,
    source = program(body, past ? ROWS + 5 : ROWS),
    budget = pick(2) ? 1_000_000 : 700;
  const a = run(source, "interpreter", data, budget, past), b = run(source, "jit", data, budget, past);
  assertEquals(b.seen, a.seen, `seed ${seed}, budget ${budget}:\n${source}`);
  return b.regions;
}

Deno.test("loops that keep floats of vectors leave all vectors as the interpreter does", () => {
  let regions = 0;
  for (let seed = 1; seed <= 40; seed++) regions += compare(SEED + seed * 6007);
  assert(regions > 30);
});
