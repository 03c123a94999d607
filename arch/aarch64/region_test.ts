/** Regions do what the interpreter does: loops, calls, faults, code that changes, forks; and they do run. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { createSpace, EXEC, READ, WRITE } from "@guise/core";
import { BIAS } from "@guise/translator/run";
import { copying, debug } from "@guise/translator/region";
import { type ArmCpu, loadTranslator } from "./cpu.ts";
import { aarch64 } from "./mod.ts";
import { declarations, useDeclarations } from "./built.ts";
import { type Declaration, isVector } from "./encoding.ts";
import { STATE } from "./state.ts";
import { CaseGenerator } from "./testing.ts";

// What is declared is tested, not what was shipped.
useDeclarations();
await loadTranslator();

/** Words with what they mean. */
type Code = readonly (readonly [word: number, text: string])[];
const CODE = 0x30000, DATA = 0x50000, STACK = 0x90000;

function start(code: Code, engine: "jit" | "interpreter") {
  const space = createSpace()!;
  const cpu = aarch64.createCpu(space, { syscall: () => 1, call: () => 1 }, { engine }) as unknown as ArmCpu;
  space.map({ address: CODE, length: 0x10000, prot: READ | WRITE | EXEC, fixed: "replace" });
  space.map({ address: DATA, length: 0x10000, prot: READ | WRITE, fixed: "replace" });
  space.map({ address: STACK - 0x10000, length: 0x10000, prot: READ | WRITE, fixed: "replace" });
  space.write(CODE, new Uint8Array(Int32Array.from(code, ([word]) => word).buffer));
  cpu.frame.setNum(aarch64.pc, CODE);
  cpu.frame.setNum(aarch64.sp, STACK);
  return { cpu, space };
}

/** Everything a program can see, after it ended with a system call (or a fault). */
function outcome({ cpu }: ReturnType<typeof start>): unknown {
  for (let turn = 0;; turn++) {
    const trap = cpu.run(1_000_000);
    if (trap.cause === "budget" && turn < 200) continue;
    const registers = Array.from({ length: 33 }, (_, i) => cpu.frame.big(i).toString(16));
    const vectors = Array.from(cpu.memory.slice(STATE.v, STATE.v + 512)).join();
    const data = Array.from(cpu.memory.slice(DATA - BIAS, DATA - BIAS + 4096)).join();
    return { cause: trap.cause, address: trap.cause === "page" ? trap.address : 0, registers, vectors, data };
  }
}

function same(code: Code): ArmCpu {
  const expected = outcome(start(code, "interpreter"));
  const jit = () => {
    const b = start(code, "jit");
    assertEquals(outcome(b), expected);
    return b.cpu;
  };
  // Small functions as a part of their callers, and called.
  jit();
  copying.on = false;
  try {
    return jit();
  } finally {
    copying.on = true;
  }
}
const regions = (cpu: ArmCpu) => cpu.cache.regions?.regions.filter((r) => r).length ?? 0;

Deno.test("a hot loop becomes a region with the interpreter's results", () => {
  const cpu = same([
    [0x52927c03, "mov w3, #37856"],
    [0x72a00083, "movk w3, #4, lsl #16"],
    [0xd2800020, "mov x0, #1"],
    [0xd28992a8, "movz x8, #0x4c95"],
    [0xf2afe5a8, "movk x8, #0x7f2d, lsl #16"],
    [0xf2de85a8, "movk x8, #0xf42d, lsl #32"],
    [0xf2eb0a28, "movk x8, #0x5851, lsl #48"],
    [0x9b087c00, "loop: mul x0, x0, x8"],
    [0x8b234000, "add x0, x0, w3, uxtw"],
    [0xd361fc02, "lsr x2, x0, #33"],
    [0xcac21400, "eor x0, x0, x2, ror #5"],
    [0xb3781c40, "bfi x0, x2, #8, #8"],
    [0xeb03005f, "cmp x2, x3"],
    [0x9a813001, "csel x1, x0, x1, lo"],
    [0xba1f00c6, "adcs x6, x6, xzr"],
    [0x1a9fd7e7, "cset w7, gt"],
    [0xfa411003, "ccmp x0, x1, #3, ne"],
    [0x9a899529, "cinc x9, x9, hi"],
    [0x36180060, "tbz w0, #3, skip"],
    [0xdac0000a, "rbit x10, x0"],
    [0x93c0354b, "extr x11, x10, x0, #13"],
    [0x72001c1f, "skip: ands wzr, w0, #0xff"],
    [0xda8c158c, "cneg x12, x12, eq"],
    [0x9bc87c0d, "umulh x13, x0, x8"],
    [0x9ac30dae, "sdiv x14, x13, x3"],
    [0x9b03b5cf, "msub x15, x14, x3, x13"],
    [0x71000463, "subs w3, w3, #1"],
    [0x54fffd81, "b.ne loop"],
    [0xd53b4210, "mrs x16, nzcv"],
    [0xd4000001, "svc #0"],
  ]);
  assert(regions(cpu) > 0);
});

