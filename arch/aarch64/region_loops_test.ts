/** Loops in two versions whose addresses have the lower half of a register in them do what the interpreter does. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { createSpace, EXEC, READ, WRITE } from "@guise/core";
import { BIAS } from "@guise/translator/run";
import { assemble } from "./assemble.ts";
import { type ArmCpu, loadTranslator } from "./cpu.ts";
import { aarch64 } from "./mod.ts";
import { useDeclarations } from "./built.ts";

// What is declared is tested, not what was shipped.
useDeclarations();
await loadTranslator();

const CODE = 0x30000, DATA = 0x50000, SIZE = 0x8000;
/** More, or others: with these in the environment. */
const COUNT = Number(Deno.env.get("LOOPS") ?? 25), SEED = Number(Deno.env.get("SEED") ?? 7);

const FPSR = aarch64.registers.findIndex(({ name }) => name === "fpsr");

/** Without `exact` registers that nobody reads any more need not be right at a fault. */
function outcome(code: Uint8Array, engine: "jit" | "interpreter", piece: number, exact = true): unknown {
  const space = createSpace()!;
  const cpu = aarch64.createCpu(space, { syscall: () => 1, call: () => 1 }, { engine }) as unknown as ArmCpu;
  if (exact) cpu.exactFaults();
  space.map({ address: CODE, length: 0x10000, prot: READ | WRITE | EXEC, fixed: "replace" });
  space.map({ address: DATA, length: SIZE, prot: READ | WRITE, fixed: "replace" });
  space.write(DATA, Uint8Array.from({ length: SIZE }, (_, i) => i * 7));
  space.write(CODE, code);
  cpu.frame.setNum(aarch64.pc, CODE);
  let trap = cpu.run(piece);
  for (let turn = 0; trap.cause === "budget" && turn < 10_000; turn++) trap = cpu.run(piece);
  const registers = [...Array(33).keys(), FPSR].map((i) => cpu.frame.big(i).toString(16)).join();
  const data = cpu.memory.slice(DATA - BIAS, DATA - BIAS + SIZE).reduce(
    (h, b) => Math.imul(h ^ b, 0x01000193),
    0,
  );
  cpu.dispose();
  const whole = exact || trap.cause === "syscall";
  return {
    cause: trap.cause,
    address: trap.cause === "page" ? trap.address : 0,
    registers: whole ? registers : "",
    data,
  };
}

/** A constant in a register. */
function load(register: string, value: bigint): string {
  const lines = [0, 16, 32, 48].map((shift) =>
    `movk ${register}, #${(value >> BigInt(shift)) & 0xffffn}${shift ? `, lsl #${shift}` : ""}`
  );
  return lines.join("\n");
}

Deno.test("random loops by halves of registers fault, or end, where they do in the interpreter", () => {
  let seed = SEED;
  const below = (n: number) => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0, (seed >>> 8) % n);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)];
  const causes = new Set<string>();
  for (let n = 0; n < COUNT; n++) {
    const starts = [
      4n,
      100n,
      0x7ff0n,
      0xffffff00n,
      0xfffffff0n,
      0x100000000n,
      0x700000004n,
      0xfffffffffffffff8n,
    ];
    const steps = [1n, 3n, 8n, 300n, 0n, 0xfffffff8n, 0x80000000n, 0x100000001n, 0xffffffffffffffffn];
    const step = pick([
      "add w1, w1, w4",
      "add w1, w1, w4",
      "add x1, x1, x4",
      "add w1, w1, #4",
      "add x1, x1, #4",
    ]);
    const access = () =>
      pick([
        "strb w5, [x3, w1, uxtw]",
        "ldrb w6, [x3, w1, uxtw]",
        "ldrh w6, [x3, w1, uxtw #1]",
        "str x5, [x3, w1, uxtw #3]",
        "mov w7, w1\nldrb w6, [x3, w7, uxtw]",
        "ldrb w6, [x3, w1, sxtw]",
        "ldrb w6, [x3, x1]",
      ]);
    const body = pick([
      () => [access(), step],
      () => [step, access()],
      () => [access(), step, access()],
      () => ["tst w9, #1", "b.eq even", step, "even:", access()],
      () => [access(), step, step],
      () => [access(), step, "eor w4, w4, #1"],
    ])();
    const start = pick(starts), scale = pick([1n, 1n, 2n, 8n]);
    const base = BigInt.asUintN(
      64,
      pick([BigInt(DATA + 0x2000), BigInt(DATA + 0x4000) - (start & 0xffffffffn) * scale]),
    );
    const source = [
      // Three times where all is well, then from anywhere and by anything.
      load("x8", 3n),
      "turn:",
      load("x3", BigInt(DATA)),
      load("x1", 4n),
      load("x4", 2n),
      load("x9", 300n),
      "b again",
      "wild:",
      load("x8", 1n << 32n),
      load("x3", base),
      load("x1", start),
      load("x4", pick(steps)),
      load("x9", BigInt(1 + below(400))),
      "again:",
      ...body,
      "subs w9, w9, #1",
      "b.ne again",
      "subs x8, x8, #1",
      "b.eq wild",
      "tst x8, #0x80000000",
      "b.eq turn",
      "svc #0",
    ].join("\n");
    const code = assemble(source, CODE), exact = n % 2 === 0;
    const expected = outcome(code, "interpreter", 1_000_000, exact);
    assertEquals(outcome(code, "jit", pick([1_000_000, 777]), exact), expected, `case ${n}\n${source}`);
    causes.add((expected as { cause: string }).cause);
  }
  assert(causes.has("page") && causes.has("syscall"), [...causes].join());
});

