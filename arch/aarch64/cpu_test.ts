import { assert, assertEquals } from "@std/assert";
import { createSpace, EXEC, READ, WRITE } from "@guise/core";
import { BIAS } from "@guise/translator";
import { aarch64 } from "./mod.ts";

const CODE = 0x30000, DATA = 0x50000;
const X0 = aarch64.register("x0"),
  X1 = aarch64.register("x1"),
  X30 = aarch64.register("x30"),
  PSTATE = aarch64.register("pstate");

/** A CPU with code, 64 KiB of data. The kernel leaves at every call. */
function machine(...words: number[]) {
  const space = createSpace()!, calls: number[] = [];
  const cpu = aarch64.createCpu(space, { syscall: (n) => (calls.push(n), 1), call: () => 1 });
  space.map({ address: CODE, length: 0x10000, prot: READ | WRITE | EXEC, fixed: "replace" });
  space.map({ address: DATA, length: 0x10000, prot: READ | WRITE, fixed: "replace" });
  space.write(CODE, new Uint8Array(Int32Array.from(words).buffer));
  cpu.frame.setNum(aarch64.pc, CODE);
  return { cpu, space, calls, pc: () => cpu.frame.num(aarch64.pc) - CODE };
}
const ALWAYS = 1_000_000;
const SVC = 0xd4000001, BRK = 0xd4200000;

Deno.test("run counts every finished instruction and leaves at svc", () => {
  // mov x1, #1000; again: add x0, x0, x1; subs x1, x1, #1; b.ne again; svc
  const { cpu, calls, pc } = machine(0xd2807d01, 0x8b010000, 0xf1000421, 0x54ffffc1, SVC);
  assertEquals([cpu.run(ALWAYS).cause, calls], ["syscall", [0]]);
  assertEquals([cpu.frame.num(X0), cpu.instructions, pc()], [500500, 1 + 3 * 1000 + 1, 20]);
});

Deno.test("run(1) executes exactly one instruction, also with write-back", () => {
  // mov x1, #0x50000; str x0, [x1, #8]!; ldr x0, [x1], #16; bl +8; nop; ret
  const { cpu, pc } = machine(0xd2a000a1, 0xf8008c20, 0xf8410420, 0x94000002, 0xd503201f, 0xd65f03c0);
  const seen: number[] = [];
  for (let i = 0; i < 5; i++) {
    assertEquals(cpu.run(1).cause, "budget");
    assertEquals(cpu.instructions, i + 1);
    seen.push(pc());
  }
  assertEquals(seen, [4, 8, 12, 20, 16]);
  assertEquals([cpu.frame.num(X1), cpu.frame.num(X30) - CODE], [DATA + 24, 16]);
});

Deno.test("run stops near its budget and goes on where it stopped", () => {
  // again: add x0, x0, #1; add x1, x1, #2; b again
  const { cpu } = machine(0x91000400, 0x91000821, 0x17fffffe);
  for (let i = 1; i <= 10; i++) {
    assertEquals(cpu.run(1000).cause, "budget");
    assertEquals(cpu.frame.num(X1), 2 * cpu.frame.num(X0));
    assert(Math.abs(cpu.instructions - 1000 * i) < 130 * i);
  }
});

Deno.test("a page fault has exact registers, address, access and syndrome; nothing is written back", () => {
  // mov x1, #0x70000; str x0, [x1, #8]!
  const { cpu, pc } = machine(0xd2a000e1, 0xf8008c20);
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.address, trap.access, trap.vector, trap.error], [
    "page",
    0x70008,
    WRITE,
    0x24,
    0x47,
  ]);
  assertEquals([cpu.frame.num(X1), pc()], [0x70000, 4]);
});

