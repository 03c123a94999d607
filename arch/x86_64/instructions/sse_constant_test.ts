/** Forms for a machine that knows the immediate (a translator) give what the interpreter's forms for any immediate give. */
import { assertEquals } from "@std/assert";
import {
  Generator,
  HelperEnv,
  i32,
  type Load,
  type Machine,
  type Operand,
  type Store,
} from "@guise/translator";
import { STATE } from "../state.ts";
import { sse } from "./sse.ts";

const MNEMONICS = ["pshufd", "shufps", "palignr", "psrlw", "psrad", "psllq", "pslldq", "psrldq"];

/** A vector register in the state block. */
function register(env: HelperEnv, n: number): Operand {
  const at = STATE.xmm + 16 * n;
  return {
    place: "reg",
    size: 128,
    load: <N extends Load>(name: N, offset = 0) => env.state(name, at + offset),
    store: <N extends Store>(name: N, v: Parameters<Operand["store"]>[1], offset = 0) =>
      env.setState(name, at + offset, v as never),
  } as Operand;
}

/** `mnemonic known/any`: functions without and with a constant immediate, of (immediate) on xmm0 and xmm1. */
function compile(immediate: number) {
  const generator = new Generator({
    ops: [],
    host: {},
    zero: STATE.zero,
    temporary: STATE.temporary,
    pc: STATE.rip,
    wide: false,
  });
  for (const mnemonic of MNEMONICS) {
    const d = sse.flatMap((family) => family()).find((d) =>
      d.mnemonic === mnemonic && d.operands.at(-1)!.source === "imm"
    )!;
    for (const constant of [true, false]) {
      const ref = generator.module.func(["i32"], [], (f) => {
        const env = new HelperEnv(generator, f);
        const read = () => constant ? i32(immediate) : f.param(0, "i32");
        const imm = { place: "imm", size: 8, read, signed: read } as unknown as Operand;
        const operands = [register(env, 0), ...(d.operands.length === 3 ? [register(env, 1)] : []), imm];
        d.semantics(env as unknown as Machine, ...operands);
      });
      generator.module.export(`${mnemonic} ${constant ? "known" : "any"}`, ref);
    }
  }
  return generator.bytes();
}

Deno.test("SSE operations with a known immediate do what they do with one from the record", () => {
  const memory = new WebAssembly.Memory({ initial: 2 }), state = new Uint8Array(memory.buffer);
  const nothing = () => 0;
  const imports = {
    guise: {
      memory,
      pages: new WebAssembly.Memory({ initial: 17 }),
      engine: new WebAssembly.Memory({ initial: 8 }),
      regions: new WebAssembly.Table({ element: "anyfunc", initial: 0 }),
    },
    host: { miss: nothing, resolve: nothing, syscall: nothing, call: nothing, region: nothing },
  };
  for (let immediate = 0; immediate < 256; immediate += immediate < 40 ? 1 : 9) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(compile(immediate)), imports);
    const result = (name: string) => {
      for (let i = 0; i < 32; i++) state[STATE.xmm + i] = i * 37 + 101;
      (exports[name] as (imm: number) => void)(immediate);
      return [...state.subarray(STATE.xmm, STATE.xmm + 16)];
    };
    for (const m of MNEMONICS) assertEquals(result(`${m} known`), result(`${m} any`), `${m} ${immediate}`);
  }
});