Deno.test("random loops tell saturation as the interpreter does, wherever they are left", () => {
  let seed = SEED;
  const below = (n: number) => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0, (seed >>> 8) % n);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)];
  const causes = new Set<string>(), told = new Set<string>();
  const steps = [
    "uqadd v0.16b, v1.16b, v2.16b",
    "uqsub v3.8h, v1.8h, v4.8h",
    "sqadd v4.16b, v4.16b, v1.16b",
    "sqsub v5.8b, v1.8b, v5.8b",
    "uqadd v6.4s, v6.4s, v1.4s",
    "ushr v1.16b, v1.16b, #1",
    "eor v2.16b, v2.16b, v2.16b",
    "eor v2.16b, v2.16b, v1.16b",
    "fadd v7.2d, v7.2d, v16.2d",
    "fmul d7, d7, d16",
    "mrs x6, fpsr",
    "msr fpsr, x10",
    "tst x6, #0x8000000\nb.ne out",
    "str q0, [x3], #16",
  ];
  for (let n = 0; n < COUNT; n++) {
    const body = Array.from({ length: 1 + below(5) }, () => pick(steps));
    const source = [
      load("x8", 4n),
      load("x10", pick([0n, 16n, 0x10n, 0x8000000n])),
      load("x11", 0x3ff8000000000000n),
      "turn:",
      "msr fpsr, x10",
      "dup v16.2d, x11",
      "dup v7.2d, x11",
      ...[0, 2, 3, 4, 5, 6].flatMap((
        v,
      ) => [load("x13", below(3) ? 0n : BigInt(below(2 ** 31)) * 0x101010n), `dup v${v}.2d, x13`]),
      load("x3", BigInt(DATA)),
      load("x9", BigInt(100 + below(200))),
      "cmp x8, #1",
      "b.ne again",
      load("x3", BigInt(DATA + pick([0x2000, 0x7800]))),
      "again:",
      "ldr q1, [x3], #16",
      ...body,
      "subs x9, x9, #1",
      "b.ne again",
      "out:",
      "mrs x7, fpsr",
      "eor x12, x12, x7",
      "subs x8, x8, #1",
      "b.ne turn",
      "svc #0",
    ].join("\n");
    const code = assemble(source, CODE), exact = n % 2 === 0;
    const expected = outcome(code, "interpreter", 1_000_000, exact);
    assertEquals(outcome(code, "jit", pick([1_000_000, 777]), exact), expected, `case ${n}\n${source}`);
    const { cause, registers } = expected as { cause: string; registers: string };
    causes.add(cause), told.add(registers.split(",").at(-1)!);
  }
  assert(causes.has("page") && causes.has("syscall") && told.size > 3, [...causes, ...told].join());
});
