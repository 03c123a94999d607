/** Data processing with general registers (C4.1.86 and C4.1.93 of the manual): immediate and register forms. */
// cold: constants of the generated code
import {
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Machine,
  multiplyHigh,
  select,
  type Value,
} from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import { STACK_ALIGNMENT, STATE } from "../state.ts";
import { CONDITIONS } from "../flag_names.ts";
import {
  carry,
  comparison,
  condition,
  ofLogic,
  setAdd,
  setChosen,
  setCompare,
  setConstant,
  setImage,
  setLogic,
} from "../flags.ts";

/** Either width: types say "either", at run time they agree. */
const int = (v: Value<"i32"> | Value<"i64">): Int => v as Int;
const constant = (like: Int, n: number): Int => like.type === "i64" ? int(i64(n)) : int(i32(n));
const sized = (like: Int, v: I32): Int => like.type === "i64" ? int(v.extendU()) : int(v);
const bitsOf = (v: Int): number => v.type === "i64" ? 64 : 32;

// Addition and subtraction.
type Sum = (m: Machine, a: Int, b: Int) => Int;
const add: Sum = (_, a, b) => a.add(b);
const sub: Sum = (_, a, b) => a.sub(b);
const adds: Sum = (m, a, b) => {
  const x = m.f.let(a), y = m.f.let(b);
  setAdd(m, x, y);
  return x.add(y);
};
const subs: Sum = (m, a, b) => {
  const x = m.f.let(a), y = m.f.let(b);
  setCompare(m, x, y);
  return x.sub(y);
};
const SUMS = [["add", "0", "0", add], ["adds", "0", "1", adds], ["sub", "1", "0", sub], [
  "subs",
  "1",
  "1",
  subs,
]] as const;

const SHIFTS: readonly (readonly [name: string, bits: string, f: (a: Int, n: Int) => Int])[] = [
  ["lsl", "00", (a, n) => a.shl(n)],
  ["lsr", "01", (a, n) => a.shrU(n)],
  ["asr", "10", (a, n) => a.shrS(n)],
  ["ror", "11", (a, n) => a.rotr(n)],
];
const EXTENSIONS: readonly (readonly [name: string, bits: string, f: (v: I64) => I64])[] = [
  ["uxtb", "000", (v) => v.and(0xff)],
  ["uxth", "001", (v) => v.and(0xffff)],
  ["uxtw", "010", (v) => v.and(i64(0xffffffff))],
  ["uxtx", "011", (v) => v],
  ["sxtb", "100", (v) => v.extend8S()],
  ["sxth", "101", (v) => v.extend16S()],
  ["sxtw", "110", (v) => v.extend32S()],
  ["sxtx", "111", (v) => v],
];

/** Writes sp. Before it would be misaligned the CPU takes over: accesses by it are to fault (cpu.ts). */
function toStack(m: Machine, v: Int): void {
  const result = m.f.let(v);
  m.f.if(
    result.wrap().and(m.state("i32.load", STATE.stackMask)),
    () => m.raise("alignment", STACK_ALIGNMENT),
  );
  m.fixed(STATE.sp, 64).write(result);
}

