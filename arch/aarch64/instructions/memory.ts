/** Loads and stores of general and vector registers: all address forms, pairs, literals, prefetches. */
import {
  type I32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Load,
  type Operand,
  type Store,
} from "@guise/translator";
import { a64, type Declaration, type Properties, type Semantics } from "../encoding.ts";

const int = (v: I32 | I64): Int => v as Int;
type Loader = (mem: Operand) => Int;
const load = (name: Load & ("i64.load" | "i32.load")): Loader => (mem) => int(mem.load(name as "i64.load"));
/** size, opc, text, register kind, bytes, and what it loads (undefined: a store). */
// deno-fmt-ignore
const GENERAL: readonly (readonly [size: string, opc: string, name: string, register: string, bytes: number, load?: Loader])[] = [
  ["00", "00", "strb", "w", 1],
  ["00", "01", "ldrb", "w", 1, load("i32.load8_u" as "i32.load")],
  ["00", "10", "ldrsb", "x", 1, load("i64.load8_s" as "i64.load")],
  ["00", "11", "ldrsb", "w", 1, load("i32.load8_s" as "i32.load")],
  ["01", "00", "strh", "w", 2],
  ["01", "01", "ldrh", "w", 2, load("i32.load16_u" as "i32.load")],
  ["01", "10", "ldrsh", "x", 2, load("i64.load16_s" as "i64.load")],
  ["01", "11", "ldrsh", "w", 2, load("i32.load16_s" as "i32.load")],
  ["10", "00", "str", "w", 4],
  ["10", "01", "ldr", "w", 4, load("i32.load")],
  ["10", "10", "ldrsw", "x", 4, load("i64.load32_s" as "i64.load")],
  ["11", "00", "str", "x", 8],
  ["11", "01", "ldr", "x", 8, load("i64.load")],
];
export const STORES = { 1: "i32.store8", 2: "i32.store16", 4: "i32.store", 8: "i64.store" } as const;
/** Stores a register's low bytes. */
export function storeLow(mem: Operand, bytes: number, v: Int, offset = 0): void {
  mem.store(STORES[bytes as 4], (bytes === 8 ? v.extendU() : v.wrap()) as I32, offset);
}

/** Vector registers by size: zero above what is loaded. */
// deno-fmt-ignore
const VECTORS: readonly (readonly [size: string, opc: string, kind: string, bytes: number])[] = [
  ["00", "0", "b", 1], ["01", "0", "h", 2], ["10", "0", "s", 4], ["11", "0", "d", 8], ["00", "1", "q", 16],
];
/** The register gets `bytes` bytes and zeros above. */
export function loadVector(t: Operand, mem: Operand, bytes: number, offset = 0): void {
  if (bytes === 16) return t.store("v128.store", mem.load("v128.load", offset));
  if (bytes === 8) return t.store("v128.store", mem.load("v128.load64_zero", offset));
  if (bytes === 4) return t.store("v128.store", mem.load("v128.load32_zero", offset));
  const v = bytes === 2 ? mem.load("i64.load16_u", offset) : mem.load("i64.load8_u", offset);
  t.store("i64.store", v);
  t.store("i64.store", zero(), 8);
}
export function storeVector(t: Operand, mem: Operand, bytes: number, offset = 0): void {
  if (bytes === 16) return mem.store("v128.store", t.load("v128.load"), offset);
  if (bytes === 8) return mem.store("f64.store", t.load("f64.load"), offset);
  if (bytes === 4) return mem.store("f32.store", t.load("f32.load"), offset);
  mem.store(STORES[bytes as 2] as Store & "i32.store", t.load("i32.load"), offset);
}
const zero = (): I64 => i64(0);

/** The nine address forms of single registers: unsigned offset, unscaled, post, unprivileged, pre, register. */
function forms(
  size: string,
  v: string,
  opc: string,
  name: string,
  t: string,
  bytes: number,
  semantics: Semantics,
  p: Properties,
): Declaration[] {
  const shift = 31 - Math.clz32(bytes), head = `${size}111${v}`;
  const key = `${name} ${t}`, unscaled = name.replace("ldr", "ldur").replace("str", "stur");
  const all = { ...p, bytes, key };
  return [
    ...a64(`${head}01${opc} iiiiiiiiiiii nnnnn ttttt`, `${name} ${t}, {@u${shift}}`, semantics, all),
    ...a64(`${head}00${opc} 0 iiiiiiiii 00 nnnnn ttttt`, `${unscaled} ${t}, {@s0}`, semantics, all),
    ...a64(`${head}00${opc} 0 iiiiiiiii 01 nnnnn ttttt`, `${name} ${t}, {@post0}`, semantics, all),
    ...a64(`${head}00${opc} 0 iiiiiiiii 11 nnnnn ttttt`, `${name} ${t}, {@pre0}`, semantics, all),
    ...a64(`${head}00${opc} 1 mmmmm oooS 10 nnnnn ttttt`, `${name} ${t}, {@reg${shift}}`, semantics, all),
    ...(v === "0"
      ? a64(
        `${head}00${opc} 0 iiiiiiiii 10 nnnnn ttttt`,
        `${name.replace(/^(ld|st)/, "$1t")} ${t}, {@s0}`,
        semantics,
        all,
      )
      : []),
  ];
}

