/** FXSAVE's image as {@link Frame} reads and writes it, for signal frames that WebAssembly copies (SDM volume 1, 10.5.1.1). */
import { type I32, i32 } from "@guise/translator";
import { type ImageSpec, vectorsOf } from "@guise/translator/region";
import { STATE } from "./state.ts";

const VECTORS = vectorsOf(STATE.xmm, 256, 160);
/** Place of ST(i) in the file of physical registers. */
const physical = (top: I32, i: number): I32 => top.add(i).and(7).shl(4);

export const FXSAVE: ImageSpec = {
  save(f, guest, at) {
    const field = (from: number) => guest.load("i32.load", 0, from);
    const put = (to: number, v: I32 | number) => f.store(guest, "i32.store", at, v, to);
    const top = f.let(field(STATE.ftop));
    const status = field(STATE.fsw).and(0xc7ff).or(top.shl(11));
    put(0, field(STATE.fcw).and(0xffff).or(status.shl(16)));
    put(4, field(STATE.ftw).and(0xff).or(field(STATE.fop).shl(16)));
    f.store(guest, "i64.store", at, guest.load("i64.load", 0, STATE.fip), 8);
    f.store(guest, "i64.store", at, guest.load("i64.load", 0, STATE.fdp), 16);
    put(24, field(STATE.mxcsr));
    put(28, 0xffff);
    for (let i = 0; i < 8; i++) {
      const from = f.let(physical(top, i));
      f.store(guest, "i64.store", at, guest.load("i64.load", from, STATE.x87), 32 + i * 16);
      f.store(guest, "i64.store", at, guest.load("i64.load16_u", from, STATE.x87 + 8), 40 + i * 16);
    }
    VECTORS.save(f, guest, at);
  },
  restore(f, guest, at) {
    const half = (from: number) => guest.load("i32.load16_u", at, from);
    const put = (to: number, v: I32) => f.store(guest, "i32.store", 0, v, to);
    const fsw = f.let(half(2)), fcw = f.let(half(0).and(0x1f3f).or(0x40));
    const top = f.let(fsw.shrU(11).and(7));
    put(STATE.fcw, fcw);
    const pending = fsw.and(fcw.xor(0x3f)).and(0x3f).ne(0);
    put(STATE.fsw, fsw.and(0x477f).or(i32(0).sub(pending).and(0x8080)));
    put(STATE.ftop, top);
    put(STATE.ftw, guest.load("i32.load8_u", at, 4));
    put(STATE.fop, half(6).and(0x7ff));
    f.store(guest, "i64.store", 0, guest.load("i64.load", at, 8), STATE.fip);
    f.store(guest, "i64.store", 0, guest.load("i64.load", at, 16), STATE.fdp);
    put(STATE.mxcsr, half(24));
    for (let i = 0; i < 8; i++) {
      const to = f.let(physical(top, i));
      f.store(guest, "i64.store", to, guest.load("i64.load", at, 32 + i * 16), STATE.x87);
      f.store(guest, "i64.store", to, guest.load("i64.load16_u", at, 40 + i * 16), STATE.x87 + 8);
    }
    VECTORS.restore(f, guest, at);
  },
};