const sums: Late<Declaration> = late(() =>
  SUMS.flatMap(([name, op, s, f]) => {
    // Flags change nothing of how registers are named, except that the destination is xzr then.
    const d = s === "1" ? "{=d}" : "{=d/sp}";
    const plain: Semantics = ({ d, n, m: b }, m) => d.write(f(m, n.read(), b.read()));
    const fuse = (cc: number): Semantics | undefined => {
      if (name !== "subs" || cc >= 14 || cc >> 1 === 3) return undefined;
      return ({ d, n, m: b, i }, m) => {
        const x = m.f.let(n.read()), y = m.f.keep((b ?? i).read());
        setCompare(m, x, y);
        d.write(x.sub(y));
        m.branchIf(comparison(cc, x, y));
      };
    };
    return [
      ...a64(
        `z${op}${s}10001 0h iiiiiiiiiiii nnnnn ddddd`,
        `${name} ${d}, {n/sp}, #{i/add12}`,
        ({ d, n, i }, m) => d.write(f(m, n.read(), i.read())),
        { hot: true, fuse: name === "subs" ? fuse : undefined },
      ),
      ...(s === "1" ? [] : [
        ...a64(
          `1${op}010001 0h iiiiiiiiiiii nnnnn 11111`,
          `${name} sp, {n/xsp}, #{i/add12}`,
          ({ n, i }, m) => toStack(m, f(m, n.read(), i.read())),
          { hot: true },
        ),
        ...["000", "001", "010", "011", "100"].flatMap((shift, amount) =>
          a64(
            `1${op}001011 00 1 mmmmm 011 ${shift} nnnnn 11111`,
            `${name} sp, {n/xsp}, {m/x}, uxtx #${amount}`,
            ({ n, m: b }, m) => toStack(m, f(m, n.read(), int((b.read() as I64).shl(i64(amount))))),
          )
        ),
      ]),
      ...a64(`z${op}${s}01011 00 0 mmmmm 000000 nnnnn ddddd`, `${name} {=d}, {n}, {m}`, plain, {
        hot: true,
        fuse: name === "subs" ? fuse : undefined,
      }),
      ...SHIFTS.slice(0, 3).flatMap(([shift, bits, g]) =>
        a64(
          `z${op}${s}01011 ${bits} 0 mmmmm yaaaaa nnnnn ddddd`,
          `${name} {=d}, {n}, {m}, ${shift} #{a/i0}`,
          ({ d, n, m: b, a }, m) => {
            const x = n.read();
            d.write(f(m, x, g(b.read(), sized(x, a.read().wrap()))));
          },
          { hot: shift !== "asr" || name === "add" },
        )
      ),
      ...EXTENSIONS.flatMap(([extension, bits, g], k) =>
        ["000", "001", "010", "011", "100"].flatMap((shift, amount) =>
          a64(
            `z${op}${s}01011 00 1 mmmmm ${bits} ${shift} nnnnn ddddd`,
            `${name} ${d}, {n/sp}, {m/${k % 4 === 3 ? "x" : "w"}}, ${extension} #${amount}`,
            ({ d, n, m: b }, m) => {
              const x = n.read(), y = g(b.read().extendU()).shl(i64(amount));
              d.write(f(m, x, x.type === "i64" ? int(y) : int(y.wrap())));
            },
            { hot: (extension === "sxtw" || extension === "uxtw") && name === "add" },
          )
        )
      ),
    ];
  })
);

const withCarry = (subtract: boolean, flags: boolean): Semantics => ({ d, n, m: b }, m) => {
  const { f } = m, x = f.let(n.read()), y = f.let(subtract ? b.read().not() : b.read());
  const result = f.let(x.add(y).add(sized(x, carry(m))));
  if (flags) {
    const top = bitsOf(x) - 1;
    // Carry out of the top: majority of the operands and the inverted result.
    const out = x.and(y).or(x.or(y).and(result.not())).shrU(constant(x, top)).wrap();
    const over = x.xor(result).and(y.xor(result)).shrU(constant(x, top)).wrap();
    const negative = result.shrU(constant(x, top)).wrap();
    setImage(m, f.let(out.shl(29).or(over.shl(28)).or(negative.shl(31)).or(result.eqz().shl(30))));
  }
  d.write(result);
};