Deno.test("a jump through a linker's table is guessed, and goes where the table says now", () => {
  const source = `
    .set table, ${DATA}
      adrp x1, table
      adr x2, one
      adr x3, two
      str x2, [x1, #24]
      mov w4, #60000
    loop: bl linked
      subs w4, w4, #1
      b.eq end
      tst w4, #0x3fff
      b.ne loop
      ldr x5, [x1, #24]
      str x3, [x1, #24]
      mov x3, x5
      b loop
    end: svc #0
    linked: adrp x16, table
      ldr x17, [x16, #24]
      add x16, x16, #24
      br x17
    one: add x0, x0, #1
      ret
    two: add x0, x0, #3
      ret`;
  const words = [...new Uint32Array(aarch64.assemble(source, CODE).buffer)], one = CODE + 19 * 4;
  assertEquals(words[19], 0x91000400);
  let guessed = 0;
  debug.module = (_, graphs) => {
    // The jump and where it goes are in one region.
    for (const { blocks } of graphs as { blocks: { instructions: { pc: number }[] }[] }[]) {
      const has = (pc: number) => blocks.some((b) => b.instructions.some((i) => i.pc === pc - BIAS));
      if (has(one - 4) && has(one)) guessed++;
    }
  };
  try {
    assert(regions(same(words.map((word) => [word, ""]))) > 0);
  } finally {
    debug.module = undefined;
  }
  assert(guessed > 0);
});

Deno.test("calls inside regions return to where they should, deep recursion unwinds", () => {
  const cpu = same([
    [0xd2800200, "mov x0, #16"],
    [0x94000009, "bl fib"],
    [0xaa0003f3, "mov x19, x0"],
    [0x52800794, "mov w20, #60"],
    [0xd280bb80, "again: mov x0, #1500"],
    [0x94000014, "bl deep"],
    [0x8b000273, "add x19, x19, x0"],
    [0x71000694, "subs w20, w20, #1"],
    [0x54ffff81, "b.ne again"],
    [0xd4000001, "svc #0"],
    [0xf100081f, "fib: cmp x0, #2"],
    [0x54000042, "b.hs more"],
    [0xd65f03c0, "ret"],
    [0xa9be7bfd, "more: stp x29, x30, [sp, #-32]!"],
    [0xa90153f3, "stp x19, x20, [sp, #16]"],
    [0xaa0003f4, "mov x20, x0"],
    [0xd1000400, "sub x0, x0, #1"],
    [0x97fffff9, "bl fib"],
    [0xaa0003f3, "mov x19, x0"],
    [0xd1000a80, "sub x0, x20, #2"],
    [0x97fffff6, "bl fib"],
    [0x8b130000, "add x0, x0, x19"],
    [0xa94153f3, "ldp x19, x20, [sp, #16]"],
    [0xa8c27bfd, "ldp x29, x30, [sp], #32"],
    [0xd65f03c0, "ret"],
    [0xb4000100, "deep: cbz x0, done"],
    [0xf81f0ffe, "str x30, [sp, #-16]!"],
    [0xd1000400, "sub x0, x0, #1"],
    [0x10ffffa9, "adr x9, deep"],
    [0xd63f0120, "blr x9"],
    [0x91000400, "add x0, x0, #1"],
    [0xf84107fe, "ldr x30, [sp], #16"],
    [0xd65f03c0, "ret"],
    [0xd65f03c0, "done: ret"],
  ]);
  assert(regions(cpu) > 1);
});

