/**
 * Floats that a loop adds to (translator, region/sums.ts): of what size they are is asked before a piece of the loop only, and results and MXCSR are
 * the interpreter's all the same, whatever is added, and wherever it stops being of a middling size.
 */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { summing } from "@guise/translator/region";
import { DATA } from "./fake_space.ts";
import { ended } from "./floats_fixture.ts";
import { STATE } from "./state.ts";
import { Random } from "./testing.ts";

/** More, or others: with these in the environment. */
const COUNT = Number(Deno.env.get("LOOPS") ?? 60), SEED = Number(Deno.env.get("SEED") ?? 20261124);
const ROW = 64, ROWS = 200;
/** Behind the rows: sums in memory, and what MXCSR became. */
const PLACES = DATA + ROW * ROWS;

function run(source: string, engine: "jit" | "interpreter", data: Uint8Array, mxcsr: number, piece: number) {
  const of = { mxcsr, piece, written: { [PLACES + 240]: mxcsr } };
  const { cause, mxcsr: told, words } = ended(source, engine, data, of);
  return { cause, mxcsr: told, xmm: words(STATE.xmm, 256), places: words(PLACES - BIAS, 256) };
}

/** xmm0, xmm1 and the places begin as what is at the first two, MXCSR anew; the loop goes over the rows several times. */
const program = (body: readonly string[]): string => `
  mov rdi, ${PLACES}
  mov edx, 5
  mov rbx, ${PLACES + 128}
  rounds:
  ldmxcsr dword ptr [rdi + 240]
  movups xmm0, [rdi]
  movups xmm1, [rdi + 16]
  movups [rdi + 32], xmm0
  movups [rdi + 48], xmm1
  mov rsi, ${DATA}
  mov ecx, ${ROWS}
  loop:
  ${body.join("\n")}
  add rsi, ${ROW}
  dec ecx
  jne loop
  stmxcsr dword ptr [rbx]
  movups [rbx + 16], xmm0
  movups [rbx + 32], xmm1
  add rbx, 4
  dec edx
  jne rounds
  syscall
`;

interface Kind {
  readonly suffix: "sd" | "ss" | "pd" | "ps";
  readonly wide: boolean;
  readonly load: string;
}
const KINDS: readonly Kind[] = [
  { suffix: "sd", wide: true, load: "movsd" },
  { suffix: "ss", wide: false, load: "movss" },
  { suffix: "pd", wide: true, load: "movups" },
  { suffix: "ps", wide: false, load: "movups" },
];
const WILD = [
  0,
  -0,
  Infinity,
  -Infinity,
  NaN,
  1e300,
  -1e300,
  1e-300,
  5e-324,
  1e38,
  1e-38,
  1e-45,
  1e70,
  1e-70,
];

/** Rows of floats of a middling size; one in `odd` is of another kind. */
function rows(r: Random, wide: boolean, odd: number): Uint8Array {
  const data = new Uint8Array(ROW * ROWS + 64), view = new DataView(data.buffer);
  for (let i = 0; i < data.length; i += wide ? 8 : 4) {
    const v = odd && r.below(odd) === 0
      ? r.pick(WILD)
      : (r.below(4000) - 2000) / 64 * 2 ** r.pick([0, 0, 0, 20, -20]);
    if (wide) view.setFloat64(i, v, true);
    else view.setFloat32(i, v, true);
  }
  return data;
}

Deno.test("random loops that add up floats leave sums and MXCSR as the interpreter does, whatever is added", () => {
  const r = new Random(SEED), before = summing.sums;
  for (let n = 0; n < COUNT; n++) {
    const { suffix, wide, load } = r.pick(KINDS), scalar = suffix[0] === "s";
    const column = () => `[rsi + ${16 * r.below(4)}]`, copy = wide ? "movapd" : "movaps";
    const place = `[rdi + ${32 + 16 * r.below(2)}]`;
    const product = (to: number) => [
      `${load} xmm${to}, ${column()}`,
      ...r.pick([[], [`${load} xmm5, ${column()}`, `mul${suffix} xmm${to}, xmm5`], [
        `${load} xmm5, ${column()}`,
        `div${suffix} xmm${to}, xmm5`,
      ]]),
    ];
    let skips = 0;
    const one = (): string[] =>
      r.pick([
        () => [...product(2), `${r.pick(["add", "add", "sub"])}${suffix} xmm${r.below(2)}, xmm2`],
        () => [...product(2), `${r.pick(["add", "add", "sub"])}${suffix} xmm${r.below(2)}, xmm2`],
        // In memory, or by a copy.
        () =>
          scalar
            ? [
              ...product(2),
              `${load} xmm3, ${place}`,
              `${r.pick(["add", "sub"])}${suffix} xmm3, xmm2`,
              `${load} ${place}, xmm3`,
            ]
            : [`${copy} xmm3, xmm0`, ...product(2), `add${suffix} xmm3, xmm2`, `${copy} xmm0, xmm3`],
        // In some rounds; a sum of sums; more than a sum.
        () => [
          `test cl, ${r.pick([1, 2, 4])}`,
          `jz skip${++skips}`,
          ...product(2),
          `add${suffix} xmm0, xmm2`,
          `skip${skips}:`,
        ],
        () => [`add${suffix} xmm1, xmm0`],
        () => [`${load} xmm4, ${column()}`, `mul${suffix} xmm1, xmm4`],
        () => [`${copy} xmm4, xmm0`, `mul${suffix} xmm4, xmm4`, `add${suffix} xmm1, xmm4`],
        () => r.below(3) ? [] : [`xorps xmm1, xmm1`],
      ])();
    const body = Array.from({ length: r.pick([1, 1, 1, 2, 3]) }, one).flat();
    const source = program(body);
    for (const odd of [0, 0, 3000, 100]) {
      const data = rows(r, wide, odd), mxcsr = r.pick([0x1fa0, 0x1fa0, 0x1fa0, 0x1f80, 0x9fe0]);
      const piece = r.pick([1_000_000, 1000]);
      const [a, b] = (["interpreter", "jit"] as const).map((engine) =>
        run(source, engine, data, mxcsr, piece)
      );
      assertEquals(b, a, `loop ${n}, one in ${odd}, MXCSR ${mxcsr.toString(16)}:\n${body.join("\n")}`);
    }
  }
  assert(summing.sums - before > COUNT / 2, `${summing.sums - before}`);
});