// Logic.
type Logic = (a: Int, b: Int) => Int;
const LOGIC: readonly (readonly [name: string, inverted: string, opc: string, f: Logic])[] = [
  ["and", "bic", "00", (a, b) => a.and(b)],
  ["orr", "orn", "01", (a, b) => a.or(b)],
  ["eor", "eon", "10", (a, b) => a.xor(b)],
  ["ands", "bics", "11", (a, b) => a.and(b)],
];
const logic: Late<Declaration> = late(() =>
  LOGIC.flatMap(([name, inverted, opc, f]) => {
    const done = (flags: boolean, g: (m: Machine) => Int, m: Machine): Int => {
      if (!flags) return g(m);
      const r = m.f.let(g(m));
      setLogic(m, r);
      return r;
    };
    const flags = opc === "11", d = flags ? "{=d}" : "{=d/sp}";
    const fuse = !flags ? undefined : (cc: number): Semantics | undefined => {
      if (![0, 2, 5, 6].includes(cc >> 1)) return undefined;
      return ({ d, n, m: b, i }, m) => {
        const r = m.f.let(f(n.read(), (b ?? i).read()));
        setLogic(m, r);
        d.write(r);
        m.branchIf(ofLogic(cc, r));
      };
    };
    return [
      ...a64(
        `1${opc}100100 iiiiiiiiiiiii nnnnn ddddd`,
        `${name} ${d.replace("sp", "xsp")}, {n}, #{i/mask}`,
        ({ d, n, i }, m) => d.write(done(flags, () => f(n.read(), i.read()), m)),
        { hot: true, fuse },
      ),
      ...(flags ? [] : a64(
        `1${opc}100100 iiiiiiiiiiiii nnnnn 11111`,
        `${name} sp, {n/x}, #{i/mask}`,
        ({ n, i }, m) => toStack(m, f(n.read(), i.read())),
      )),
      ...a64(
        `0${opc}100100 0iiiiiiiiiiii nnnnn ddddd`,
        `${name} ${flags ? "{=d/w}" : "{=d/wsp}"}, {n/w}, #{i/maskw}`,
        ({ d, n, i }, m) => d.write(done(flags, () => f(n.read(), i.read()), m)),
        { hot: true, fuse },
      ),
      ...[0, 1].flatMap((invert) => {
        const other = (v: Int) => invert ? v.not() : v, mnemonic = invert ? inverted : name;
        return [
          ...a64(
            `z${opc}01010 00 ${invert} mmmmm 000000 nnnnn ddddd`,
            `${mnemonic} {=d}, {n}, {m}`,
            ({ d, n, m: b }, m) => d.write(done(flags, () => f(n.read(), other(b.read())), m)),
            { hot: true, fuse: invert ? undefined : fuse },
          ),
          ...SHIFTS.flatMap(([shift, bits, g]) =>
            a64(
              `z${opc}01010 ${bits} ${invert} mmmmm yaaaaa nnnnn ddddd`,
              `${mnemonic} {=d}, {n}, {m}, ${shift} #{a/i0}`,
              ({ d, n, m: b, a }, m) => {
                d.write(done(flags, () => {
                  const x = n.read();
                  return f(x, other(g(b.read(), sized(x, a.read().wrap()))));
                }, m));
              },
              { hot: !invert && (shift === "lsl" || shift === "lsr") },
            )
          ),
        ];
      }),
    ];
  })
);

// Wide moves, addresses.
const moveWide: Semantics = ({ d, i }) => d.write(i.read());
const movk: Semantics = ({ d, i, s }, m) => {
  const at = m.f.let(s.read().wrap().shl(4).extendU());
  const kept = (d.read() as I64).and(i64(0xffff).shl(at).not());
  d.write(int(kept.or((i.read() as I32).extendU().shl(at))));
};
const movkw: Semantics = ({ d, i, s }, m) => {
  const at = m.f.let(s.read().wrap().shl(4));
  d.write(int((d.read() as I32).and(i32(0xffff).shl(at).not()).or((i.read() as I32).shl(at))));
};

