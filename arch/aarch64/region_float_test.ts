/** Runs of floating-point operations in regions, on trial and again: results and FPSR are the interpreter's for operands of every kind. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator/run";
import { DATA, ended } from "./floats_fixture.ts";
import { STATE } from "./state.ts";

/** Other cases: GUISE_SEED=N. */
const SEED = Number(Deno.env.get("GUISE_SEED") ?? 0);
const ROWS = 64, ROUNDS = 6;

function run(source: string, engine: "jit" | "interpreter", data: Uint8Array) {
  const { regions, cause, words } = ended(source, engine, data);
  return { regions, seen: { cause, vectors: words(STATE.v, 512), memory: words(DATA - BIAS, ROWS * 64) } };
}

/** A loop over the rows: three of each in vectors; FPSR is set before each and told behind it. */
const program = (body: string, fpsr: number): string => `
  mov w3, #${ROUNDS}
  mov w6, #${fpsr}
  rounds:
  mov x1, #${DATA}
  mov w2, #${ROWS}
  loop:
  msr fpsr, x6
  ldr q0, [x1]
  ldr q1, [x1, #16]
  ldr q2, [x1, #32]
  ${body}
  mrs x5, fpsr
  str w5, [x1, #60]
  add x1, x1, #64
  subs w2, w2, #1
  b.ne loop
  subs w3, w3, #1
  b.ne rounds
  svc #0
`;

function compare(seed: number, fpsr: number): number {
  let s = seed;
  const pick = (n: number) =>
    (s = Math.imul(s ^ s >>> 15, 0x2c1b3c6d) + 0x6d2b79f5 | 0, (s ^ s >>> 13) >>> 0) % n;
  const double = pick(3) > 0, wild = [0, 1, 4, 9][pick(4)], border = pick(4) === 0;
  const data = new Uint8Array(ROWS * 64), view = new DataView(data.buffer);
  const top = double ? 2047 : 255, width = double ? 52n : 23n;
  const exponent = (kind: number) => {
    const third = (top + 1) * 3 / 8 - 2 + pick(4), most = (top + 1) * 5 / 8 - 2 + pick(4);
    return [0, third, most, 1 + pick(top - 1), 1 + pick(2), top - pick(3), (top >> 1) - 4 + pick(8)][kind];
  };
  for (let i = 0; i < data.length; i += double ? 8 : 4) {
    const kind = border ? 1 + (seed & 1) : pick(12) < wild ? pick(7) : pick(8) ? 6 : 0;
    const fraction = (BigInt(pick(1 << 30)) << 22n ^ BigInt(pick(1 << 30))) & (1n << width) - 1n;
    const zero = kind === 0 ? pick(4) > 0 : pick(6) === 0;
    const v = BigInt(pick(2)) << (double ? 63n : 31n) | BigInt(exponent(kind)) << width |
      (zero ? 0n : fraction);
    if (double) view.setBigUint64(i, v, true);
    else view.setUint32(i, Number(v), true);
  }
  const t = double ? "d" : "s", T = double ? "2d" : "4s", r = () => pick(6);
  const body = Array.from({ length: 4 + pick(12) }, () => {
    const op = border && pick(4) ? "fmul" : ["fadd", "fsub", "fmul", "fdiv"][pick(4)];
    switch (pick(8)) {
      case 0:
        return `ldr ${t}${r()}, [x1, #${pick(4) * 16}]`;
      case 1:
        return [
          `orr v${r()}.16b, v${r()}.16b, v${r()}.16b`,
          `fmov ${t}${r()}, ${t}${r()}`,
          `fneg ${t}${r()}, ${t}${r()}`,
        ][pick(3)];
      case 2:
        return `${op} v${r()}.${T}, v${r()}.${T}, v${r()}.${T}`;
      case 3:
        return `${["fmla", "fmls"][pick(2)]} v${r()}.${T}, v${r()}.${T}, v${r()}.${T}`;
      case 4:
        return `${
          ["fmadd", "fmsub", "fnmadd", "fnmsub"][pick(4)]
        } ${t}${r()}, ${t}${r()}, ${t}${r()}, ${t}${r()}`;
      case 5:
        return [
          `str ${t}${r()}, [x1, #${pick(3) * 16}]`,
          `fsqrt ${t}${r()}, ${t}${r()}`,
          "add x9, x9, #3",
        ][pick(3)];
      default:
        return `${op} ${t}${r()}, ${t}${r()}, ${t}${r()}`;
    }
  }).join("\n");
  const a = run(program(body, fpsr), "interpreter", data), b = run(program(body, fpsr), "jit", data);
  assertEquals(b.seen, a.seen, `seed ${seed}, fpsr ${fpsr}:\n${body}`);
  return b.regions;
}

