/** What lives in locals of a region: parts of the state block, named by the architecture. Everything else stays in memory. */
import type { Type } from "../wasm/mod.ts";

/** A piece of the state block that a region holds in a local. */
export interface Slot {
  readonly id: number;
  readonly offset: number;
  readonly type: Extract<Type, "i32" | "i64" | "v128">;
}

/** Where an architecture keeps what regions treat specially. */
export interface SlotSpec {
  /** `count` slots from `offset` on, `step` bytes apart. */
  readonly ranges: readonly { offset: number; count: number; step: number; type: Slot["type"] }[];
  /** Slots that hold lazy flags; the first is the kind, whose constants are followed through the region. */
  readonly flags: readonly number[];
  readonly zero: number;
  /** What is written here nobody reads. */
  readonly trash?: number;
  /** A register field of a record times 2^this is an offset; default 0. */
  readonly fieldShift?: number;
  readonly temporary: number;
  /** No flag tells that an operand of floating point was denormal. */
  readonly quietDenormals?: boolean;
  readonly pc: number;
  /** The stack pointer, and what a return adds to it. */
  readonly stack: number;
  readonly returnPops?: number;
  /** What the handler of a signal relies on, wherever it comes: the stack pointer, and where a thread has what is its own. */
  readonly held: readonly number[];
  /**
   * The platform's calling convention, where it makes calls between regions quick (nothing relies on it): registers that have their old
   * values behind a call, the stack pointer among them, and the one with the result.
   */
  readonly saved?: readonly number[];
  readonly result?: number;
}

/** How large they are. */
export const BYTES = { i32: 4, i64: 8, v128: 16 } as const;

export class Slots {
  readonly list: Slot[] = [];
  /** Slot of each byte of the state block, or -1. */
  readonly at: Int16Array = new Int16Array(4096).fill(-1);
  /** Id of the kind of the lazy flags. */
  readonly kind: number;
  /** 1 by id: part of the lazy flags. */
  readonly isFlag: Uint8Array;

  constructor(readonly spec: SlotSpec) {
    for (const r of spec.ranges) {
      for (let i = 0; i < r.count; i++) {
        const offset = r.offset + i * r.step, id = this.list.length;
        this.list.push({ id, offset, type: r.type });
        this.at.fill(id, offset, offset + BYTES[r.type]);
      }
    }
    this.kind = this.at[spec.flags[0]];
    this.isFlag = new Uint8Array(this.list.length);
    for (const offset of spec.flags) this.isFlag[this.at[offset]] = 1;
  }
}