Deno.test("a fault inside a region has the registers of its instruction, also with write-back", () => {
  {
    const cpu = same([
      [0xd2a000a1, "mov x1, #0x50000"],
      [0xd2800002, "mov x2, #0"],
      [0xb8227822, "loop: str w2, [x1, x2, lsl #2]"],
      [0xb822d822, "str w2, [x1, w2, sxtw #2]"],
      [0x8b0200c6, "add x6, x6, x2"],
      [0x91000442, "add x2, x2, #1"],
      [0x17fffffc, "b loop"],
    ]);
    assert(regions(cpu) > 0);
  }
  {
    const cpu = same([
      [0xd2a000a1, "mov x1, #0x50000"],
      [0xd2800002, "mov x2, #0"],
      [0xf8008c22, "loop: str x2, [x1, #8]!"],
      [0xa8811822, "stp x2, x6, [x1], #16"],
      [0x8b0200c6, "add x6, x6, x2"],
      [0x91000442, "add x2, x2, #1"],
      [0x17fffffc, "b loop"],
    ]);
    assert(regions(cpu) > 0);
  }
});

Deno.test("vectors and floats in regions are those of the interpreter", () => {
  const cpu = same([
    [0xd2a000a1, "mov x1, #0x50000"],
    [0x52986a03, "mov w3, #50000"],
    [0x52800064, "mov w4, #3"],
    [0x1e620080, "scvtf d0, w4"],
    [0x1e61c001, "fsqrt d1, d0"],
    [0x1e6e1002, "fmov d2, #1.0"],
    [0x1e2f1014, "fmov s20, #1.5"],
    [0x4f00e4e5, "movi v5.16b, #7"],
    [0x1e612842, "loop: fadd d2, d2, d1"],
    [0x1e600821, "fmul d1, d1, d0"],
    [0x1e601821, "fdiv d1, d1, d0"],
    [0x1f410055, "fmadd d21, d2, d1, d0"],
    [0x4e61ceb6, "fmla v22.2d, v21.2d, v1.2d"],
    [0x4e38d697, "fadd v23.4s, v20.4s, v24.4s"],
    [0x6e34def8, "fmul v24.4s, v23.4s, v20.4s"],
    [0x4e040c63, "dup v3.4s, w3"],
    [0x4ea38484, "add v4.4s, v4.4s, v3.4s"],
    [0x6e241cc6, "eor v6.16b, v6.16b, v4.16b"],
    [0x6e24a4c7, "umaxp v7.16b, v6.16b, v4.16b"],
    [0x2e268ce8, "cmeq v8.8b, v7.8b, v6.8b"],
    [0x0f0c84c9, "shrn v9.8b, v6.8h, #4"],
    [0x6e06288a, "ext v10.16b, v4.16b, v6.16b, #5"],
    [0x6e3038cb, "uaddlv h11, v6.16b"],
    [0x9e660129, "fmov x9, d9"],
    [0x3d800426, "str q6, [x1, #16]"],
    [0x4cdfa02c, "ld1 {v12.16b, v13.16b}, [x1], #32"],
    [0x4c00782c, "st1 {v12.4s}, [x1]"],
    [0xd1008021, "sub x1, x1, #32"],
    [0x1e602040, "fcmp d2, d0"],
    [0x5400004c, "b.gt next"],
    [0x1e604047, "fmov d7, d2"],
    [0x9e78004a, "next: fcvtzs x10, d2"],
    [0x1e230079, "ucvtf s25, w3"],
    [0x1e604c5a, "fcsel d26, d2, d0, mi"],
    [0x4e141c7b, "ins v27.s[2], w3"],
    [0x71000463, "subs w3, w3, #1"],
    [0x54fffc81, "b.ne loop"],
    [0xd53b4430, "mrs x16, fpsr"],
    [0xd4000001, "svc #0"],
  ]);
  assert(regions(cpu) > 0);
});