// Bit fields: two shifts (immediates.ts), or a rotation under a mask.
/** Left, then right, by known amounts. */
function field(x: Int, left: number, right: number, signed: boolean): Int {
  const bits = bitsOf(x), by = (n: number) => constant(x, n);
  if (!left) return !right ? x : signed ? x.shrS(by(right)) : x.shrU(by(right));
  if (!right) return x.shl(by(left));
  if (signed) {
    if (left === right && left === bits - 8) return x.extend8S();
    if (left === right && left === bits - 16) return x.extend16S();
    if (left === right && left === bits - 32) return int((x as I64).extend32S());
    return x.shl(by(left)).shrS(by(right));
  }
  const mask = (width: number): Int =>
    x.type === "i64" ? int(i64(2n ** BigInt(width) - 1n)) : int(i32(2 ** width - 1));
  if (right >= left) return (right > left ? x.shrU(by(right - left)) : x).and(mask(bits - right));
  return x.and(mask(bits - left)).shl(by(left - right));
}
const twoShifts = (right: (v: Int, n: Int) => Int, signed: boolean): Semantics => ({ d, n, i }, m) => {
  const x = n.read(), fixed = i.read().constant;
  if (fixed !== undefined) return d.write(field(x, Number(fixed) & 255, Number(fixed) >> 8, signed));
  const s = m.f.let(i.read().wrap());
  d.write(right(x.shl(sized(x, s.and(255))), sized(x, s.shrU(8))));
};
const ubfm = twoShifts((v, n) => v.shrU(n), false), sbfm = twoShifts((v, n) => v.shrS(n), true);
const bfm: Semantics = ({ d, n, i, i2: r }, m) => {
  const x = n.read(), mask = m.f.let(x.type === "i64" ? i.read() : int(i.read().wrap()));
  d.write(d.read().and(mask.not()).or(x.rotr(sized(x, r.read().wrap())).and(mask)));
};
const extr: Semantics = ({ d, n, m: b, a }, m) => {
  const high = n.read(), low = b.read(), fixed = a.read().wrap().constant;
  if (fixed !== undefined) {
    const by = Number(fixed);
    // Of one register it is a rotation.
    if (n.index.constant === b.index.constant) return d.write(low.rotr(constant(low, by)));
    if (!by) return d.write(low);
    return d.write(low.shrU(constant(low, by)).or(high.shl(constant(low, bitsOf(low) - by))));
  }
  const amount = m.f.let(a.read().wrap());
  const bits = bitsOf(high), s = m.f.let(sized(high, amount));
  // With 0 the whole of the low register: the left shift would be by the full width.
  const value = low.shrU(s).or(high.shl(constant(high, 1)).shl(constant(high, bits - 1).sub(s)));
  d.write(value);
};

// Multiplication, division, counting.
/** By 0 is 0, and by 1 (and -1) it takes no division of the processor's: one test finds both (decision 75). */
const divide = (signed: boolean): Semantics => ({ d, n, m: b }, m) => {
  const { f } = m, x = f.let(n.read()), y = f.let(b.read()), r = f.local(x.type);
  // The product of the least integer and -1 is itself, which is what the manual says.
  f.if(
    signed ? y.add(1).gtU(2) : y.gtU(1),
    () => f.set(r, signed ? x.divS(y) : x.divU(y)),
    () => f.set(r, x.mul(y)),
  );
  d.write(r);
};
const highProduct = (signed: boolean) => (m: Machine, x: I64, y: I64): I64 => {
  if (m.inline) return multiplyHigh(m.f, m.f.let(x), m.f.let(y), signed);
  const ref = m.helper(signed ? "smulh" : "umulh", ["i64", "i64"], ["i64"], ({ f }) => {
    f.return(multiplyHigh(f, f.param(0, "i64"), f.param(1, "i64"), signed));
  });
  return m.f.call("i64", ref, x, y);
};
const long = (signed: boolean, subtract: boolean): Semantics => ({ d, n, m: b, a }) => {
  const e = (v: Int) => signed ? v.extendS() : v.extendU(),
    p = e(n.read()).mul(e(b.read())),
    sum = a.read() as I64;
  d.write(int(subtract ? sum.sub(p) : sum.add(p)));
};
/** Swaps neighbours of `bits` bits under a mask of the low ones. */
function swap(v: Int, bits: number, mask: bigint): Int {
  const c = v.type === "i64" ? int(i64(mask)) : int(i32(Number(mask & 0xffffffffn)));
  return v.shrU(constant(v, bits)).and(c).or(v.and(c).shl(constant(v, bits)));
}
const M16 = 0x0000ffff0000ffffn,
  M8 = 0x00ff00ff00ff00ffn,
  M4 = 0x0f0f0f0f0f0f0f0fn,
  M2 = 0x3333333333333333n,
  M1 = 0x5555555555555555n;
