/**
 * What a function knows of its values and accesses while it is emitted: which are a constant away from one another, what has been checked, and where.
 */
import type { I32, I64, Local } from "../wasm/mod.ts";

/** Number of the value zero: what is at a constant distance from it is known. */
export const CONSTANT = -1;
/** A value that locals and addresses are at constant distances from. */
export interface Symbol {
  readonly id: number;
  readonly plus: number;
}
/** What a local was made of: a value, or the sum of two (their numbers), or the lower half of that with zeros above it. */
export interface Root {
  readonly of: number;
  readonly and?: number;
  readonly half: boolean;
}
/** Accesses at these distances from a value are allowed: a check has said so. Later ones of its block may widen it. */
export interface Fact {
  low: number;
  high: number;
  /** How far the checked address is from the value. */
  plus: number;
  /** Of the stack: blocks behind this one may widen it as well, so that a function checks its frame once. */
  readonly frame?: boolean;
  /** Places of its constants in the code: the lowest distance from the address, the last one, the request. */
  readonly lows: number[];
  readonly lasts: number[];
  readonly requests: number[];
  /** The check is made at the start of the block, of this local; the value is its own less this. */
  readonly early?: {
    readonly local: Local<"i64">;
    readonly less: number;
    readonly window: number;
    readonly access: number;
  };
  /** It is of a whole page, whose check is made there. */
  readonly page?: Check;
}
/** A check: the lowest address and the last one, bytes | access << 16. */
export interface Check {
  readonly low: I64;
  readonly last: I64;
  readonly request: I32;
  readonly window: number;
  /** Of all of a page: its number. */
  readonly page?: number;
}
/** Bytes that one check covers at most; accesses this close to the end of a window take the slow way. */
export const REACH = 512;

/** A local that had a value at the start of the block, but for a constant. */
export interface Start {
  readonly local: Local<"i64">;
  readonly plus: number;
}

/** What 8 bytes of memory hold, until something may have been written there: a return address, or what a local was that nobody sets again. */
export interface Word extends Symbol {
  readonly value: bigint | Local<"i64">;
}

/** What is known of some locals, and of accesses. */
export interface View {
  readonly words: readonly Word[];
  readonly symbols: ReadonlyMap<number, Symbol>;
  readonly facts: ReadonlyMap<string, Fact>;
}
