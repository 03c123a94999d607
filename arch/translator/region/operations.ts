/**
 * Operations by the numbers that records have. Making all of an architecture's takes longer than the translation of a loop, so programs make those
 * that they meet, from a table of where each number comes from that is written with the interpreter.
 */
import { CORE_OPS } from "../layout.ts";
import type { Numbering } from "../interpreter.ts";
import type { OpDef } from "../machine.ts";

/** One number: an operation and the form of its address. */
export interface Numbered {
  readonly def: OpDef;
  readonly form: 0 | 1;
}

/** All numbers of an interpreter. */
export interface Operations {
  /** First number that is a function of its own. */
  readonly hot: number;
  /** Of a number that is not one of the interpreter's own operations. */
  of(op: number): Numbered;
  /** What is known of them, where they are shipped, as text (learned.ts). */
  readonly learned?: string;
}

/** Operations that have been made already. */
export function listed(ops: readonly OpDef[], { variants, hot }: Numbering): Operations {
  return {
    hot,
    of(op) {
      const { def, form } = variants[op - CORE_OPS.first];
      return { def: ops[def], form };
    },
  };
}

/** Where an operation comes from: the number of its declaration, and a number of the architecture's for its variety. */
export type Origin = readonly [declaration: number, variety: number];

/** The bytes from which {@link shipped} makes operations; `originOf`: by their indices. */
export function packed({ variants }: Numbering, originOf: (def: number) => Origin): Uint8Array {
  const words = new Uint16Array(variants.length * 2);
  variants.forEach(({ def, form }, i) => {
    const [declaration, variety] = originOf(def);
    words[i * 2] = declaration, words[i * 2 + 1] = variety << 1 | form;
  });
  return new Uint8Array(words.buffer);
}

/** Operations that are made when they are asked for, each once; `learned`: what the analysis has found out of them. */
export function shipped(
  bytes: Uint8Array,
  hot: number,
  learned: string,
  make: (...from: Origin) => OpDef,
): Operations {
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2),
    made = new Map<number, OpDef>();
  return {
    hot,
    learned,
    of(op) {
      const at = (op - CORE_OPS.first) * 2, declaration = words[at], variety = words[at + 1] >>> 1;
      const key = declaration << 15 | variety;
      let def = made.get(key);
      if (def === undefined) made.set(key, def = make(declaration, variety));
      return { def, form: (words[at + 1] & 1) as 0 | 1 };
    },
  };
}