Deno.test("a sum that is no more of a middling size is not taken for one: zero times infinity, tiny operands and overflow are told", () => {
  const before = summing.sums;
  for (const { suffix, wide, load } of KINDS) {
    const tiny = wide ? 2 ** -1022 : 2 ** -126, large = wide ? 2 ** 900 : 2 ** 110;
    const copy = wide ? "movapd" : "movaps", add = [`${load} xmm2, [rsi]`, `add${suffix} xmm0, xmm2`];
    const multiply = [`${load} xmm5, [rsi + 16]`, `${copy} xmm4, xmm0`, `mul${suffix} xmm4, xmm5`];
    const square = [`${copy} xmm4, xmm0`, `mul${suffix} xmm4, xmm4`], other = `${copy} xmm1, xmm4`;
    const inMemory = [
      `${load} xmm3, [rdi + 32]`,
      `add${suffix} xmm3, xmm2`,
      `${load} [rdi + 32], xmm3`,
    ];
    // Before the loop ends: what has been told stays, and the next piece would ask.
    // What is added; what is loaded in the place of a sum; all sums at first; a body. In rounds that are not named: zero.
    const cases:
      readonly (readonly [Record<number, number>, Record<number, number>, number, readonly string[]])[] = [
        [{ 194: 1.125 * tiny, 195: -tiny }, {}, 0, add],
        ...suffix[0] === "s"
          ? [[{ 194: 1.125 * tiny, 195: -tiny }, {}, 0, [...add, ...inMemory]] as const]
          : [],
        [{ 195: Infinity }, {}, 1, [...multiply, other, ...add]],
        [{ 195: large }, {}, 1, [...square, other, ...add]],
        // In another trial of the same round.
        [{ 195: Infinity }, {}, 1, [...add, "mov [rdi + 96], eax", ...multiply, other]],
        // Something else is put there.
        [{}, { 195: Infinity }, 1, [...multiply, other, ...add, `${load} xmm0, [rsi + 48]`]],
        [{}, {}, 1, [
          ...multiply,
          other,
          ...add,
          "cmp ecx, 5",
          "jne other",
          `${copy} xmm0, xmm7`,
          "other:",
        ]],
        // A place that is only loaded, and sums, from the beginning.
        [{}, {}, Infinity, [`${load} xmm4, [rdi + 32]`, `mul${suffix} xmm4, [rsi + 16]`, other]],
        [{}, {}, Infinity, [...multiply, other, ...add]],
      ];
    for (const [added, loaded, first, body] of cases) {
      const data = new Uint8Array(ROW * ROWS + 64), view = new DataView(data.buffer), bytes = wide ? 8 : 4;
      const fill = (at: number, v: number) => {
        for (let i = at; i < at + 16; i += bytes) {
          if (wide) view.setFloat64(i, v, true);
          else view.setFloat32(i, v, true);
        }
      };
      for (const [row, v] of Object.entries(added)) fill(Number(row) * ROW, v);
      for (const [row, v] of Object.entries(loaded)) fill(Number(row) * ROW + 48, v);
      for (let at = ROW * ROWS; at < data.length; at += 16) fill(at, first);
      for (let at = ROW * 100 + 48; at < ROW * 101; at += 16) fill(at, Infinity);
      const source = program(body).replace(
        "rounds:",
        `movups xmm7, [rdi - ${ROW * (ROWS - 100) - 48}]\nrounds:`,
      );
      const [a, b] = (["interpreter", "jit"] as const).map((engine) =>
        run(source, engine, data, 0x1fa0, 1_000_000)
      );
      assertEquals(b, a, `${suffix}, ${JSON.stringify([added, loaded, first])}:\n${body.join("\n")}`);
      // The case shows something.
      assert(a.places.slice(16, 18).join() !== "1fa000001fa0,1fa000001fa0", body.join("\n"));
    }
  }
  assert(summing.sums > before);
});
