/**
 * Floats that a loop adds to (translator, region/sums.ts), with NEON: results and FPSR are the interpreter's, whatever is added, fused or not, and
 * wherever a sum stops being of a middling size.
 */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator/run";
import { summing } from "@guise/translator/region";
import { DATA, ended } from "./floats_fixture.ts";
import { STATE } from "./state.ts";

/** More, or others: with these in the environment. */
const COUNT = Number(Deno.env.get("LOOPS") ?? 16), SEED = Number(Deno.env.get("SEED") ?? 20261124);
const ROW = 64, ROWS = 200;
/** Behind the rows: what sums begin as, and what they and FPSR became. */
const PLACES = DATA + ROW * ROWS;

function run(source: string, engine: "jit" | "interpreter", data: Uint8Array) {
  const { cause, words } = ended(source, engine, data);
  return { cause, vectors: words(STATE.v, 512), places: words(PLACES - BIAS, 512) };
}

/** Sums and FPSR begin anew each time that the loop goes over the rows. */
const program = (body: readonly string[]): string => `
  mov x4, #${DATA}
  add x4, x4, #${(PLACES - DATA) >> 12 << 12}
  add x4, x4, #${(PLACES - DATA) & 0xfff}
  add x7, x4, #128
  mov w3, #5
  rounds:
  mov w6, #16
  msr fpsr, x6
  mov x1, #${DATA}
  mov w2, #${ROWS}
  ldr q0, [x4]
  ldr q1, [x4, #16]
  str q0, [x4, #32]
  loop:
  ${body.join("\n")}
  add x1, x1, #${ROW}
  subs w2, w2, #1
  b.ne loop
  mrs x6, fpsr
  str x6, [x7], #8
  str q0, [x7, #48]
  str q1, [x7, #64]
  subs w3, w3, #1
  b.ne rounds
  svc #0
`;

function compare(body: readonly string[], data: Uint8Array, name: string): void {
  const [a, b] = (["interpreter", "jit"] as const).map((engine) => run(program(body), engine, data));
  assertEquals(b, a, `${name}:\n${body.join("\n")}`);
}

Deno.test("loops that add up floats leave sums and FPSR as the interpreter does, whatever is added", () => {
  const before = summing.sums;
  let s = SEED;
  const pick = (n: number) =>
    (s = Math.imul(s ^ s >>> 15, 0x2c1b3c6d) + 0x6d2b79f5 | 0, (s ^ s >>> 13) >>> 0) % n;
  const wild = [0, Infinity, -Infinity, NaN, 1e300, 1e-300, 5e-324, 1e38, 1e-38, 1e-45];
  for (let n = 0; n < COUNT; n++) {
    const wide = pick(2) === 0, vector = pick(3) === 0;
    const t = wide ? "d" : "s", of = (k: number) => vector ? `v${k}.${wide ? "2d" : "4s"}` : `${t}${k}`;
    const load = (k: number) => `ldr ${vector ? "q" : t}${k}, [x1, #${16 * pick(4)}]`;
    const one = (): string[] => {
      const to = pick(2), name = pick(3) ? "fadd" : "fsub";
      switch (pick(7)) {
        case 0:
        case 1:
          return [load(2), `${name} ${of(to)}, ${of(to)}, ${of(2)}`];
        case 2:
          return [
            load(2),
            load(3),
            `fmul ${of(2)}, ${of(2)}, ${of(3)}`,
            `${name} ${of(to)}, ${of(to)}, ${of(2)}`,
          ];
        case 3:
          return vector
            ? [load(2), load(3), `fmla ${of(to)}, ${of(2)}, ${of(3)}`]
            : [load(2), load(3), `${pick(2) ? "fmadd" : "fmsub"} ${of(to)}, ${of(2)}, ${of(3)}, ${of(to)}`];
        case 4:
          return vector ? [`fadd ${of(1)}, ${of(1)}, ${of(0)}`] : [
            `ldr ${t}3, [x4, #32]`,
            load(2),
            `fadd ${of(3)}, ${of(3)}, ${of(2)}`,
            `str ${t}3, [x4, #32]`,
          ];
        case 5:
          return [
            load(2),
            load(3),
            `fdiv ${of(2)}, ${of(2)}, ${of(3)}`,
            `${name} ${of(to)}, ${of(to)}, ${of(2)}`,
          ];
        default:
          return [load(2), `fmul ${of(3)}, ${of(0)}, ${of(2)}`, `fadd ${of(1)}, ${of(1)}, ${of(3)}`];
      }
    };
    const body = Array.from({ length: 1 + pick(3) }, one).flat();
    for (const odd of [0, 3000, 100]) {
      const data = new Uint8Array(ROW * ROWS + 64), view = new DataView(data.buffer);
      for (let i = 0; i < data.length; i += wide ? 8 : 4) {
        const v = odd && pick(odd) === 0 ? wild[pick(wild.length)] : (pick(4000) - 2000) / 64;
        if (wide) view.setFloat64(i, v, true);
        else view.setFloat32(i, v, true);
      }
      compare(body, data, `loop ${n}, one in ${odd}`);
    }
  }
  assert(summing.sums - before > COUNT / 8, `${summing.sums - before}`);
});

Deno.test("a sum that becomes infinite in the middle of a piece is tested again before the next round", () => {
  const before = summing.sums;
  for (const t of ["d", "s"] as const) {
    for (const add of [`fadd ${t}0, ${t}0, ${t}2`, `fmadd ${t}0, ${t}2, ${t}6, ${t}0`]) {
      // In the last rounds: what has been told stays, and the next piece would ask.
      const data = new Uint8Array(ROW * ROWS + 64), view = new DataView(data.buffer);
      const set = (at: number, v: number) =>
        t === "d" ? view.setFloat64(at, v, true) : view.setFloat32(at, v, true);
      set(195 * ROW, Infinity);
      for (let at = 32; at < ROW * ROWS; at += ROW) set(at, 1);
      const body = [
        `fmul ${t}4, ${t}0, ${t}5`,
        `fmov ${t}1, ${t}4`,
        `ldr ${t}2, [x1]`,
        `ldr ${t}6, [x1, #32]`,
        // Of products the range is known.
        `fmul ${t}2, ${t}2, ${t}6`,
        `fmul ${t}6, ${t}6, ${t}6`,
        add,
      ];
      compare(body, data, t);
    }
  }
  assert(summing.sums > before);
});
