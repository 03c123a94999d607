/** How soon code is translated: the policy in figures, for each engine. */

/** How eagerly code is translated: instructions in a slice while sampling, samples of a target. */
export interface Eagerness {
  readonly slice: number;
  readonly samples: number;
  readonly calls: number;
  /** Ways out of regions for one sample. */
  readonly exits: number;
  /** Instructions of a region, and of all of one module. */
  readonly region: number;
  readonly module: number;
  /** Of a region in code that goes beyond the limit, at least: it takes as much as is paid. */
  readonly piece: number;
  /** Samples of hot places, of all CPUs of an engine, before the translator is loaded; and samples of one place that are as good. */
  readonly patience: number;
  readonly certain: number;
  /** Code that has not been decoded yet is translated with what leads to it. */
  readonly cold: boolean;
  /** Samples of a place for each instruction that is translated for it. */
  readonly price: number;
  /** Instructions that each sample allows to be translated: translating takes no more than a part of the time. */
  readonly allowance: number;
  /** Missed windows of memory (region/window.ts) for each instruction of a module before it is translated anew; 0: however many. */
  readonly misses: number;
  /** Translated instructions of one code cache, at most; samples before a full one is dropped. */
  readonly set: number;
  readonly life: number;
  /** Regions that can be compared with the interpreter. */
  readonly lockstep?: boolean;
}
/** Of `jit`; lockstep translates the same. */
const AT_ONCE: Eagerness = {
  slice: 2_000,
  samples: 1,
  calls: 1,
  exits: 10,
  region: 600,
  module: 600,
  piece: 600,
  patience: 0,
  certain: 0,
  price: 0,
  allowance: 1e9,
  misses: 1_000,
  set: 200_000,
  life: 20_000,
  cold: true,
};
/** How soon each engine translates: instructions a slice, samples, calls and exits before it, limits of size. */
export const EAGERNESS: Readonly<Record<"jit" | "lockstep" | "auto", Eagerness>> = {
  jit: AT_ONCE,
  lockstep: { ...AT_ONCE, lockstep: true, misses: 0 },
  auto: {
    slice: 20_000,
    samples: 3,
    calls: 200,
    exits: 200,
    region: 400,
    module: 1_000,
    piece: 120,
    patience: 450,
    certain: 140,
    price: 1,
    allowance: 4,
    misses: 3_000,
    set: 200_000,
    life: 20_000,
    cold: false,
  },
};

/** Samples of a place that make further ones count as hot: a short program is in many places a few times. */
export const HOT = 10;

/** Instructions in one stay inside the interpreter: V8 replaces code on entry only. */
export const SLICE = 400_000;
/** What a region takes at least, before that is known: asking takes as long as translating a few instructions. */
export const LEAST = 24;
/** Misses that a window (WINDOW.last) lets pass between two searches when it is missed often: it has been missed about twice as many times. */
export const OFTEN = 512;
/** What a module costs beside its instructions, in instructions. */
export const MODULE_COST = 20;
/** Instructions that may be translated before any sample allows it: the loops of a short program. */
export const START = 1_500;
