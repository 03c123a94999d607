import { assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { assemble } from "./assemble.ts";
import { CODE, DATA, machine } from "./fake_space.ts";
import { REG } from "./registers.ts";

const ALWAYS = 1_000_000;
const ALL = Int32Array.of(REG.rax, REG.r8, REG.rip, REG.rflags, REG.fs_base, REG.mxcsr, REG.fcw, REG.rsp);

Deno.test("gather gives what lo and hi give of each register, and scatter sets what set does", () => {
  const { cpu: { frame } } = machine(assemble("nop", CODE)), view = new DataView(new ArrayBuffer(100));
  const value = (i: number) => BigInt.asUintN(64, 0x123456789abcdef1n * BigInt(i + 3));
  const given = new DataView(new ArrayBuffer(100)), once = machine(assemble("nop", CODE)).cpu.frame;
  ALL.forEach((reg, i) => {
    given.setBigUint64(4 + i * 8, value(i), true);
    once.setBig(reg, value(i));
  });
  frame.scatter(ALL, given, 4);
  assertEquals(frame.save(), once.save());
  frame.gather(ALL, view, 4);
  ALL.forEach((reg, i) => assertEquals(view.getBigUint64(4 + i * 8, true), once.big(reg), `register ${reg}`));
});

Deno.test("an image written to the guest's memory comes back from there as from other bytes", () => {
  const { cpu, space } = machine(assemble("fld1\nfldpi\nmovq xmm3, rax\nsyscall", CODE));
  cpu.frame.setNum(REG.rax, 0x12345678);
  cpu.run(ALWAYS);
  const bytes = new Uint8Array(600).fill(0xee), at = DATA - BIAS + 64;
  cpu.frame.read(REG.fxsave, bytes, 40);
  const memory = cpu.memory;
  memory.fill(0xee, at - 40, at + 560);
  cpu.frame.read(REG.fxsave, memory, at);
  assertEquals(memory.slice(at - 40, at + 560), bytes);
  // What the processor leaves to software stays.
  assertEquals([...new Set([...bytes.slice(0, 40), ...bytes.slice(40 + 416)])], [0xee]);
  for (const [from, offset] of [[memory, at], [bytes, 40]] as const) {
    const other = machine(assemble("nop", CODE)).cpu;
    if (from === memory) other.memory.set(memory.subarray(at, at + 512), at);
    other.frame.write(REG.fxsave, from === memory ? other.memory : from, offset);
    const back = new Uint8Array(600).fill(0xee);
    other.frame.read(REG.fxsave, back, 40);
    assertEquals(back, bytes);
  }
  assertEquals(space.memory.buffer, memory.buffer);
});

Deno.test("a call that sends the task elsewhere goes on there without leaving run, also one instruction at a time", () => {
  for (const source of ["syscall", "int 0x80"]) {
    const code = assemble(
      `mov ebx, 1000\n${source}\nud2\nthere:\nadd rcx, 1\nsub ebx, 1\njne there\nhlt`,
      CODE,
    );
    for (const budget of [ALWAYS, 1]) {
      const { cpu, calls, kernel } = machine(code);
      kernel.syscall = (entry) => {
        calls.push(entry);
        cpu.frame.setNum(REG.rip, CODE + 5 + 2 + 2);
        cpu.frame.setNum(REG.rcx, 7);
        return 0;
      };
      let trap = cpu.run(budget);
      while (trap.cause === "budget") trap = cpu.run(budget);
      assertEquals([trap.cause, calls.length, cpu.frame.num(REG.rcx)], ["protection", 1, 1007]);
      assertEquals(cpu.instructions, 2 + 3 * 1000);
    }
  }
});