const steps = (...list: [number, bigint][]): Semantics => ({ d, n }, m) => {
  let v = n.read();
  for (const [bits, mask] of list) v = swap(m.f.let(v), bits, mask);
  d.write(v);
};
const rotated32 = (v: Int): Int => int((v as I64).rotl(32));

/** crc32: the polynomial 0x04C11DB7 or Castagnoli's, bit-reversed, one byte at a time. */
const crc = (polynomial: number, bytes: number): Semantics => ({ d, n, m: b }, m) => {
  const ref = m.helper(`crc ${polynomial >>> 0} ${bytes}`, ["i32", "i64"], ["i32"], ({ f }) => {
    const sum = f.let(f.param(0, "i32")), data = f.param(1, "i64");
    const half = bytes === 8 ? 2 : 1, each = Math.min(bytes, 4);
    for (let h = 0; h < half; h++) {
      const part = data.shrU(i64(h * 32)).wrap();
      f.set(sum, sum.xor(each === 4 ? part : part.and(each === 1 ? 0xff : 0xffff)));
      const i = f.let(i32(each * 8));
      f.loop((again) => {
        f.set(sum, sum.shrU(1).xor(i32(polynomial).and(i32(0).sub(sum.and(1)))));
        f.set(i, i.sub(1));
        f.brIf(again, i);
      });
    }
    f.return(sum);
  });
  d.write(int(m.f.call("i32", ref, n.read().wrap(), b.read().extendU())));
};
const CRCS = ([["b", "00", 1], ["h", "01", 2], ["w", "10", 4], ["x", "11", 8]] as const).flatMap((
  [suffix, size, bytes],
) =>
  ([["crc32", "0", 0xedb88320], ["crc32c", "1", 0x82f63b78]] as const).flatMap(([name, c, polynomial]) =>
    a64(
      `${bytes === 8 ? 1 : 0}0011010110 mmmmm 010${c}${size} nnnnn ddddd`,
      `${name}${suffix} {=d/w}, {n/w}, {m/${bytes === 8 ? "x" : "w"}}`,
      crc(polynomial, bytes),
      { feature: "crc32" },
    )
  )
);

// Conditional selection and comparison.
const choose = (name: string, bits: string, op: string, f: (v: Int) => Int): Declaration[] =>
  CONDITIONS.flatMap((cc, i) =>
    a64(
      `z${bits}011010100 mmmmm ${i.toString(2).padStart(4, "0")} ${op} nnnnn ddddd`,
      `${name} {=d}, {n}, {m}, ${cc}`,
      ({ d, n, m: b }, m) => {
        const cond = m.f.let(condition(m, i));
        d.write(select(cond, n.read(), f(b.read())));
      },
      { hot: i < 14 && i >> 1 !== 3 },
    )
  );
const conditional = (
  name: string,
  op: string,
  second: string,
  flag: string,
  subtract: boolean,
): Declaration[] =>
  CONDITIONS.flatMap((cc, k) =>
    a64(
      `z${op}111010010 ${second === "m" ? "mmmmm" : "iiiii"} ${
        k.toString(2).padStart(4, "0")
      } ${flag} nnnnn 0 ffff`,
      `${name} {n}, ${second === "m" ? "{m}" : "#{i/i0}"}, #{f/i1}, ${cc}`,
      ({ n, i, m: b, f: flags }, m) => {
        const x = n.read(), y = i ? sized(x, i.read().wrap()) : b.read();
        const cond = condition(m, k), nzcv = flags.read().wrap();
        if (subtract && setChosen(m, cond, x, y, nzcv)) return;
        m.f.if(cond, () => {
          if (subtract) setCompare(m, x, y);
          else setAdd(m, x, y);
        }, () => setConstant(m, nzcv, x.type === "i64", subtract));
      },
      { hot: subtract && k < 14 && k >> 1 !== 3 && k >> 1 !== 2 },
    )
  );

