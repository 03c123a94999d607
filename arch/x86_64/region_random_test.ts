/**
 * Random loops: what they access moves by constants, by scaled indices or anyhow, at the edges of what is mapped, read-only or not, with
 * branches, inner loops and calls. Regions end as the interpreter does: the same trap, registers, flags and memory.
 *
 *   deno run -A arch/x86_64/region_random_test.ts [CASES [SEED]]
 */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { paging } from "@guise/translator/region";
import { assemble } from "./assemble.ts";
import { CODE, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { REG } from "./registers.ts";
import { STATE } from "./state.ts";

const EXEC = 4, DATA = 0x60000, SIZE = 0x8000;
await loadTranslator();

class Random {
  #s: number;
  constructor(seed: number) {
    this.#s = seed * 2654435761 | 1;
  }
  below(n: number): number {
    let s = this.#s;
    s ^= s << 13, s ^= s >>> 17, s ^= s << 5;
    this.#s = s;
    return (Math.imul(s, 0x9e3779b1) >>> 0) % n;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

/** Registers that point; that count or hold data. ecx counts rounds, edx inner ones, rsp is the stack. */
const POINTERS = ["rsi", "rdi", "rbx", "r8"], VALUES = ["rax", "r9", "r10", "r11"];
const LOW: Record<string, string> = { rax: "al", r9: "r9b", r10: "r10b", r11: "r11b" };
const HALF: Record<string, string> = { rax: "eax", r9: "r9d", r10: "r10d", r11: "r11d" };

/** Registers of loops that compute with halves: they stay zero above, now and then not. */
const HALVES = ["rax", "r9", "r10", "r11", "r13", "r14"];
const half = (v: string) => HALF[v] ?? `${v}d`, low = (v: string) => LOW[v] ?? `${v}b`;

/** One step of arithmetic with 32 bits and less; rarely with more. */
function narrow(r: Random, v: string): string[] {
  const w = r.of(HALVES), [x, y] = [half(v), half(w)];
  switch (r.below(16)) {
    case 0:
      return [`mov ${x}, ${y}`];
    case 1:
      return [`ror ${x}, ${1 + r.below(31)}`];
    case 2:
      return [`shr ${x}, ${r.below(32)}`];
    case 3:
      return [`lea ${x}, dword ptr [${w}+${v}*4+12]`];
    case 4:
      return [`mov ${low(v)}, ${low(w)}`];
    case 5:
      return [
        `cmp ${x}, ${y}`,
        `${r.of(["sete", "setb", "setg", "seto"])} ${low(v)}`,
        `movzx ${x}, ${low(v)}`,
      ];
    case 6:
      return [`shr ${low(v)}, 4`, `movsx ${y}, ${low(v)}`];
    case 7:
      return [`movzx ${x}, ${low(w)}`];
    case 8:
      return [`sub ${x}, 1`];
    case 9:
      return [`imul ${x}, ${y}`];
    case 10:
      return [`adc ${x}, ${y}`];
    case 11:
      return [`cmp ${x}, ${y}`, `${r.of(["cmovb", "cmovg", "cmove"])} ${x}, ${y}`];
    case 12:
      return r.below(4) ? [`not ${x}`] : [`add ${v}, ${w}`];
    case 13:
      return [`inc ${low(v)}`];
    default:
      return [`${r.of(["add", "xor", "and", "or"])} ${x}, ${y}`];
  }
}

/** Lines of one loop body. */
function body(r: Random, labels: { n: number }, inner: boolean, halves: boolean): string[] {
  const lines: string[] = [],
    place = () => {
      const disp = r.of([0, 0, 1, 4, 8, 16, -8, -4, 40, -64, 2040, 4096]);
      const index = r.below(4) === 0 ? `+r12*${r.of([1, 2, 4, 8])}` : "";
      return `${r.of(POINTERS)}${index}${disp < 0 ? disp : `+${disp}`}`;
    };
  const one = () => {
    const v = r.of(VALUES), w = r.of(VALUES);
    switch (r.below(20)) {
      case 0:
        return lines.push(`mov ${v}, qword ptr [${place()}]`);
      case 1:
        return lines.push(`mov qword ptr [${place()}], ${v}`);
      case 2:
        return lines.push(`add ${HALF[v]}, dword ptr [${place()}]`);
      case 3:
        return lines.push(`xor dword ptr [${place()}], ${HALF[v]}`);
      case 4:
        return lines.push(`movzx ${HALF[v]}, byte ptr [${place()}]`);
      case 5:
        return lines.push(`mov byte ptr [${place()}], ${LOW[v]}`);
      case 6:
        return lines.push(`movups xmm${r.below(4)}, xmmword ptr [${place()}]`);
      case 7:
        return lines.push(`movups xmmword ptr [${place()}], xmm${r.below(4)}`);
      case 8:
        return lines.push(`movaps xmm${r.below(4)}, xmmword ptr [${place()}]`);
      case 9:
        return lines.push(`adc ${v}, ${w}`, `rol ${v}, 7`);
      case 10: {
        const skip = `skip${labels.n++}`;
        lines.push(`test ${LOW[v]}, ${r.of([1, 4, 64])}`, `${r.of(["je", "jne"])} ${skip}`);
        one();
        return lines.push(`${skip}:`);
      }
      case 11:
        return lines.push(`add ${r.of(POINTERS)}, ${r.of([1, 4, 8, 16, -8, 24, 512])}`);
      case 12:
        return lines.push(`addsd xmm${r.below(4)}, qword ptr [${place()}]`);
      case 14:
        return lines.push(
          `${r.of(["addsd", "mulsd", "subsd", "divsd", "addpd", "mulpd", "maxsd"])} xmm${r.below(4)}, xmm${
            r.below(4)
          }`,
        );
      case 15:
        return lines.push(
          `mulsd xmm${r.below(4)}, qword ptr [${place()}]`,
          `movsd qword ptr [${place()}], xmm1`,
        );
      case 16:
        return lines.push(`${r.of(["cvttsd2si", "cvtsd2si"])} ${v}, xmm${r.below(4)}`);
      case 17:
        return lines.push(
          `cvtsi2sd xmm${r.below(4)}, ${v}`,
          `${r.of(["sqrtsd", "addss", "cvtsd2ss"])} xmm2, xmm3`,
        );
      case 18: {
        const skip = `skip${labels.n++}`;
        lines.push(
          `ucomisd xmm${r.below(4)}, xmm${r.below(4)}`,
          `${r.of(["jp", "ja", "jbe", "jne"])} ${skip}`,
        );
        one();
        return lines.push(`${skip}:`);
      }
      case 13:
        return lines.push(`push ${v}`, `pop ${w}`);
      default:
        return r.below(3) ? lines.push(`paddd xmm${r.below(4)}, xmm${r.below(4)}`) : lines.push("call small");
    }
  };
  if (halves) { for (const v of HALVES) lines.push(...narrow(r, v), ...(r.below(2) ? narrow(r, v) : [])); }
  for (let n = halves ? r.below(2) : 1 + r.below(inner ? 3 : 6); n > 0; n--) one();
  // Steps: what a compiler would make, and now and then what depends on data.
  for (const p of POINTERS) if (r.below(2)) lines.push(`add ${p}, ${r.of([1, 2, 4, 8, 8, 16, -4, -8, 32])}`);
  if (r.below(3) === 0) lines.push("add r12, 1");
  if (r.below(12) === 0) lines.push(`and eax, 63`, `add ${r.of(POINTERS)}, rax`);
  return lines;
}

/** A program that ends with hlt, if it does not fault. */
function program(r: Random): string {
  const labels = { n: 0 }, lines: string[] = [], halves = r.below(3) === 0;
  const edges = [
    DATA,
    DATA + 8,
    DATA + 0x1000,
    DATA + SIZE - 8,
    DATA + SIZE - 600,
    DATA + 0x3ff0,
    DATA + 0x4100,
  ];
  for (const p of POINTERS) lines.push(`mov ${p}, ${r.of(edges) + r.of([0, 0, 3, 64])}`);
  lines.push(
    "xor r12d, r12d",
    `mov eax, ${r.below(1000)}`,
    "mov r9, 81985529216486895",
    "mov r10d, 7",
    "mov r11d, 0",
  );
  if (halves) {
    for (const v of HALVES) if (r.below(2)) lines.push(`mov ${half(v)}, ${r.below(2 ** 31)}`);
    if (r.below(4)) lines.push("mov r9d, 5");
  }
  for (let l = 0; l < 2; l++) {
    lines.push(`mov ecx, ${r.of([1, 3, 9, 70, 200, 700])}`, `outer${l}:`, ...body(r, labels, false, halves));
    if (r.below(2)) {
      lines.push(
        `mov edx, ${r.of([2, 8, 40, 150])}`,
        `inner${l}:`,
        ...body(r, labels, true, halves),
        "sub edx, 1",
        `jne inner${l}`,
      );
    }
    lines.push(r.below(2) ? "dec ecx" : "sub ecx, 1", `jne outer${l}`);
  }
  lines.push("hlt", "small:", `add rax, ${r.below(100)}`, "ret");
  return lines.join("\n");
}

/** Half bytes of all sorts, half doubles: small ones, and ends of the range. */
const CONTENT = Uint8Array.from({ length: SIZE }, (_, i) => Math.imul(i, 2654435761) >>> 13);
const doubles = new Float64Array(CONTENT.buffer);
const SPECIAL = [
  0,
  -0,
  1,
  0.1,
  -2.5,
  3e8,
  Infinity,
  -Infinity,
  NaN,
  5e-324,
  1e-300,
  1.7e308,
  2 ** 53 + 2,
  -1e19,
  0.5,
];
for (let i = 0; i < doubles.length; i += 1 + i % 3) {
  doubles[i] = SPECIAL[i * 7 % (i % 5 ? 6 : SPECIAL.length)];
}

const HLT = 0xf4;

type Name = "interpreter" | "jit";
class Machine {
  readonly space: FakeSpace = new FakeSpace();
  readonly cpu: X86Cpu;
  /** Without `exact` the flags of a trap are not, nor are registers that nobody reads any more at a fault: these are not compared. */
  constructor(readonly engine: Name, readonly exact: boolean) {
    const { space } = this;
    this.cpu = new X86Cpu(space, { syscall: () => 1, call: () => 1 }, undefined, undefined, engine);
    if (exact) this.cpu.exactFaults();
    space.watcher = this.cpu;
  }
  run(code: Uint8Array): Record<string, unknown> & { readonly cause: string } {
    const { cpu, space } = this;
    for (let at = DATA - 0x2000; at < DATA + SIZE + 0x2000; at += 4096) space.map(at, 4096, 0);
    space.map(CODE, 0x2000, READ | WRITE | EXEC);
    space.map(STACK - 0x1000, 0x1000, READ | WRITE);
    space.map(DATA, SIZE, READ | WRITE);
    space.map(DATA + 0x5000, 0x1000, READ);
    space.u8.set(CONTENT, DATA - BIAS);
    space.write(CODE, code);
    for (let n = 0; n < 16; n++) cpu.frame.setNum(n, 0);
    cpu.frame.setNum(REG.rflags, 0x202);
    space.u8.fill(0, STATE.xmm, STATE.xmm + 256);
    cpu.state.setInt32(STATE.mxcsr, 0x1f80, true);
    cpu.frame.setNum(REG.rsp, STACK - 64), cpu.frame.setNum(REG.rip, CODE);
    if (this.engine === "jit") cpu.translateNow(CODE, CODE + code.length);
    let trap = cpu.run(100_000);
    for (let turn = 0; trap.cause === "budget" && turn < 400; turn++) trap = cpu.run(100_000);
    // The end is an instruction that only the interpreter does.
    const whole = this.exact || space.u8[cpu.frame.num(REG.rip) - BIAS] === HLT;
    return {
      cause: trap.cause,
      address: trap.cause === "page" ? trap.address : 0,
      pc: cpu.frame.num(REG.rip),
      registers: !whole ? [] : Array.from({ length: 17 }, (_, i) => cpu.frame.big(i).toString(16)),
      flags: this.exact ? cpu.frame.lo(REG.rflags) : 0,
      mxcsr: cpu.state.getInt32(STATE.mxcsr, true),
      vectors: !whole ? "" : space.u8.slice(STATE.xmm, STATE.xmm + 64).join(),
      memory: hash(space.u8.subarray(DATA - BIAS, DATA - BIAS + SIZE)),
    };
  }
}
function hash(bytes: Uint8Array): number {
  let h = 0;
  for (const b of bytes) h = Math.imul(h ^ b, 0x01000193);
  return h;
}

/** How the cases ended. */
function compare(
  cases: number,
  seed: number,
): { readonly causes: Map<string, number>; readonly regions: number } {
  const r = new Random(seed), causes = new Map<string, number>();
  const pairs = [true, false].map((exact) => [new Machine("interpreter", exact), new Machine("jit", exact)]);
  for (let i = 0; i < cases; i++) {
    const [a, b] = pairs[i % 3 ? 1 : 0];
    const source = program(r), code = assemble(source, CODE);
    paging.always = i % 4 === 1;
    const expected = a.run(code), actual = b.run(code);
    assertEquals(actual, expected, `case ${i} of seed ${seed}\n${source}`);
    causes.set(expected.cause, (causes.get(expected.cause) ?? 0) + 1);
  }
  const regions = pairs.reduce((sum, [, b]) => sum + b.cpu.regions, 0);
  paging.always = false;
  for (const { cpu } of pairs.flat()) cpu.dispose();
  return { causes, regions };
}

if (import.meta.main) {
  const [cases = "20000", seed = "1"] = Deno.args, start = performance.now();
  const { causes, regions } = compare(Number(cases), Number(seed));
  console.log(causes, `${regions} regions, ${Math.round((performance.now() - start) / 1000)} s`);
} else {
  Deno.test("random loops in regions end as the interpreter ends them", () => {
    const { causes, regions } = compare(400, 1);
    assert(regions >= 400 && causes.get("page")! > 40 && causes.get("protection")! > 40, `${[...causes]}`);
  });
}