Deno.test("the top byte of an address does not count in loads, stores and branches, and no fault tells it", () => {
  // ldr x0, [x1]; str x0, [x1, #8]!; br x2; (CODE + 16) ldr x0, [x3]
  const { cpu, space, pc } = machine(0xf9400020, 0xf8008c20, 0xd61f0040, BRK, 0xf9400060);
  const { frame } = cpu, x2 = aarch64.register("x2"), x3 = aarch64.register("x3");
  space.write(DATA, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  frame.setBig(X1, 0x5a00000000000000n + BigInt(DATA));
  frame.setBig(x2, 0xff00000000000000n + BigInt(CODE + 16));
  frame.setBig(x3, 0x1200000000000008n);
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.address, pc()], ["page", 8, 16]);
  assertEquals([...space.u8.subarray(DATA + 8 - BIAS, DATA + 16 - BIAS)], [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals(frame.big(X1), 0x5a00000000000000n + BigInt(DATA + 8));
  // Bit 55 makes it one of the kernel's.
  const other = machine(0xf9400020);
  other.cpu.frame.setBig(X1, 0x5a80000000000000n + BigInt(DATA));
  const refused = other.cpu.run(ALWAYS);
  assertEquals([refused.cause, refused.addressHi], ["page", 0x5a800000]);
});

Deno.test("a call stub calls the kernel from pages of stubs, and is undefined elsewhere", () => {
  for (const stubs of [true, false]) {
    const space = createSpace()!, called: number[] = [];
    const cpu = aarch64.createCpu(space, { syscall: () => 1, call: (target) => (called.push(target), 0) });
    space.map({ address: CODE, length: 4096, prot: READ | WRITE | EXEC, fixed: "replace", stubs });
    space.map({ address: DATA, length: 4096, prot: READ | WRITE | EXEC, fixed: "replace" });
    space.write(CODE, aarch64.stub(0x7fff1234));
    space.write(DATA, new Uint8Array(Int32Array.of(0xd63f0020, BRK).buffer)); // blr x1; brk
    cpu.frame.setNum(X1, CODE), cpu.frame.setNum(aarch64.pc, DATA);
    const trap = cpu.run(ALWAYS);
    assertEquals(
      [called, trap.cause, cpu.frame.num(aarch64.pc)],
      stubs ? [[0x7fff1234], "breakpoint", DATA + 4] : [[], "illegal", CODE + 8],
    );
  }
});

Deno.test("an access by sp that is not a multiple of 16 faults before anything is done", () => {
  const sp = aarch64.sp, ADRALN = ["alignment", 0x26];
  for (
    const words of [
      [0xd10023ff, 0xf94003e0], // sub sp, sp, #8; ldr x0, [sp]
      [0xcb2163ff, 0xa9bf7bfd], // sub sp, sp, x1; stp x29, x30, [sp, #-16]!
      [0x9240f83f, 0x3dc003e0], // and sp, x1, #0x7fff...; ldr q0, [sp]
      [0x910023ff, 0xd503201f, 0x88dfffe0], // add sp, sp, #8; nop; ldar w0, [sp]
    ]
  ) {
    const { cpu, pc } = machine(...words);
    cpu.frame.setNum(sp, DATA + 256), cpu.frame.setNum(X1, 8);
    const trap = cpu.run(ALWAYS), at = cpu.frame.num(sp);
    assertEquals([trap.cause, trap.vector, trap.address, pc()], [...ADRALN, at, words.length * 4 - 4]);
    assertEquals([at % 16, cpu.instructions], [8, words.length - 1]);
  }
  // Aligned again in time, and by another register: nothing happens; a budget of one counts one.
  const { cpu, pc } = machine(0xd10023ff, 0x910003e2, 0xf9400040, 0x910023ff, 0xf94003e0, BRK);
  cpu.frame.setNum(sp, DATA + 256);
  for (let i = 1; i <= 3; i++) assertEquals([cpu.run(1).cause, cpu.instructions, pc()], ["budget", i, 4 * i]);
  assertEquals([cpu.run(ALWAYS).cause, pc()], ["breakpoint", 20]);
  // As the kernel sets it for a new thread.
  const other = machine(0xf94003e0);
  other.cpu.frame.setNum(sp, DATA + 4);
  assertEquals([other.cpu.run(ALWAYS).cause, other.pc()], ["alignment", 0]);
});

Deno.test("an unaligned atomic access faults with its address, mapped or not", () => {
  for (const address of [DATA + 4, 0x70004]) {
    const { cpu, pc } = machine(0xc85f7c20); // ldxr x0, [x1]
    cpu.frame.setBig(X1, 0x5600000000000000n + BigInt(address));
    const trap = cpu.run(ALWAYS);
    assertEquals([trap.cause, trap.vector, trap.error, trap.address, pc()], [
      "alignment",
      0x24,
      0x21,
      address,
      0,
    ]);
  }
});

Deno.test("dc zva clears the 64 bytes around its address, as DCZID_EL0 says", () => {
  // mrs x0, dczid_el0; dc zva, x1; dc zva, x2
  const { cpu, space, pc } = machine(0xd53b00e0, 0xd50b7421, 0xd50b7422);
  space.write(DATA, new Uint8Array(256).fill(7));
  cpu.frame.setNum(X1, DATA + 100), cpu.frame.setNum(aarch64.register("x2"), 0x70033);
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.address, trap.access, pc()], ["page", 0x70033, WRITE, 8]);
  assertEquals(cpu.frame.num(X0), 4);
  const bytes = space.u8.subarray(DATA - BIAS, DATA + 256 - BIAS);
  assertEquals(
    [...bytes].map((b, i) => b ? -1 : i).filter((i) => i >= 0),
    Array.from({ length: 64 }, (_, i) => 64 + i),
  );
});