const single: Late<Declaration> = late(() => [
  ...GENERAL.flatMap(([size, opc, name, register, bytes, f]) =>
    f
      ? forms(size, "0", opc, name, `{=t/${register}}`, bytes, ({ t, mem }) => t.write(f(mem)), {
        access: "r",
        hot: true,
      })
      : forms(
        size,
        "0",
        opc,
        name,
        `{t/${register}}`,
        bytes,
        ({ t, mem }) => storeLow(mem, bytes, t.read()),
        { access: "w", hot: true },
      )
  ),
  ...VECTORS.flatMap(([size, opc, kind, bytes]) => [
    ...forms(size, "1", `${opc}1`, "ldr", `{=t/${kind}}`, bytes, ({ t, mem }) => loadVector(t, mem, bytes), {
      access: "r",
      hot: bytes >= 4,
    }),
    ...forms(size, "1", `${opc}0`, "str", `{t/${kind}}`, bytes, ({ t, mem }) => storeVector(t, mem, bytes), {
      access: "w",
      hot: bytes >= 4,
    }),
  ]),
]);

/** Pairs: both halves are one access, so nothing is done when one of them faults. */
const PAIRS: readonly (readonly [opc: string, v: string, kind: string, bytes: number, name: string])[] = [
  ["00", "0", "w", 4, "p"],
  ["01", "0", "x", 4, "psw"],
  ["10", "0", "x", 8, "p"],
  ["00", "1", "s", 4, "p"],
  ["01", "1", "d", 8, "p"],
  ["10", "1", "q", 16, "p"],
];
const pairs: Late<Declaration> = late(() =>
  PAIRS.flatMap(([opc, v, kind, bytes, suffix]) => {
    const shift = 31 - Math.clz32(bytes);
    const loads: Semantics = ({ t, u, mem }, m) => {
      if (v === "1") return loadVector(t, mem, bytes), loadVector(u, mem, bytes, bytes);
      const name = (suffix === "psw" ? "i64.load32_s" : bytes === 8 ? "i64.load" : "i32.load") as "i64.load";
      const second = m.f.let(mem.load(name, bytes));
      t.write(int(mem.load(name)));
      u.write(int(second));
    };
    const stores: Semantics = ({ t, u, mem }) => {
      if (v === "1") return storeVector(t, mem, bytes), storeVector(u, mem, bytes, bytes);
      storeLow(mem, bytes, t.read()), storeLow(mem, bytes, u.read(), bytes);
    };
    const out: Declaration[] = [];
    for (const [form, bits] of [["s", "010"], ["post", "001"], ["pre", "011"], ["s", "000"]] as const) {
      // 000: no-allocate hint (ldnp, stnp).
      const hint = bits === "000" ? "np" : suffix, load = `ld${hint}`, store = `st${hint}`;
      if (suffix === "psw" && bits === "000") continue;
      const pattern = (l: string) => `${opc}101${v}${bits}${l} iiiiiii uuuuu nnnnn ttttt`;
      out.push(
        ...a64(pattern("1"), `${load} {=t/${kind}}, {=u/${kind}}, {@${form}${shift}}`, loads, {
          bytes: 2 * bytes,
          access: "r",
          hot: true,
          key: `ld${suffix} ${kind}`,
        }),
      );
      if (suffix === "p") {
        out.push(
          ...a64(pattern("0"), `${store} {t/${kind}}, {u/${kind}}, {@${form}${shift}}`, stores, {
            bytes: 2 * bytes,
            access: "w",
            hot: true,
            key: `st${suffix} ${kind}`,
          }),
        );
      }
    }
    return out;
  })
);

const nop = (): void => {};
// deno-fmt-ignore
export const memory: Late<Declaration> = late(() => [
  ...single(),
  ...pairs(),
  ...a64("00011000 iiiiiiiiiiiiiiiiiii ttttt", "ldr {=t/w}, {@lit}", ({ t, mem }) => t.write(int(mem.load("i32.load"))), { bytes: 4, access: "r" }),
  ...a64("01011000 iiiiiiiiiiiiiiiiiii ttttt", "ldr {=t/x}, {@lit}", ({ t, mem }) => t.write(int(mem.load("i64.load"))), { bytes: 8, access: "r" }),
  ...a64("10011000 iiiiiiiiiiiiiiiiiii ttttt", "ldrsw {=t/x}, {@lit}", ({ t, mem }) => t.write(int(mem.load("i64.load32_s"))), { bytes: 4, access: "r" }),
  ...([["00", "s", 4], ["01", "d", 8], ["10", "q", 16]] as const).flatMap(([opc, kind, bytes]) =>
    a64(`${opc}011100 iiiiiiiiiiiiiiiiiii ttttt`, `ldr {=t/${kind}}, {@lit}`, ({ t, mem }) => loadVector(t, mem, bytes), { bytes, access: "r" })),
  ...a64("11011000 iiiiiiiiiiiiiiiiiii ttttt", "prfm {t/x}, literal", nop, { key: "prfm" }),
  ...a64("1111100110 iiiiiiiiiiii nnnnn ttttt", "prfm {t/x}", nop, { key: "prfm" }),
  ...a64("11111000100 iiiiiiiii 00 nnnnn ttttt", "prfum {t/x}", nop, { key: "prfm" }),
  ...a64("11111000101 mmmmm o1oS 10 nnnnn ttttt", "prfm {t/x}, register", nop, { key: "prfm" }),
]);
