/** WebAssembly copies frames of signals as JavaScript does, on both CPUs (docs/decisions/0072). */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { aarch64 } from "@guise/aarch64";
import { BIAS, createSpace, READ, WRITE } from "@guise/core";
import type { BaseCpu, BaseFrame } from "@guise/translator/run";
import { x86_64 } from "@guise/x86-64";
import { KIND as ARM_KIND, loadTranslator as loadArm, STATE as ARM_STATE } from "@guise/aarch64/testing";
import { KIND as X86_KIND, loadTranslator as loadX86, STATE as X86_STATE } from "@guise/x86-64/testing";

const DATA = 0x50000, AT = DATA - BIAS + 24, TIMES = 600;
const MACHINES = [
  {
    arch: x86_64,
    load: loadX86,
    image: "fxsave",
    bytes: 416,
    registers: ["rax", "r8", "rip", "rflags", "fs_base", "mxcsr", "fcw", "fsw", "rsp"],
    kinds: Object.values(X86_KIND),
    state: X86_STATE.flagKind,
    // The top of the x87's stack is one of eight.
    set: (state: DataView, turn: number) => state.setInt32(X86_STATE.ftop, turn & 7, true),
  },
  {
    arch: aarch64,
    load: loadArm,
    image: "fpsimd",
    bytes: 520,
    registers: ["x0", "x30", "sp", "pc", "pstate", "x7"],
    kinds: Object.values(ARM_KIND),
    state: ARM_STATE.flagKind,
    set: () => {},
  },
];

for (const { arch, load, image, bytes, registers, kinds, state: kind, set } of MACHINES) {
  Deno.test(`registers and the image go to and come from guest memory as other bytes, many times over: ${arch.name}`, async () => {
    await load();
    const IMAGE = arch.register(image), LIST = Int32Array.from(registers, (name) => arch.register(name));
    const space = createSpace()!, kernel = { syscall: () => 1 as const, call: () => 1 as const };
    const cpu = arch.createCpu(space, kernel, { engine: "auto" }) as unknown as BaseCpu & {
      readonly frame: BaseFrame;
    };
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
      state.setInt32(kind, kinds[turn % kinds.length], true), set(state, turn);

      random(other), memory.set(other, AT - 24);
      frame.gather(LIST, view, 24), frame.gather(LIST, state, AT);
      assertEquals(here(size), other.slice(0, size + 48), `gather, turn ${turn}`);
      frame.read(IMAGE, other, 24), frame.read(IMAGE, memory, AT);
      assertEquals(here(bytes), other.slice(0, bytes + 48), `image, turn ${turn}`);

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
}