// deno-fmt-ignore
export const integer: Late<Declaration> = late(() => [
  ...sums(),
  ...a64("z0011010000 mmmmm 000000 nnnnn ddddd", "adc {=d}, {n}, {m}", withCarry(false, false)),
  ...a64("z0111010000 mmmmm 000000 nnnnn ddddd", "adcs {=d}, {n}, {m}", withCarry(false, true)),
  ...a64("z1011010000 mmmmm 000000 nnnnn ddddd", "sbc {=d}, {n}, {m}", withCarry(true, false)),
  ...a64("z1111010000 mmmmm 000000 nnnnn ddddd", "sbcs {=d}, {n}, {m}", withCarry(true, true)),
  ...logic(),
  ...a64("010100101ss iiiiiiiiiiiiiiii ddddd".replace("ss", "0s"), "movz {=d/x}, #{i/movz}", moveWide, { hot: true, key: "mov wide" }),
  ...a64("110100101ss iiiiiiiiiiiiiiii ddddd", "movz {=d/x}, #{i/movz}", moveWide, { hot: true, key: "mov wide" }),
  ...a64("000100101ss iiiiiiiiiiiiiiii ddddd".replace("ss", "0s"), "movn {=d/x}, #{i/movnw}", moveWide, { hot: true, key: "mov wide" }),
  ...a64("100100101ss iiiiiiiiiiiiiiii ddddd", "movn {=d/x}, #{i/movn}", moveWide, { hot: true, key: "mov wide" }),
  ...a64("111100101ss iiiiiiiiiiiiiiii ddddd", "movk {+d/x}, #{i/u}, lsl #16*{s/i1}", movk, { hot: true }),
  ...a64("0111001010s iiiiiiiiiiiiiiii ddddd", "movk {+d/w}, #{i/u}, lsl #16*{s/i1}", movkw, { hot: true }),
  ...a64("0 jj 10000 iiiiiiiiiiiiiiiiiii ddddd", "adr {=d/x}, {i/adr}", moveWide, { hot: true, key: "mov wide" }),
  ...a64("1 jj 10000 iiiiiiiiiiiiiiiiiii ddddd", "adrp {=d/x}, {i/adrp}", moveWide, { hot: true, key: "mov wide" }),

  ...a64("z00100110Z iiiiiiiiiiii nnnnn ddddd", "sbfm {=d}, {n}, #{i/field}", sbfm, { hot: true }),
  ...a64("z10100110Z iiiiiiiiiiii nnnnn ddddd", "ubfm {=d}, {n}, #{i/field}", ubfm, { hot: true }),
  ...a64("1011001101 iiiiiiiiiiii nnnnn ddddd", "bfm {+d/x}, {n/x}, #{i/bfmx}, {i/bfmr}", bfm, { hot: true }),
  ...a64("0011001100 iiiiiiiiiiii nnnnn ddddd", "bfm {+d/w}, {n/w}, #{i/bfmw}, {i/bfmr}", bfm, { hot: true }),
  ...a64("z00100111Z0 mmmmm yaaaaa nnnnn ddddd", "extr {=d}, {n}, {m}, #{a/i0}", extr, { hot: true }),

  ...a64("z0011011000 mmmmm 0 aaaaa nnnnn ddddd", "madd {=d}, {n}, {m}, {a}", ({ d, n, m, a }) => d.write(a.read().add(n.read().mul(m.read()))), { hot: true }),
  ...a64("z0011011000 mmmmm 1 aaaaa nnnnn ddddd", "msub {=d}, {n}, {m}, {a}", ({ d, n, m, a }) => d.write(a.read().sub(n.read().mul(m.read()))), { hot: true }),
  ...a64("10011011001 mmmmm 0 aaaaa nnnnn ddddd", "smaddl {=d/x}, {n/w}, {m/w}, {a/x}", long(true, false), { hot: true }),
  ...a64("10011011001 mmmmm 1 aaaaa nnnnn ddddd", "smsubl {=d/x}, {n/w}, {m/w}, {a/x}", long(true, true)),
  ...a64("10011011101 mmmmm 0 aaaaa nnnnn ddddd", "umaddl {=d/x}, {n/w}, {m/w}, {a/x}", long(false, false), { hot: true }),
  ...a64("10011011101 mmmmm 1 aaaaa nnnnn ddddd", "umsubl {=d/x}, {n/w}, {m/w}, {a/x}", long(false, true)),
  ...a64("10011011010 mmmmm 0 ----- nnnnn ddddd", "smulh {=d/x}, {n/x}, {m/x}", ({ d, n, m: b }, m) => d.write(int(highProduct(true)(m, n.read() as I64, b.read() as I64))), { hot: true }),
  ...a64("10011011110 mmmmm 0 ----- nnnnn ddddd", "umulh {=d/x}, {n/x}, {m/x}", ({ d, n, m: b }, m) => d.write(int(highProduct(false)(m, n.read() as I64, b.read() as I64))), { hot: true }),
  ...a64("z0011010110 mmmmm 000010 nnnnn ddddd", "udiv {=d}, {n}, {m}", divide(false), { hot: true }),
  ...a64("z0011010110 mmmmm 000011 nnnnn ddddd", "sdiv {=d}, {n}, {m}", divide(true), { hot: true }),
  ...a64("z0011010110 mmmmm 001000 nnnnn ddddd", "lslv {=d}, {n}, {m}", ({ d, n, m }) => d.write(n.read().shl(m.read())), { hot: true }),
  ...a64("z0011010110 mmmmm 001001 nnnnn ddddd", "lsrv {=d}, {n}, {m}", ({ d, n, m }) => d.write(n.read().shrU(m.read())), { hot: true }),
  ...a64("z0011010110 mmmmm 001010 nnnnn ddddd", "asrv {=d}, {n}, {m}", ({ d, n, m }) => d.write(n.read().shrS(m.read())), { hot: true }),
  ...a64("z0011010110 mmmmm 001011 nnnnn ddddd", "rorv {=d}, {n}, {m}", ({ d, n, m }) => d.write(n.read().rotr(m.read()))),
  ...CRCS,
  ...a64("z1011010110 00000 000000 nnnnn ddddd", "rbit {=d}, {n}", ({ d, n }, m) => {
    let v = n.read();
    for (const [bits, mask] of [[1, M1], [2, M2], [4, M4], [8, M8]] as const) v = swap(m.f.let(v), bits, mask);
    if (v.type === "i64") v = rotated32(swap(m.f.let(v), 16, M16));
    else v = m.f.let(v).rotr(constant(v, 16));
    d.write(v);
  }, { hot: true }),
  ...a64("z1011010110 00000 000001 nnnnn ddddd", "rev16 {=d}, {n}", steps([8, M8])),
  ...a64("0101101011000000000010 nnnnn ddddd", "rev {=d/w}, {n/w}", ({ d, n }, m) => {
    const v = m.f.let(n.read() as I32);
    d.write(int(v.rotl(8).and(0x00ff00ff).or(v.rotr(8).and(0xff00ff00))));
  }, { hot: true }),
  ...a64("1101101011000000000010 nnnnn ddddd", "rev32 {=d/x}, {n/x}", steps([8, M8], [16, M16])),
  ...a64("1101101011000000000011 nnnnn ddddd", "rev {=d/x}, {n/x}", ({ d, n }, m) => {
    d.write(rotated32(swap(m.f.let(swap(m.f.let(n.read()), 8, M8)), 16, M16)));
  }, { hot: true }),
  ...a64("z1011010110 00000 000100 nnnnn ddddd", "clz {=d}, {n}", ({ d, n }) => d.write(n.read().clz()), { hot: true }),
  ...a64("z1011010110 00000 000101 nnnnn ddddd", "cls {=d}, {n}", ({ d, n }, m) => {
    const x = m.f.let(n.read());
    d.write(x.xor(x.shrS(constant(x, 1))).shl(constant(x, 1)).or(constant(x, 1)).clz());
  }),
  ...choose("csel", "0", "00", (v) => v),
  ...choose("csinc", "0", "01", (v) => v.add(constant(v, 1))),
  ...choose("csinv", "1", "00", (v) => v.not()),
  ...choose("csneg", "1", "01", (v) => constant(v, 0).sub(v)),
  ...conditional("ccmn", "0", "m", "00", false),
  ...conditional("ccmp", "1", "m", "00", true),
  ...conditional("ccmn", "0", "i", "10", false),
  ...conditional("ccmp", "1", "i", "10", true),
]);