Deno.test("code that a region has translated can be changed by the program", () => {
  const cpu = same([
    [0x5281a803, "mov w3, #0x0d40"],
    [0x72a00063, "movk w3, #3, lsl #16"],
    [0x10000048, "adr x8, patched"],
    [0x18000189, "ldr w9, word"],
    [0x11000400, "again: patched: add w0, w0, #1"],
    [0x5290d40a, "mov w10, #0x86a0"],
    [0x72a0002a, "movk w10, #1, lsl #16"],
    [0x6b0a007f, "cmp w3, w10"],
    [0x54000081, "b.ne go"],
    [0xb9000109, "str w9, [x8]"],
    [0xd50b7528, "ic ivau, x8"],
    [0xd5033fdf, "isb"],
    [0x71000463, "go: subs w3, w3, #1"],
    [0x54fffee1, "b.ne again"],
    [0xd4000001, "svc #0"],
    [0x11001400, "word: add w0, w0, #5"],
  ]);
  assert(regions(cpu) > 0);
});

Deno.test("code that begins with cbz is a region", () => {
  const { cpu } = start([
    [0x52a00120, "mov w0, #0x90000"],
    [0xb4000080, "f: cbz x0, done"],
    [0x8b000021, "add x1, x1, x0"],
    [0xd1000400, "sub x0, x0, #1"],
    [0x17fffffd, "b f"],
    [0xd4000001, "done: svc #0"],
  ], "jit");
  for (let turn = 0; turn < 200 && cpu.run(1_000_000).cause === "budget"; turn++);
  assertEquals(cpu.frame.num(1), 0x90000 * 0x90001 / 2);
  const entry = CODE + 4 - BIAS;
  assert(cpu.cache.regions?.regions.some((r) => r?.pc === entry));
});

const SUM: Code = [
  [0x52835003, "mov w3, #0x1a80"],
  [0x72a000c3, "movk w3, #6, lsl #16"],
  [0x8b030000, "loop: add x0, x0, x3"],
  [0x71000463, "subs w3, w3, #1"],
  [0x54ffffc1, "b.ne loop"],
  [0xd4000001, "svc #0"],
];
Deno.test("a loop in a region is interrupted by the budget, and stepping goes one by one", () => {
  const { cpu } = start([[0x91000400, "add x0, x0, #1"], [0x17ffffff, "b .-4"]], "jit");
  for (let i = 0; i < 20; i++) assertEquals(cpu.run(50_000).cause, "budget");
  assert(regions(cpu) > 0);
  const before = cpu.frame.num(0), pc = cpu.frame.num(aarch64.pc);
  cpu.run(1), cpu.run(1);
  assertEquals(cpu.frame.num(0), before + 1);
  assertEquals(cpu.frame.num(aarch64.pc), pc);
});

Deno.test("a sum in a region is what arithmetic says, and counts its instructions", () => {
  const machine = start(SUM, "jit"), { cpu } = machine;
  outcome(machine);
  assertEquals(cpu.frame.num(0), 400_000 * 400_001 / 2);
  assert(regions(cpu) > 0);
});

/** A loop over 100 rows of random operands in v0-v2 and v4, with or without IXC; result, flags and FPSR are kept. The nop is what is tested. */
const ROWS: Code = [
  [0x528001c9, "mov w9, #14"],
  [0xd2a000a1, "round: mov x1, #0x50000"],
  [0xd2a00102, "mov x2, #0x80000"],
  [0x52800c83, "mov w3, #100"],
  [0xad400420, "loop: ldp q0, q1, [x1]"],
  [0xad411022, "ldp q2, q4, [x1, #32]"],
  [0xf9402025, "ldr x5, [x1, #64]"],
  [0xd51b4425, "msr fpsr, x5"],
  [0xd503201f, "nop"],
  [0xd53b4426, "mrs x6, fpsr"],
  [0xac810044, "stp q4, q0, [x2], #32"],
  [0xa8811c46, "stp x6, x7, [x2], #16"],
  [0xd53b4206, "mrs x6, nzcv"],
  [0xf8008446, "str x6, [x2], #8"],
  [0x91012021, "add x1, x1, #72"],
  [0x71000463, "subs w3, w3, #1"],
  [0x54fffe81, "b.ne loop"],
  [0x71000529, "subs w9, w9, #1"],
  [0x54fffde1, "b.ne round"],
  [0xd4000001, "svc #0"],
];
const NOP = 0xd503201f;

