/** For tests of floats in regions: a program over rows of data, and what can be seen when it has ended. */
// cold: tests
import { createSpace, EXEC, READ, WRITE } from "@guise/core";
import { type ArmCpu, loadTranslator } from "./cpu.ts";
import { aarch64 } from "./mod.ts";
import { useDeclarations } from "./built.ts";

useDeclarations();
await loadTranslator();

export const CODE = 0x30000, DATA = 0x50000;

/**
 * Runs it, in pieces of so many instructions, with `size` bytes at {@link DATA}. `exact`: it ends by a fault, where registers that nobody reads
 * any more are right only for who looks (docs/decisions/0064).
 */
export function ended(
  source: string,
  engine: "jit" | "interpreter",
  data: Uint8Array,
  { size = 0x10000, piece = 1_000_000, exact = false } = {},
) {
  const space = createSpace()!;
  const cpu = aarch64.createCpu(space, { syscall: () => 1, call: () => 1 }, { engine }) as unknown as ArmCpu;
  if (exact) cpu.exactFaults();
  space.map({ address: CODE, length: 0x10000, prot: READ | WRITE | EXEC, fixed: "replace" });
  space.map({ address: DATA, length: size, prot: READ | WRITE, fixed: "replace" });
  space.write(CODE, aarch64.assemble(source, CODE));
  space.write(DATA, data);
  cpu.frame.setNum(aarch64.pc, CODE);
  let trap = cpu.run(piece);
  for (let turn = 0; trap.cause === "budget" && turn < 5000; turn++) trap = cpu.run(piece);
  return {
    cause: trap.cause,
    pc: cpu.frame.num(aarch64.pc).toString(16),
    regions: cpu.cache.regions?.regions.filter((r) => r).length ?? 0,
    /** Memory of the engine, in words of 64 bits. */
    words: (at: number, length: number): string[] =>
      Array.from(new BigUint64Array(cpu.memory.slice(at, at + length).buffer), (v) => v.toString(16)),
  };
}
