/** WebAssembly copies frames of signals as JavaScript does. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS, createSpace, READ, WRITE } from "@guise/core";
import { loadTranslator, type X86Cpu } from "./cpu.ts";
import { KIND } from "./kinds.ts";
import { x86_64 } from "./mod.ts";
import { STATE } from "./state.ts";

await loadTranslator();

const DATA = 0x50000, AT = DATA - BIAS + 24, TIMES = 600;
const IMAGE = x86_64.register("fxsave"), BYTES = 416;
const LIST = Int32Array.from(
  ["rax", "r8", "rip", "rflags", "fs_base", "mxcsr", "fcw", "fsw", "rsp"],
  (name) => x86_64.register(name),
);

Deno.test("registers and the image go to and come from guest memory as other bytes, many times over", () => {
  const space = createSpace()!, kernel = { syscall: () => 1 as const, call: () => 1 as const };
  const cpu = x86_64.createCpu(space, kernel, { engine: "auto" }) as unknown as X86Cpu;
  const copies: unknown[] = [], { copies: make } = cpu;
  cpu.copies = (offsets) => {
    const made = make.call(cpu, offsets);
    copies.push(made);
    return made;
  };
  space.map({ address: DATA, length: 0x10000, prot: READ | WRITE, fixed: "replace" });
  assert(space.check(DATA, 0x2000, WRITE));
  const { frame, memory, state } = cpu, size = LIST.length * 8;
  const other = new Uint8Array(1048), view = new DataView(other.buffer);
  const random = (bytes: Uint8Array) => void crypto.getRandomValues(bytes);
  // With what lies around them, which stays.
  const here = (length: number) => memory.slice(AT - 24, AT + length + 24);
  for (let turn = 0; turn < TIMES; turn++) {
    random(memory.subarray(0, frame.saved));
    const kinds = Object.values(KIND);
    state.setInt32(STATE.flagKind, kinds[turn % kinds.length], true);
    state.setInt32(STATE.ftop, turn & 7, true);

    random(other), memory.set(other, AT - 24);
    frame.gather(LIST, view, 24), frame.gather(LIST, state, AT);
    assertEquals(here(size), other.slice(0, size + 48), `gather, turn ${turn}`);
    frame.read(IMAGE, other, 24), frame.read(IMAGE, memory, AT);
    assertEquals(here(BYTES), other.slice(0, BYTES + 48), `image, turn ${turn}`);

    const before = frame.save();
    frame.restore(before);
    random(other), memory.set(other, AT - 24);
    frame.scatter(LIST, view, 24), frame.write(IMAGE, other, 24);
    const expected = frame.save();
    frame.restore(before);
    frame.scatter(LIST, state, AT), frame.write(IMAGE, memory, AT);
    assertEquals(frame.save(), expected, `back, turn ${turn}`);
  }
  // One for the list, one for the image.
  assertEquals(copies.map((made) => made !== undefined), [true, true]);
});
