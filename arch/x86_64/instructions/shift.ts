/** Shifts and rotates (SDM volume 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD). */
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
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, x86 } from "../encoding.ts";
import { carry, flagsImage, setImage, setResult } from "../flags.ts";
import { CF, OF, RCX } from "../state.ts";
import { extendFrom } from "./common.ts";

/** The count, masked as the hardware does (SDM: 5 bits, 6 with REX.W). */
type Shift = (m: Machine, dst: Operand, count: I32) => void;
const width = (v: Int, n: I32): Int => (v.type === "i64" ? n.extendU() as Int : n as Int);
const bit0 = (v: Int): I32 => v.wrap().and(1);
/** The sign of a value of `size` bits that is held in its type, as 0 or 1. */
const signBit = (size: number, v: Int): I32 => v.shrU(v.type === "i64" ? 63 : size - 1).wrap().and(1);

const shl: Shift = (m, dst, count) => {
  const { size } = dst, a = m.f.let(dst.read()), n = width(a, count);
  const raw = a.shl(n), result = m.flagsWanted ? m.f.let(extendFrom(size, raw)) : raw;
  if (m.flagsWanted) {
    m.f.if(count, () => {
      const cf = m.f.let(
        size < 32 ? a.shl(n).shrU(size).wrap().and(1) : bit0(a.shrU(width(a, i32(size).sub(count)))),
      );
      setResult(m, result, cf.or(signBit(size, result).xor(cf).shl(11)));
    });
  }
  dst.write(result);
};
const shr: Shift = (m, dst, count) => {
  const { size } = dst, a = m.f.let(dst.read()), n = width(a, count);
  const raw = a.shrU(n), result = m.flagsWanted ? m.f.let(extendFrom(size, raw)) : raw;
  if (m.flagsWanted) {
    m.f.if(count, () => {
      // OF as of the last of `count` single shifts; the manual defines it for one.
      const before = m.f.let(a.shrU(width(a, count.sub(1))));
      setResult(m, result, bit0(before).or(signBit(size, before).shl(11)));
    });
  }
  dst.write(result);
};
const sar: Shift = (m, dst, count) => {
  const a = m.f.let(dst.signed()), n = width(a, count);
  const result = m.f.let(a.shrS(n));
  if (m.flagsWanted) {
    m.f.if(count, () => setResult(m, result, bit0(a.shrS(width(a, count.sub(1))))));
  }
  dst.write(result);
};

/** Sets CF and OF alone. */
function setCarryOverflow(m: Machine, count: I32, cf: () => I32, of: () => I32): void {
  if (!m.flagsWanted) return;
  m.f.if(count, () => {
    const image = m.f.let(flagsImage(m).and(~(CF | OF)).or(cf()).or(of().shl(11)));
    setImage(m, image);
  });
}
const rotate = (left: boolean): Shift => (m, dst, count) => {
  const { size } = dst, a = m.f.let(dst.read());
  let result: Int;
  if (size >= 32) result = left ? a.rotl(width(a, count)) : a.rotr(width(a, count));
  else {
    // Doubled, the narrow value rotates by a plain shift.
    const n = count.and(size - 1), double = a.or(a.shl(size));
    const shifted = left ? double.shrU(width(a, i32(size).sub(n))) : double.shrU(width(a, n));
    result = shifted.and(size === 8 ? 0xff : 0xffff);
  }
  const r = m.f.let(result);
  const top = () => signBit(size, r);
  if (left) setCarryOverflow(m, count, () => bit0(r), () => top().xor(bit0(r)));
  else setCarryOverflow(m, count, top, () => top().xor(signBit(size, r.shl(1))));
  dst.write(r);
};
/** Rotation through the carry: size + 1 bits. */
const rotateCarry = (left: boolean): Shift => (m, dst, masked) => {
  const { f } = m, { size } = dst, a = f.let(dst.read());
  const count = f.let(size === 8 ? masked.remU(9) : size === 16 ? masked.remU(17) : masked);
  const c = f.let(carry(m));
  f.if(masked, () => {
    const r = f.local(a.type), out = f.local("i32");
    if (size === 64) {
      const x = a as I64, n = f.let(count.extendU()), cIn = c.extendU();
      const rest = i64(64).sub(n);
      if (left) {
        f.set(r, x.shl(n).or(cIn.shl(n.sub(1))).or(x.shrU(1).shrU(rest)) as Int);
        f.set(out, x.shrU(rest).wrap().and(1));
      } else {
        f.set(r, x.shrU(n).or(cIn.shl(rest)).or(x.shl(1).shl(rest)) as Int);
        f.set(out, x.shrU(n.sub(1)).wrap().and(1));
      }
    } else {
      const n = f.let(count.extendU()), v = f.let(a.extendU().or(c.extendU().shl(size)));
      const rest = i64(size + 1).sub(n);
      const turned = f.let(left ? v.shl(n).or(v.shrU(rest)) : v.shrU(n).or(v.shl(rest)));
      f.set(r, turned.wrap().and(size === 32 ? -1 : (1 << size) - 1) as Int);
      f.set(out, turned.shrU(size).wrap().and(1));
    }
    const top = signBit(size, r);
    setCarryOverflow(m, i32(1), () => out, () => left ? top.xor(out) : top.xor(signBit(size, r.shl(1))));
    dst.write(r);
  }, () => dst.write(a));
};

