/** Runs soft-float functions over arrays of vectors, inside WebAssembly and on the host's CPU (host.c). */
import {
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type Local,
  Module,
  type Type,
  type Value,
} from "../../wasm/mod.ts";
import type { Library } from "../common.ts";
import * as soft from "../mod.ts";
import { DOUBLE, type Format, SINGLE } from "../mod.ts";

export const VECTOR = 64, RESULT = 32, BATCH = 1 << 16;
const RESULTS = VECTOR * BATCH;

/** Loads operands of one vector, calls, stores. */
type Body = (c: Call) => void;
interface Call {
  readonly f: Func;
  readonly lib: Library;
  readonly ctl: I32;
  /** Operand 0, 1 or 2 as x87's pair, or of a format. */
  pair(n: number): [Value<"i32">, Value<"i64">];
  bits(n: number, type: "i32" | "i64"): Value<"i32" | "i64">;
  /** Calls and stores results: the last is flags, (i32, i64) before it is a pair. */
  go(to: FunctionRef, args: Value[], second?: boolean): void;
}

const two = (make: (lib: Library) => FunctionRef): Body => (c) =>
  c.go(make(c.lib), [...c.pair(0), ...c.pair(1), c.ctl]);
const one = (make: (lib: Library) => FunctionRef): Body => (c) => c.go(make(c.lib), [...c.pair(0), c.ctl]);
const compare = (quiet: boolean): Body => (c) =>
  c.go(soft.f80Compare(c.lib, quiet), [...c.pair(0), ...c.pair(1)]);
const toFloat = (format: Format): Body => (c) => c.go(soft.f80ToFloat(c.lib, format), [...c.pair(0), c.ctl]);
const toInt = (bits: number, mode?: number): Body => (c) =>
  c.go(soft.f80ToInteger(c.lib), [...c.pair(0), i32(bits), mode ? i32(mode) : c.ctl.shrU(10).and(3)]);
/** fld makes a signalling NaN quiet, `widen` does not. */
const fromFloat = (format: Format): Body => (c) => {
  const quiet = c.lib.helper(`quiet ${format.name}`, [format.type], ["i32", "i64", "i32"], ({ f }) => {
    const se = f.local("i32"), sig = f.local("i64"), flags = f.local("i32");
    f.do(soft.widen(c.lib, format), [f.param(0, format.type)], se, sig, flags);
    f.return(se, sig.or(flags.and(1).extendU().shl(62)), flags);
    f.unreachable();
  });
  c.go(quiet, [c.bits(0, format.type)]);
};
const float2 = (format: Format, op: soft.Arithmetic): Body => (c) =>
  c.go(soft.floatArithmetic(c.lib, format, op), [
    c.bits(0, format.type),
    c.bits(1, format.type),
    c.ctl.and(0xffff),
  ]);
const mode = (c: Call) => c.ctl.shrU(13).and(3);

function floats(format: Format, other: Format): Body[] {
  const T = format.type;
  const compare = (quiet: boolean): Body => (c) =>
    c.go(soft.floatCompare(c.lib, format, quiet), [c.bits(0, T), c.bits(1, T), c.ctl]);
  const toInt = (bits: 32 | 64): Body => (c) =>
    c.go(soft.floatToInteger(c.lib, format, bits), [c.bits(0, T), c.ctl, mode(c)]);
  return [
    float2(format, "add"),
    float2(format, "sub"),
    float2(format, "mul"),
    float2(format, "div"),
    (c) => c.go(soft.floatSqrt(c.lib, format), [c.bits(0, T), c.ctl]),
    compare(false),
    compare(true),
    (c) => c.go(soft.floatToFloat(c.lib, format, other), [c.bits(0, T), c.ctl]),
    toInt(32),
    toInt(64),
    (c) => c.go(soft.floatFromInteger(c.lib, format), [c.bits(0, "i64"), c.ctl]),
    (c) => c.go(soft.floatRoundToIntegral(c.lib, format), [c.bits(0, T), c.ctl, c.ctl.shrU(24).and(3)]),
    (c) => c.go(soft.floatFusedMultiplyAdd(c.lib, format), [c.bits(0, T), c.bits(1, T), c.bits(2, T), c.ctl]),
  ];
}

