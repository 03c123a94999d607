/**
 * Copies between the state block and images of registers in guest memory, as functions of WebAssembly: what a signal's frame takes from the
 * state and gives back ([decision 72](../../../docs/decisions/0072-frames-by-webassembly.md)).
 */
import type { Copies } from "../parts.ts";
import { type Func, type I32, type Mem, Module } from "../wasm/mod.ts";

/** An image of many registers that is more than their bytes in a row: what the frame's `read` and `write` do, for an image at `at`. */
export interface ImageSpec {
  /** From the state block to the image. */
  save(f: Func, guest: Mem, at: I32): void;
  /** From the image to the state block. */
  restore(f: Func, guest: Mem, at: I32): void;
}

/** 64-bit fields of the state block in a row, one behind the other; what is below 0 has 8 bytes and is left alone. */
export const rowOf = (offsets: readonly number[]): ImageSpec => ({
  save: (f, guest, at) =>
    offsets.forEach((from, i) => {
      if (from >= 0) f.store(guest, "i64.store", at, guest.load("i64.load", 0, from), i * 8);
    }),
  restore: (f, guest, at) =>
    offsets.forEach((to, i) => {
      if (to >= 0) f.store(guest, "i64.store", 0, guest.load("i64.load", at, i * 8), to);
    }),
});

/** Vector registers from `offset` on in the state block, `place` bytes behind the image's start. */
export const vectorsOf = (offset: number, bytes: number, place: number): ImageSpec => ({
  save(f, guest, at) {
    for (let i = 0; i < bytes; i += 16) {
      f.store(guest, "v128.store", at, guest.load("v128.load", 0, offset + i), place + i);
    }
  },
  restore(f, guest, at) {
    for (let i = 0; i < bytes; i += 16) {
      f.store(guest, "v128.store", 0, guest.load("v128.load", at, place + i), offset + i);
    }
  },
});

/** The module for an image; `wide`: of a memory64. */
export function copiesModule(image: ImageSpec, wide: boolean): WebAssembly.Module {
  const m = new Module(), guest = m.importMemory("guise", "memory", { min: 1, wide });
  for (const name of ["save", "restore"] as const) {
    m.export(name, m.func(["i32"], [], (f) => image[name](f, guest, f.param(0, "i32"))));
  }
  return new WebAssembly.Module(m.bytes());
}

/** Its functions for one memory. */
export function copiesFor(module: WebAssembly.Module, memory: WebAssembly.Memory): Copies {
  return new WebAssembly.Instance(module, { guise: { memory } }).exports as unknown as Copies;
}
