/**
 * Loops that keep one float in each vector register (arch/translator/region/floats.ts): wherever such a loop is left, between rounds, by a
 * branch or by a page that is not there, all vectors are what the interpreter makes of them, what stands above the floats included.
 */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { DATA } from "./fake_space.ts";
import { ended } from "./floats_fixture.ts";
import { STATE } from "./state.ts";

/** Other cases: GUISE_SEED=N. */
const SEED = Number(Deno.env.get("GUISE_SEED") ?? 0);
const SIZE = 0x4000, ROW = 64, ROWS = SIZE / ROW;

function run(source: string, engine: "jit" | "interpreter", data: Uint8Array, piece: number, exact: boolean) {
  const { regions, cause, pc, mxcsr, words } = ended(source, engine, data, { size: SIZE, piece, exact });
  return {
    regions,
    seen: { cause, pc, mxcsr, vectors: words(STATE.xmm, 256), memory: words(DATA - BIAS, SIZE) },
  };
}

/** Rounds over rows of floats, each of which has bits that its branches ask for; past the last row of all there is nothing. */
const program = (body: string, rows: number): string => `
  mov edx, 4
  rounds:
  mov rsi, ${DATA}
  mov ecx, ${rows}
  movapd xmm0, xmmword ptr [rsi]
  movsd xmm1, qword ptr [rsi+16]
  movapd xmm4, xmmword ptr [rsi+32]
  loop:
  mov eax, dword ptr [rsi+60]
  ${body}
  add rsi, ${ROW}
  dec ecx
  jne loop
  dec edx
  jne rounds
  syscall
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
  const t = double ? "sd" : "ss", size = double ? "qword" : "dword", p = double ? "pd" : "ps";
  const r = () => `xmm${pick(6)}`, column = () => `${size} ptr [rsi+${pick(3) * 16}]`;
  // Some loops change nothing but the floats, others clear what stands above them.
  const few = pick(3) === 0, alone = pick(3) === 0;
  const one = () => {
    switch (pick(9)) {
      case 0:
        return alone ? `add${t} ${r()}, ${column()}` : `mov${t} ${r()}, ${column()}`;
      case 1:
        return `mov${t} ${column()}, ${r()}`;
      case 2:
        return alone ? `mov${t} ${r()}, ${r()}` : `mova${p} ${r()}, ${r()}`;
      case 3: // now and then as a vector, or as bits
        if (few) {
          return [`unpcklpd ${r()}, ${r()}`, `xorps ${r()}, ${r()}`, `add${p} ${r()}, ${r()}`][pick(3)];
        }
        return double ? `movq r8, ${r()}` : `movd r8d, ${r()}`;
      case 4:
        return `ucomi${t} ${r()}, ${r()}`;
      case 5:
        return `${["add", "mul"][pick(2)]}${t} ${r()}, ${column()}`;
      default:
        return `${["add", "sub", "mul", "div"][pick(4)]}${t} ${r()}, ${r()}`;
    }
  };
  const some = (n: number) => Array.from({ length: 1 + pick(n) }, one).join("\n");
  const body = Array.from({ length: 1 + pick(3) }, (_, n) => {
    if (pick(3) === 0) return some(5);
    return `test eax, ${1 << pick(12)}\nje skip${n}\n${some(5)}\nskip${n}:\n${pick(2) ? some(3) : ""}`;
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

Deno.test("of several doubles each is looked at: one that is tiny, infinite or no number says so", () => {
  // The lower halves look like floats of a middling size.
  const wild = [
    0x00000000_40000001n,
    0x00000fff_40000001n,
    0x7ff00000_40000001n,
    0x00200000_40000001n,
    0x7fe00000_40000001n,
  ];
  const sums = [[0, 24], [8, 32], [16, 40], [48, 0]].map(([a, b], n) =>
    `movsd xmm${n}, qword ptr [rsi+${a}]\naddsd xmm${n}, qword ptr [rsi+${b}]`
  );
  const body = `ldmxcsr dword ptr [rdi]\n${
    sums.join("\n")
  }\nmulsd xmm0, xmm1\nmulsd xmm2, xmm3\nstmxcsr dword ptr [rsi+60]`;
  const source = program(body, ROWS).replace("mov edx, 4", `mov edx, 4\nmov rdi, ${DATA + 56}`);
  for (let at = 0; at < 56; at += 8) {
    for (const odd of wild) {
      const data = new Uint8Array(SIZE), view = new DataView(data.buffer);
      for (let i = 0; i < SIZE; i += 8) view.setBigUint64(i, 0x40000000_40000001n, true);
      for (let row = ROW * (ROWS >> 1); row < SIZE; row += ROW) view.setBigUint64(row + at, odd, true);
      for (let row = 0; row < SIZE; row += ROW) view.setUint32(row + 56, 0x1fa0, true);
      const [a, b] = (["interpreter", "jit"] as const).map((engine) =>
        run(source, engine, data, 1_000_000, false)
      );
      assertEquals(b.seen, a.seen, `${odd.toString(16)} at ${at}`);
      assert(b.regions > 0);
    }
  }
});