Deno.test("traps have the exception class of hardware, at the instruction", () => {
  for (
    const [word, cause, vector] of [
      [0x00000000, "illegal", 0],
      [BRK, "breakpoint", 0x3c],
      [0xd4400000, "illegal", 0], // hlt
      [0xd5380000, "illegal", 0], // mrs x0, midr_el1
    ] as const
  ) {
    const { cpu, pc } = machine(0xd503201f, word);
    const trap = cpu.run(ALWAYS);
    assertEquals([trap.cause, trap.vector, pc()], [cause, vector, 4], word.toString(16));
  }
});

Deno.test("a jump to an address that is not a multiple of 4 is an alignment fault there", () => {
  // mov x1, #2; movk x1, #3, lsl #16; br x1
  const { cpu } = machine(0xd2800041, 0xf2a00061, 0xd61f0020);
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.vector, cpu.frame.num(aarch64.pc)], ["alignment", 0x22, 0x30002]);
});

Deno.test("flags are those of the last flag-setting instruction", () => {
  for (
    const [x0, x1, nzcv] of [[5, 6, 0x8], [6, 6, 0x6], [7, 6, 0x2]] as const
  ) {
    const { cpu } = machine(0xeb01001f, BRK); // cmp x0, x1
    cpu.frame.setNum(X0, x0), cpu.frame.setNum(X1, x1);
    cpu.run(ALWAYS);
    assertEquals(cpu.frame.lo(PSTATE) >>> 28, nzcv);
  }
});

Deno.test("code that the guest rewrites runs as rewritten", () => {
  // ldr w0, [x1] (a new instruction); str w0, [x30]; nop (rewritten); brk
  const { cpu, space } = machine(0xb9400020, 0xb90003c0, 0xd503201f, BRK);
  space.write(DATA, new Uint8Array(Int32Array.of(0xd2800100).buffer)); // mov x0, #8
  cpu.frame.setNum(X1, DATA), cpu.frame.setNum(X30, CODE + 8);
  assertEquals(cpu.run(ALWAYS).cause, "breakpoint");
  assertEquals(cpu.frame.num(X0), 8);
});

Deno.test("a store exclusive fails when the monitor is open", () => {
  // ldxr x0, [x1]; clrex; stxr w0, x2, [x1]; brk
  const { cpu } = machine(0xc85f7c20, 0xd5033f5f, 0xc8007c22, BRK);
  cpu.frame.setNum(X1, DATA);
  cpu.run(ALWAYS);
  assertEquals(cpu.frame.num(X0), 1);
});

Deno.test("save and restore carry a task to another CPU", () => {
  const a = machine(0xd28000a0, 0xeb00001f, BRK), b = machine(0xd503201f); // mov x0, #5; cmp x0, x0
  a.cpu.run(ALWAYS);
  b.cpu.frame.restore(a.cpu.frame.save());
  assertEquals([b.cpu.frame.num(X0), b.cpu.frame.lo(PSTATE) >>> 28], [5, 6]);
});
