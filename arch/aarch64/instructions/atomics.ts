/**
 * Exclusives, acquire and release, and the large system extension. Tasks change only between instructions, so ordering is free; the
 * exclusive monitor remembers the address and the value, and a store succeeds when the value is still there.
 */
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
  type Operand,
  select,
} from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import { STATE } from "../state.ts";
import { storeLow } from "./memory.ts";

const int = (v: I32 | I64): Int => v as Int;
const LOADS = { 1: "i32.load8_u", 2: "i32.load16_u", 4: "i32.load", 8: "i64.load" } as const;
const read = (mem: Operand, bytes: number, offset = 0): Int => int(mem.load(LOADS[bytes as 8], offset));
const SIZES = [["00", 1, "b", "w"], ["01", 2, "h", "w"], ["10", 4, "", "w"], ["11", 8, "", "x"]] as const;

const open = (m: Machine): void => m.setState("i64.store", STATE.exclusive, i64(-1));

const loadExclusive = (bytes: number, pair: boolean): Semantics => ({ t, u, mem }, m) => {
  const first = m.f.let(read(mem, bytes));
  m.setState("i64.store", STATE.exclusive, mem.address);
  m.setState("i64.store", STATE.exclusiveLow, first.extendU());
  if (pair) {
    const second = m.f.let(read(mem, bytes, bytes));
    m.setState("i64.store", STATE.exclusiveHigh, second.extendU());
    t.write(first), u.write(second);
  } else t.write(first);
};
const storeExclusive = (bytes: number, pair: boolean): Semantics => ({ s, t, u, mem }, m) => {
  const { f } = m, failed = f.let(i32(1));
  let same = m.state("i64.load", STATE.exclusive).eq(mem.address)
    .and(read(mem, bytes).extendU().eq(m.state("i64.load", STATE.exclusiveLow)));
  if (pair) same = same.and(read(mem, bytes, bytes).extendU().eq(m.state("i64.load", STATE.exclusiveHigh)));
  f.if(same, () => {
    storeLow(mem, bytes, t.read());
    if (pair) storeLow(mem, bytes, u.read(), bytes);
    f.set(failed, i32(0));
  });
  open(m);
  s.write(int(failed));
};

/** (old, operand) -> new. */
const OPERATIONS:
  readonly (readonly [name: string, bits: string, f: (a: Int, b: Int, bytes: number) => Int])[] = [
    ["add", "0000", (a, b) => a.add(b)],
    ["clr", "0001", (a, b) => a.and(b.not())],
    ["eor", "0010", (a, b) => a.xor(b)],
    ["set", "0011", (a, b) => a.or(b)],
    ["smax", "0100", (a, b, n) => select(signed(a, n).gtS(signed(b, n)), a, b)],
    ["smin", "0101", (a, b, n) => select(signed(a, n).ltS(signed(b, n)), a, b)],
    ["umax", "0110", (a, b, n) => select(low(a, n).gtU(low(b, n)), a, b)],
    ["umin", "0111", (a, b, n) => select(low(a, n).ltU(low(b, n)), a, b)],
  ];
const signed = (v: Int, bytes: number): Int => bytes === 1 ? v.extend8S() : bytes === 2 ? v.extend16S() : v;
const low = (v: Int, bytes: number): Int => bytes === 1 ? v.and(0xff) : bytes === 2 ? v.and(0xffff) : v;
const ORDERS = [["", "0", "0"], ["a", "1", "0"], ["l", "0", "1"], ["al", "1", "1"]] as const;

const lse: Late<Declaration> = late(() =>
  SIZES.flatMap(([size, bytes, suffix, kind]) =>
    ORDERS.flatMap(([order, a, r]) => [
      ...OPERATIONS.flatMap(([name, bits, f]) =>
        a64(
          `${size}111000${a}${r}1 sssss ${bits}00 nnnnn ttttt`,
          `ld${name}${order}${suffix} {s/${kind}}, {=t/${kind}}, {@base}`,
          ({ s, t, mem }, m) => {
            const old = m.f.let(read(mem, bytes)), operand = m.f.let(s.read());
            storeLow(mem, bytes, f(old, operand, bytes));
            t.write(old);
          },
          { bytes, access: "rw", aligned: true, feature: "lse" },
        )
      ),
      ...a64(
        `${size}111000${a}${r}1 sssss 100000 nnnnn ttttt`,
        `swp${order}${suffix} {s/${kind}}, {=t/${kind}}, {@base}`,
        ({ s, t, mem }, m) => {
          const old = m.f.let(read(mem, bytes));
          storeLow(mem, bytes, s.read());
          t.write(old);
        },
        { bytes, access: "rw", aligned: true, feature: "lse" },
      ),
      ...a64(
        `${size}0010001${a}1 sssss ${r}11111 nnnnn ttttt`,
        `cas${order}${suffix} {s/${kind}}, {=s/${kind}}, {t/${kind}}, {@base}`,
        ({ s, s2, t, mem }, m) => {
          const old = m.f.let(read(mem, bytes));
          m.f.if(old.eq(low(s.read(), bytes)), () => storeLow(mem, bytes, t.read()));
          s2.write(old);
        },
        { bytes, access: "rw", aligned: true, feature: "lse" },
      ),
    ])
  )
);