/** By operation number of host.c. */
export const OPERATIONS: Record<number, [name: string, body: Body]> = {
  0: ["f80.add", two(soft.f80Add)],
  1: ["f80.sub", two(soft.f80Sub)],
  2: ["f80.mul", two(soft.f80Mul)],
  3: ["f80.div", two(soft.f80Div)],
  4: ["f80.sqrt", one(soft.f80Sqrt)],
  5: ["f80.rint", one(soft.f80RoundToIntegral)],
  6: ["f80.compare", compare(false)],
  7: ["f80.compare.quiet", compare(true)],
  8: ["f80.to.f32", toFloat(SINGLE)],
  9: ["f80.to.f64", toFloat(DOUBLE)],
  10: ["f80.to.i16", toInt(16)],
  11: ["f80.to.i32", toInt(32)],
  12: ["f80.to.i64", toInt(64)],
  13: ["f32.to.f80", fromFloat(SINGLE)],
  14: ["f64.to.f80", fromFloat(DOUBLE)],
  15: ["f80.from.i64", (c) => c.go(soft.f80FromInteger(c.lib), [c.bits(0, "i64")])],
  16: ["f80.trunc.i64", toInt(64, 3)],
  17: ["f80.prem", two((lib) => soft.f80Rem(lib, false))],
  18: ["f80.prem1", two((lib) => soft.f80Rem(lib, true))],
  19: ["f80.scale", two(soft.f80Scale)],
  20: ["f80.xtract", (c) => c.go(soft.f80Extract(c.lib), c.pair(0), true)],
  21: ["f80.to.bcd", (c) => c.go(soft.f80ToBcd(c.lib), [...c.pair(0), c.ctl])],
  22: ["f80.from.bcd", (c) => c.go(soft.f80FromBcd(c.lib), c.pair(0))],
  23: ["f80.2xm1", one(soft.f80Exp)],
  24: ["f80.yl2x", two(soft.f80Log)],
  25: ["f80.yl2xp1", two(soft.f80LogPlusOne)],
  26: ["f80.tan", one(soft.f80Tan)],
  27: ["f80.atan", two(soft.f80Atan)],
  28: ["f80.sin", one(soft.f80Sin)],
  29: ["f80.cos", one(soft.f80Cos)],
};
for (const [base, format, other] of [[64, SINGLE, DOUBLE], [80, DOUBLE, SINGLE]] as const) {
  const names = [
    "add",
    "sub",
    "mul",
    "div",
    "sqrt",
    "comi",
    "ucomi",
    "cvt",
    "toi32",
    "toi64",
    "fromi",
    "rint",
    "fma",
  ];
  floats(format, other).forEach((body, i) => OPERATIONS[base + i] = [`${format.name}.${names[i]}`, body]);
}

/** The module with one driver an operation: `run(op, vectors)` gives the results. */
export function makeDriver(): (op: number, vectors: Uint8Array) => Uint8Array {
  const module = new Module(), memory = module.importMemory("", "memory", { min: 128 });
  const made = new Map<string, FunctionRef>();
  const lib: Library = {
    helper(name, params, results, body) {
      let ref = made.get(name);
      if (ref) return ref;
      made.set(name, ref = module.declare(params, results));
      module.define(ref, (f) => body({ f }));
      return ref;
    },
  };
  for (const [op, [, body]] of Object.entries(OPERATIONS)) {
    const ref = module.func(["i32"], [], (f) => {
      const n = f.param(0, "i32"), at = f.let(i32(0)), out = f.let(i32(RESULTS));
      f.while(() => n, () => {
        const type = (t: Type, n: number) =>
          memory.load(t === "i32" ? "i32.load" : "i64.load", at, 8 + 16 * n);
        body({
          f,
          lib,
          ctl: f.let(memory.load("i32.load", at, 4)),
          pair: (
            n,
          ) => [memory.load("i32.load16_u", at, 16 + 16 * n), memory.load("i64.load", at, 8 + 16 * n)],
          bits: (n, t) => type(t, n) as Value<"i32" | "i64">,
          go(to, args, second = false) {
            const into = to.results.map((t) => f.local(t));
            f.do(to, args, ...into);
            const r = [...into] as Local[];
            const put = (v: Local, offset: number) =>
              v.type === "i32"
                ? f.store(memory, "i32.store", out, v as Local<"i32">, offset)
                : f.store(memory, "i64.store", out, v as Local<"i64">, offset);
            const pair = (offset: number) => {
              put(r[1], offset), put(r[0], offset + 8);
              r.splice(0, 2);
            };
            if (r[0].type === "i32" && r[1].type === "i64") pair(0);
            else put(r.shift()!, 0);
            if (second) pair(20);
            if (r.length) put(r[0], 16);
          },
        });
        f.set(at, at.add(VECTOR)), f.set(out, out.add(RESULT)), f.set(n, n.sub(1));
      });
    });
    module.export(op, ref);
  }
  const bytes = new WebAssembly.Memory({ initial: 128 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), {
    "": { memory: bytes },
  });
  return (op, vectors) => {
    const count = vectors.length / VECTOR, results = new Uint8Array(count * RESULT);
    const all = new Uint8Array(bytes.buffer);
    for (let from = 0; from < count; from += BATCH) {
      const n = Math.min(BATCH, count - from);
      all.set(vectors.subarray(from * VECTOR, (from + n) * VECTOR));
      all.fill(0, RESULTS, RESULTS + n * RESULT);
      (instance.exports[op] as (n: number) => void)(n);
      results.set(all.subarray(RESULTS, RESULTS + n * RESULT), from * RESULT);
    }
    return results;
  };
}
