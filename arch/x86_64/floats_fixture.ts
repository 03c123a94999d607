/** For tests of floats in regions: a program over rows of data, and what can be seen when it has ended. */
// cold: tests
import { assemble } from "./assemble.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { CODE, DATA, EXEC, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { STATE } from "./state.ts";

await loadTranslator();

/**
 * Runs it, in pieces of so many instructions, with `size` bytes at DATA, where `data` and what else is `written` are. `exact`: it ends by a fault, where
 * registers that nobody reads any more are right only for who looks (docs/decisions/0064).
 */
export function ended(
  source: string,
  engine: "jit" | "interpreter",
  data: Uint8Array,
  {
    mxcsr = 0x1fa0,
    size = 0x10000,
    piece = 1_000_000,
    exact = false,
    written = {} as Record<number, number>,
  } = {},
) {
  const space = new FakeSpace(), kernel = { syscall: () => 1 as const, call: () => 1 as const };
  const cpu = new X86Cpu(space, kernel, undefined, undefined, engine);
  if (exact) cpu.exactFaults();
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(DATA, size, READ | WRITE);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  space.write(CODE, assemble(source, CODE));
  space.write(DATA, data);
  for (const [at, word] of Object.entries(written)) {
    space.write(Number(at), new Uint8Array(Uint32Array.of(word).buffer));
  }
  const view = new DataView(space.u8.buffer);
  view.setUint32(STATE.mxcsr, mxcsr, true);
  cpu.frame.setNum(16, CODE);
  cpu.frame.setNum(4, STACK);
  let trap = cpu.run(piece);
  for (let turn = 0; trap.cause === "budget" && turn < 5000; turn++) trap = cpu.run(piece);
  return {
    cause: trap.cause,
    pc: cpu.frame.num(16).toString(16),
    mxcsr: view.getUint32(STATE.mxcsr, true).toString(16),
    regions: cpu.cache.regions?.regions.filter((r) => r).length ?? 0,
    /** Memory of the engine, in words of 64 bits. */
    words: (at: number, length: number): string[] =>
      Array.from(new BigUint64Array(space.u8.slice(at, at + length).buffer), (v) => v.toString(16)),
  };
}