/** casp: two pairs of consecutive registers; the second of each is 8 bytes behind in the state block. */
const casp: Late<Declaration> = late(() =>
  ([["0", 4, "w"], ["1", 8, "x"]] as const).flatMap(([z, bytes, kind]) =>
    ORDERS.flatMap(([order, a, r]) =>
      a64(
        `0${z}0010000${a}1 ssss0 ${r}11111 nnnnn tttt0`.replace("ssss0", "sssss").replace("tttt0", "ttttt"),
        `casp${order} {+s/${kind}}, {t/${kind}}, {@base}`,
        ({ s, t, mem }, m) => {
          const name = bytes === 8 ? "i64.load" : "i64.load32_u";
          const first = m.f.let(mem.load(name)), second = m.f.let(mem.load(name, bytes));
          const t2 = t.load("i64.load", 8);
          m.f.if(first.eq(s.load(name)).and(second.eq(s.load(name, 8))), () => {
            storeLow(mem, bytes, int(t.load("i64.load")));
            storeLow(mem, bytes, int(t2), bytes);
          });
          s.store("i64.store", first), s.store("i64.store", second, 8);
        },
        {
          bytes: 2 * bytes,
          access: "rw",
          aligned: true,
          feature: "lse",
          fuzz: "odd registers are unallocated",
        },
      )
    )
  )
);

// deno-fmt-ignore
export const atomics: Late<Declaration> = late(() => [
  ...SIZES.flatMap(([size, bytes, suffix, kind]) => [
    ...([["stx", "0"], ["stlx", "1"]] as const).flatMap(([name, o]) =>
      a64(`${size}001000000 sssss ${o} ----- nnnnn ttttt`, `${name}r${suffix} {=s/w}, {t/${kind}}, {@base}`, storeExclusive(bytes, false), { bytes, access: "rw", aligned: true, key: `stxr${suffix} ${kind}`, hot: bytes >= 4 })),
    ...([["ldx", "0"], ["ldax", "1"]] as const).flatMap(([name, o]) =>
      a64(`${size}001000010 ----- ${o} ----- nnnnn ttttt`, `${name}r${suffix} {=t/${kind}}, {@base}`, loadExclusive(bytes, false), { bytes, access: "r", aligned: true, key: `ldxr${suffix} ${kind}`, hot: bytes >= 4 })),
    ...([["stllr", "0"], ["stlr", "1"]] as const).flatMap(([name, o]) =>
      a64(`${size}001000100 ----- ${o} ----- nnnnn ttttt`, `${name}${suffix} {t/${kind}}, {@base}`, ({ t, mem }) => storeLow(mem, bytes, t.read()), { bytes, access: "w", aligned: true })),
    ...([["ldlar", "0"], ["ldar", "1"]] as const).flatMap(([name, o]) =>
      a64(`${size}001000110 ----- ${o} ----- nnnnn ttttt`, `${name}${suffix} {=t/${kind}}, {@base}`, ({ t, mem }) => t.write(read(mem, bytes)), { bytes, access: "r", aligned: true })),
  ]),
  ...([["0", 4, "w"], ["1", 8, "x"]] as const).flatMap(([z, bytes, kind]) =>
    ([["", "0"], ["l", "1"]] as const).flatMap(([order, o]) => [
      ...a64(`1${z}001000001 sssss ${o} uuuuu nnnnn ttttt`, `st${order}xp {=s/w}, {t/${kind}}, {u/${kind}}, {@base}`, storeExclusive(bytes, true), { bytes: 2 * bytes, access: "rw", aligned: true, key: `stxp ${kind}` }),
      ...a64(`1${z}001000011 ----- ${o} uuuuu nnnnn ttttt`, `ld${order ? "a" : ""}xp {=t/${kind}}, {=u/${kind}}, {@base}`, loadExclusive(bytes, true), { bytes: 2 * bytes, access: "r", aligned: true, key: `ldxp ${kind}` }),
    ])),
  ...lse(),
  ...casp(),
]);