const ofVectors = (d: Declaration): boolean =>
  d.pieces.some((p) => typeof p !== "string" && isVector(p.operand.kind));

/** Words of every form with vector registers alone or beside general ones: d is v4 or x7, n, m and a are 0, 1 and 2. */
function vectorForms(): [number, string][] {
  const fixed: Record<string, number> = { d: 4, n: 0, m: 1, a: 2 };
  return declarations().filter((d) => ofVectors(d) && !d.memory && !d.flow && !/fmov.*#|\/h/.test(d.text))
    .map((d) => {
      let word = d.value;
      for (const piece of d.pieces) {
        if (typeof piece === "string" || !(piece.operand.letter in fixed)) continue;
        const { letter, kind } = piece.operand, general = /^[wx]?$/.test(kind);
        const v = general && letter === "d" ? 7 : fixed[letter];
        d.fields[letter].forEach((bit, i, all) => word |= (v >> (all.length - 1 - i) & 1) << bit);
      }
      // An immediate as it comes; conditions and flags: gt, nzcv 0.
      if (d.fields.c) word |= 12 << d.fields.c[3];
      if (d.fields.s) word |= 0xa << d.fields.s[d.fields.s.length - 1];
      return [word | 0, d.text];
    });
}

Deno.test("vectors, floats and their flags in regions are the interpreter's for random operands, with and without IXC", () => {
  const every = Number(Deno.env.get("EVERY") ?? 61), random = new CaseGenerator(7, []);
  const rows = new BigUint64Array(100 * 9);
  for (let r = 0; r < 100; r++) {
    for (let i = 0; i < 8; i++) rows[r * 9 + i] = random.float();
    // Simple operands too: sums and products of small numbers are exact.
    if (r % 3 === 0) {
      for (let i = 0; i < 8; i++) {
        rows[r * 9 + i] = new BigUint64Array(new Float64Array([random.below(64) / 4 - 8]).buffer)[0];
      }
    }
    if (r % 3 === 1) {
      for (let i = 0; i < 8; i++) {
        rows[r * 9 + i] =
          new BigUint64Array(new Float32Array([random.below(64) / 4 - 8, random.below(9)]).buffer)[0];
      }
    }
    rows[r * 9 + 8] = BigInt(random.below(3) ? 0x10 : random.below(2) ? 0 : 1);
  }
  const run = (word: number, engine: "jit" | "interpreter") => {
    const m = start(ROWS.map(([w, text]) => [w === NOP ? word : w, text]), engine);
    m.space.write(DATA, new Uint8Array(rows.buffer));
    outcome(m);
    return { regions: regions(m.cpu), out: m.cpu.memory.slice(STACK - 0x10000 - BIAS, STACK - BIAS) };
  };
  let at = 0;
  for (const [word, text] of vectorForms()) {
    if (at++ % every) continue;
    const a = run(word, "interpreter"), b = run(word, "jit");
    assert(b.regions > 0, text);
    for (let i = 0; i < 5600; i++) {
      if (a.out[i] === b.out[i]) continue;
      const row = Math.floor(i / 56), hex = (o: Uint8Array) => o.subarray(row * 56, row * 56 + 56).toHex();
      const sources = Array.from(rows.subarray(row * 9, row * 9 + 9), (x) => x.toString(16)).join(" ");
      throw new Error(
        `${text} row ${row}: ${sources}\n  interpreter ${hex(a.out)}\n  region      ${hex(b.out)}`,
      );
    }
  }
});
