import { assertEquals } from "@std/assert";
import { BIAS, createSpace, EXEC, READ, WRITE } from "@guise/core";
import type { BaseCpu } from "@guise/translator/run";
import { KIND } from "./kinds.ts";
import { aarch64 } from "./mod.ts";
import { STATE } from "./state.ts";

const reg = (name: string) => aarch64.register(name);
const PSTATE = reg("pstate");
function machine() {
  return aarch64.createCpu(createSpace()!, { syscall: () => 1, call: () => 1 });
}

/** What the instruction that kinds.ts names would set, in the plainest way. */
function nzcv(kind: number, a: bigint, b: bigint): number {
  const size = kind & 1 ? 64 : 32,
    u = (x: bigint) => BigInt.asUintN(size, x),
    s = (x: bigint) => BigInt.asIntN(size, x);
  const add = kind >= KIND.add, logic = kind >= KIND.logic && !add;
  const result = logic ? u(a) : add ? u(a + b) : u(a - b);
  const n = s(result) < 0n, z = result === 0n;
  const c = !logic && (add ? u(a) + u(b) !== result : u(a) >= u(b));
  const v = !logic && (add ? s(a) + s(b) : s(a) - s(b)) !== s(result);
  return (n ? 0x80000000 : 0) | (z ? 0x40000000 : 0) | (c ? 0x20000000 : 0) | (v ? 0x10000000 : 0);
}

Deno.test("pstate has the flags of each lazy form, at the edges and between", () => {
  const { frame, state } = machine() as unknown as BaseCpu & { frame: { lo(reg: number): number } };
  const edges = [
    0n,
    1n,
    2n,
    0x7fffffffn,
    0x80000000n,
    0xffffffffn,
    0x7fffffffffffffffn,
    -(1n << 63n),
    -1n,
    -2n,
    0x123456789n,
  ];
  for (const kind of [0, 1, 2, 3, 4, 5]) {
    for (const x of edges) {
      for (const y of edges) {
        const size = kind & 1 ? 64 : 32, a = BigInt.asIntN(size, x);
        const b = kind >> 1 === KIND.logic >> 1 ? 0n : BigInt.asIntN(size, y);
        state.setInt32(STATE.flagKind, kind, true);
        state.setBigInt64(STATE.flagA, a, true), state.setBigInt64(STATE.flagB, b, true);
        assertEquals(frame.lo(PSTATE), nzcv(kind, a, b), `kind ${kind} of ${a} and ${b}`);
      }
    }
  }
});

Deno.test("gather gives what lo and hi give of each register, and scatter sets what set does", () => {
  const registers = Int32Array.from(["x0", "x17", "x30", "sp", "pc", "pstate", "tpidr_el0", "fpcr"], reg);
  const given = new DataView(new ArrayBuffer(80)), once = machine().frame, { frame } = machine();
  registers.forEach((r, i) => {
    const value = BigInt.asUintN(64, 0x923456789abcdef1n * BigInt(i + 3));
    given.setBigUint64(4 + i * 8, value, true);
    once.setBig(r, value);
  });
  frame.scatter(registers, given, 4);
  assertEquals(frame.save(), once.save());
  const view = new DataView(new ArrayBuffer(80));
  frame.gather(registers, view, 4);
  registers.forEach((r, i) => assertEquals(view.getBigUint64(4 + i * 8, true), once.big(r), `register ${r}`));
});

Deno.test("an image written to the guest's memory comes back from there as from other bytes", () => {
  const space = createSpace()!, DATA = 0x50000;
  space.map({ address: DATA, length: 0x10000, prot: READ | WRITE | EXEC, fixed: "replace" });
  const cpu = aarch64.createCpu(space, { syscall: () => 1, call: () => 1 }), image = new Uint8Array(540);
  for (let i = 0; i < 540; i++) image[i] = i * 7;
  cpu.frame.write(reg("fpsimd"), image, 12);
  const bytes = new Uint8Array(540), at = DATA - BIAS + 36;
  cpu.frame.read(reg("fpsimd"), bytes, 12);
  // fpsr and fpcr keep the bits that exist; the vectors are as they were.
  assertEquals(bytes.slice(20, 532), image.slice(20, 532));
  cpu.frame.read(reg("fpsimd"), space.u8, at);
  assertEquals(space.bytes(DATA + 36, 520), bytes.subarray(12, 532));
  cpu.frame.write(reg("fpsimd"), new Uint8Array(520));
  cpu.frame.write(reg("fpsimd"), space.u8, at);
  const back = new Uint8Array(540);
  cpu.frame.read(reg("fpsimd"), back, 12);
  assertEquals(back, bytes);
});