Deno.test("runs of floating-point operations in regions are the interpreter's, for operands of every kind", () => {
  let regions = 0;
  for (let seed = 1; seed <= 40; seed++) regions += compare(SEED + seed * 7919, 0x10);
  assert(regions > 25);
});

Deno.test("runs of floating-point operations in regions tell what is inexact when FPSR does not know yet", () => {
  for (let seed = 1; seed <= 16; seed++) compare(SEED + seed * 104729, seed % 2);
});

Deno.test("what loops around an inner one change in floats, FPSR or FPCR counts in its next rounds", () => {
  const changes = [
    "msr fpsr, xzr",
    "msr fpcr, x10",
    "fadd d3, d3, d3",
    "fmul d3, d3, d3",
    "fmov d3, x9",
    "fmul d3, d3, d8",
    "fmul d4, d4, d8",
    "fsub d4, d4, d4",
    "fdiv d5, d5, d4",
    "add x9, x9, x9",
    "nop",
  ];
  const data = new Uint8Array(ROWS * 64), view = new DataView(data.buffer);
  for (let i = 0; i < data.length; i += 8) view.setFloat64(i, 1 + i * 37 % 101 / 64, true);
  let s = SEED + 1;
  const pick = (n: number) => (s = Math.imul(s, 1103515245) + 12345 >>> 0, (s >>> 8) % n);
  for (let n = 0; n < 60; n++) {
    const outer = Array.from({ length: pick(4) }, () => changes[pick(changes.length)]);
    const outermost = Array.from({ length: pick(4) }, () => changes[pick(changes.length)]);
    const source = `
      mov w3, #3
      mov w6, #16
      mov w7, #${0x400000 * pick(4)}
      mov x10, x7
      mov x9, #0
      movk x9, #${[0x3ff0, 0x7ff0, 0x7ff8, 0x0010, 0x7fe0][pick(5)]}, lsl #48
      msr fpsr, x6
      mov x11, #0
      movk x11, #0x3ff8, lsl #48
      fmov d3, x11
      fmov d4, x11
      fmov d5, x11
      movk x11, #0x37d0, lsl #48
      fmov d8, x11
      step:
      mov w4, #9
      turn:
      mov x1, #${DATA}
      mov w2, #${8 + pick(20)}
      loop:
      ldr d0, [x1]
      ldr d1, [x1, #8]
      fsub d2, d0, d1
      ${["fmadd d6, d2, d2, d4", "fmul d6, d2, d3", "fadd d6, d2, d4"][pick(3)]}
      fdiv d7, d2, d6
      ${["fmsub d5, d7, d3, d5", "fadd d5, d7, d3", "fmul d5, d7, d4"][pick(3)]}
      str d5, [x1, #16]
      add x1, x1, #32
      subs w2, w2, #1
      b.ne loop
      mrs x5, fpsr
      add x12, x5, x12, lsl #1
      ${outer.join("\n")}
      subs w4, w4, #1
      b.ne turn
      ${outermost.join("\n")}
      subs w3, w3, #1
      b.ne step
      str x12, [x1]
      msr fpcr, xzr
      svc #0
    `;
    const a = run(source, "interpreter", data), b = run(source, "jit", data);
    assertEquals(b.seen, a.seen, `${n}:\n${source}`);
    assert(b.regions > 0);
  }
});
