/**
 * Where things are in an axle process. Axle puts stack, shared memory and delivery pool far above 4 GiB; in our flat
 * memory they go lower (spec 8), and programs get them through pointers and registers:
 *
 * | axle           | here                                            |                  |
 * | -------------- | ----------------------------------------------- | ---------------- |
 * | 0x7e0000000000 | base - 128 KiB                                  | stack            |
 * | 0x7f8000000000 | base                                            | delivery pool    |
 * | 0x7f0000000000 | base + 64 MiB, first free place                 | shared memory    |
 *
 * `base` is 32 MiB, or higher above a large program: 16 MiB are left for its heap.
 */
import { MAP_BASE, READ, WRITE } from "@guise/core";
import type { AxleProcess } from "./state.ts";

/** Bytes of the stack (W11) and of the delivery pool (W5). */
export const STACK_BYTES = 0x20000, POOL_BYTES = 64 << 20;
/** Least room for the heap. */
const HEAP = 16 << 20, MEGABYTE = 1 << 20;

/** The base for a program that ends there. */
export function baseAbove(end: number): number {
  return Math.max(MAP_BASE, Math.ceil((end + HEAP + STACK_BYTES) / MEGABYTE) * MEGABYTE);
}

/** Maps the delivery pool; 0 when there is no room. */
export function poolOf(it: AxleProcess): number {
  const { space } = it.process;
  const at = space.map({
    address: space.mapBase,
    length: POOL_BYTES,
    prot: READ | WRITE,
    fixed: "exclusive",
    name: "[amc]",
  });
  return at < 0 ? 0 : at;
}