const double = (left: boolean) => (m: Machine, dst: Operand, src: Operand, count: I32): void => {
  const { f } = m, { size } = dst;
  const a = f.let(dst.read()), b = f.let(src.read());
  const mask = f.let(count.and(size === 64 ? 63 : 31));
  let r: Int, out: I32;
  if (size === 64) {
    const x = a as I64, y = b as I64, n = f.let(mask.extendU()), rest = i64(63).sub(n);
    r = f.let((left ? x.shl(n).or(y.shrU(1).shrU(rest)) : x.shrU(n).or(y.shl(1).shl(rest))) as Int);
    out = (left ? x.shrU(i64(64).sub(n)) : x.shrU(n.sub(1))).wrap().and(1);
  } else {
    // Both in one number of twice the size; 16 bits: counts above 16 shift the source in again.
    const x = a.extendU(), y = b.extendU(), n = f.let(mask.extendU());
    const wide = f.let(
      size === 32
        ? (left ? x.shl(32).or(y) : y.shl(32).or(x))
        : (left ? x.shl(32).or(y.shl(16)).or(y) : y.shl(32).or(y.shl(16)).or(x)),
    );
    r = f.let((left ? wide.shl(n).shrU(32) : wide.shrU(n)).wrap().and(size === 32 ? -1 : 0xffff) as Int);
    out = (left ? x.shrU(i64(size).sub(n)) : x.shrU(n.sub(1))).wrap().and(1);
  }
  if (m.flagsWanted) {
    f.if(mask, () => {
      const cf = f.let(out);
      const changed = signBit(size, r).xor(left ? cf : signBit(size, r.shl(1)));
      setResult(m, extendFrom(size, r), cf.or(changed.shl(11)));
    });
  }
  dst.write(r);
};

function family(
  mnemonic: string,
  digit: string,
  shift: Shift,
  p: e.Properties,
  alias = false,
): Declaration[] {
  const mask = (size: number) => size === 64 ? 63 : 31;
  const byImmediate = (m: Machine, dst: Operand, n: Operand) =>
    shift(m, dst, m.f.keep(n.read().wrap().and(mask(dst.size))));
  const byOne = (m: Machine, dst: Operand) => shift(m, dst, i32(1));
  const byCl = (m: Machine, dst: Operand) =>
    shift(m, dst, m.f.let(m.state("i32.load8_u", RCX).and(mask(dst.size))));
  const kinds = [["", "", e.rm8], ["o16 ", "1", e.rm16], ["o32 ", "1", e.rm32], [
    "REX.W ",
    "1",
    e.rm64,
  ]] as const;
  return kinds.flatMap(([prefix, , kind]) => {
    const op = (n: number) => (kind === e.rm8 ? n : n + 1).toString(16).toUpperCase();
    const hot = p.hot && (kind === e.rm32 || kind === e.rm64);
    const q = { ...p, hot, alias };
    return [
      x86(`${prefix}${op(0xc0)} ${digit} ib`, mnemonic, [rw(kind), e.imm8], byImmediate, {
        ...q,
        counts: true,
        key: `${mnemonic} imm`,
      }),
      x86(`${prefix}${op(0xd0)} ${digit}`, mnemonic, [rw(kind), e.fixed("1")], byOne, {
        ...q,
        hot,
        key: `${mnemonic} 1`,
      }),
      x86(`${prefix}${op(0xd2)} ${digit}`, mnemonic, [rw(kind), e.fixed("cl")], byCl, {
        ...q,
        conditional: true,
        key: `${mnemonic} cl`,
      }),
    ];
  }).map((d) => alias ? { ...d, semantics: d.semantics } : d);
}

function doubles(mnemonic: string, opcode: number, left: boolean, p: e.Properties): Declaration[] {
  const op = double(left);
  const byImmediate = (m: Machine, dst: Operand, src: Operand, n: Operand) =>
    op(m, dst, src, m.f.keep(n.read().wrap()));
  const byCl = (m: Machine, dst: Operand, src: Operand) =>
    op(m, dst, src, m.f.let(m.state("i32.load8_u", RCX)));
  const hex = (n: number) => (opcode + n).toString(16).toUpperCase();
  const kinds = [["o16", e.rm16, e.r16], ["o32", e.rm32, e.r32], ["REX.W", e.rm64, e.r64]] as const;
  return kinds.flatMap(([prefix, rm, r]) => [
    x86(`${prefix} 0F ${hex(0)} /r ib`, mnemonic, [rw(rm), r, e.imm8], byImmediate, { ...p, counts: true }),
    x86(`${prefix} 0F ${hex(1)} /r`, mnemonic, [rw(rm), r, e.fixed("cl")], byCl, {
      ...p,
      conditional: true,
      key: `${mnemonic} cl`,
    }),
  ]);
}

const SHIFT: e.Properties = { writes: "cf pf zf sf of", undefines: "af" };
const TURN: e.Properties = { writes: "cf of", reads: "pf af zf sf" };
const shlFamily = family("shl", "/4", shl, { ...SHIFT, hot: true });

export const shift: Late<Declaration> = late(() => [
  ...family("rol", "/0", rotate(true), { ...TURN, hot: true }),
  ...family("ror", "/1", rotate(false), { ...TURN, hot: true }),
  ...family("rcl", "/2", rotateCarry(true), { ...TURN, reads: "cf pf af zf sf" }),
  ...family("rcr", "/3", rotateCarry(false), { ...TURN, reads: "cf pf af zf sf" }),
  ...shlFamily,
  ...family("shr", "/5", shr, { ...SHIFT, hot: true }),
  // /6 is shl again.
  ...shlFamily.map((d) =>
    x86(d.encodingText.replace("/4", "/6"), "shl", d.operands, d.semantics, { ...d, alias: true })
  ),
  ...family("sar", "/7", sar, { ...SHIFT, hot: true }),
  ...doubles("shld", 0xa4, true, SHIFT),
  ...doubles("shrd", 0xac, false, SHIFT),
]);
