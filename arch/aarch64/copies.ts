/** The FPSIMD image as {@link Frame} reads and writes it, for signal frames that WebAssembly copies. */
import { type ImageSpec, vectorsOf } from "@guise/translator/region";
import { STATE } from "./state.ts";

const VECTORS = vectorsOf(STATE.v, 512, 8);

export const FPSIMD: ImageSpec = {
  save(f, guest, at) {
    f.store(guest, "i32.store", at, guest.load("i32.load", 0, STATE.fpsr), 0);
    f.store(guest, "i32.store", at, guest.load("i32.load", 0, STATE.fpcr), 4);
    VECTORS.save(f, guest, at);
  },
  restore(f, guest, at) {
    f.store(guest, "i32.store", 0, guest.load("i32.load", at, 0).and(0x0800009f), STATE.fpsr);
    f.store(guest, "i32.store", 0, guest.load("i32.load", at, 4).and(0x07c80000), STATE.fpcr);
    VECTORS.restore(f, guest, at);
  },
};
