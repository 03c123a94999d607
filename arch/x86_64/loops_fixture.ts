/** For tests of loops in regions: what can be seen of a program, and that the translator and the interpreter leave the same. */
// cold: tests
import { assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { assemble } from "./assemble.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { CODE, DATA, EXEC, FakeSpace, READ, WRITE } from "./fake_space.ts";
import { STATE } from "./state.ts";

await loadTranslator();

const HLT = 0xf4;

/**
 * What can be seen when the program has ended, in pieces of so many instructions. Without `exact` registers that nobody reads any more need not
 * be right at a fault: only at the end, an instruction that the interpreter does.
 */
function outcome(
  code: ArrayLike<number>,
  engine: "jit" | "interpreter",
  piece: number,
  exact: boolean,
): unknown {
  const space = new FakeSpace(), kernel = { syscall: () => 1 as const, call: () => 1 as const };
  const cpu = new X86Cpu(space, kernel, undefined, undefined, engine);
  if (exact) cpu.exactFaults();
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(DATA, 0x8000, READ | WRITE);
  space.map(DATA + 0x8000, 0x1000, READ);
  for (let i = 0; i < 0x9000; i++) space.u8[DATA - BIAS + i] = i * 7;
  space.write(CODE, code);
  cpu.frame.setNum(16, CODE);
  cpu.frame.setNum(4, DATA + 0x4000);
  let trap = cpu.run(piece);
  for (let turn = 0; trap.cause === "budget" && turn < 10000; turn++) trap = cpu.run(piece);
  const whole = exact || space.u8[cpu.frame.num(16) - BIAS] === HLT;
  return {
    cause: trap.cause,
    pc: cpu.frame.num(16),
    address: trap.cause === "page" ? trap.address : 0,
    access: trap.cause === "page" ? trap.access : 0,
    registers: whole ? Array.from({ length: 17 }, (_, i) => cpu.frame.big(i).toString(16)).join() : "",
    xmm: whole && space.u8.slice(STATE.xmm, STATE.xmm + 256).join(),
    data: space.u8.slice(DATA - BIAS, DATA - BIAS + 0x9000).join(),
  };
}
/** Ends as in the interpreter, in pieces of so many instructions; gives how. */
export function same(source: string, piece = 1_000_000): ReturnType<typeof outcome> {
  const code = assemble(source, CODE);
  const [expected] = [true, false].map((exact) => {
    const expected = outcome(code, "interpreter", 1_000_000, exact);
    assertEquals(outcome(code, "jit", piece, exact), expected, source);
    return expected;
  });
  return expected;
}

/** A function that is one loop, until ecx is 0 or to `out`, and what calls it. */
export const called = (calls: readonly string[], body: readonly string[]): string =>
  `
  ${calls.join("\n")}
  hlt
  body:
  again:
  ${body.join("\n")}
  next:
  dec ecx
  jnz again
  out:
  mov rsp, ${DATA + 0x4000 - 8}
  ret
`.replaceAll(" + 0]", "]");
