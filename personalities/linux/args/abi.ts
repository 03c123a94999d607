/**
 * Where the two 64-bit ABIs differ in file calls (spec A9), as data. A row is compiled with its column's entry of this
 * table; no handler asks for the architecture.
 */
import type { RowAbi } from "@guise/core";
import type { Field } from "./layout.ts";

/** Offsets of struct stat; the fields not named are at the same place everywhere. */
export interface StatLayout {
  readonly size: number;
  readonly mode: number;
  readonly nlink: Field;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly blksize: Field;
}

/** File calls of one ABI. */
export interface FilesAbi {
  readonly stat: StatLayout;
  /** Open flags whose value is not the canonical (x86-64) one: [guest, canonical]. */
  readonly openFlags: readonly (readonly [guest: number, canonical: number])[];
  /** Bytes of struct epoll_event: packed on x86-64. */
  readonly epollEvent: 12 | 16;
}

const x86: FilesAbi = {
  stat: { size: 144, nlink: [16, 8], mode: 24, uid: 28, gid: 32, rdev: 40, blksize: [56, 8] },
  openFlags: [],
  epollEvent: 12,
};

/** asm-generic's structures with arm64's open flags. */
const arm: FilesAbi = {
  stat: { size: 128, mode: 16, nlink: [20, 4], uid: 24, gid: 28, rdev: 32, blksize: [56, 4] },
  openFlags: [[0o40000, 0o200000], [0o100000, 0o400000], [0o200000, 0o40000], [0o400000, 0o100000]],
  epollEvent: 16,
};

const abis: Readonly<Record<string, FilesAbi>> = { "x86-64": x86, aarch64: arm };

/** The entry for a row's column. */
export function filesAbi(abi: RowAbi): FilesAbi {
  const found = abis[abi.arch];
  if (found === undefined) throw new Error(`guise: linux has no file ABI for ${abi.arch}`);
  return found;
}
