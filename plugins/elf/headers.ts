/**
 * ELF headers. Parsed as Linux's fs/binfmt_elf.c does: the machine decides the layout, EI_CLASS, EI_DATA and versions are
 * not looked at, and what is wrong is an error number, not an exception.
 */
import type { Backing } from "@guise/core";
import type { ElfFile, Machine, Segment } from "./key.ts";
import { readExactly, readHead, u16, u32, u64 } from "./bytes.ts";

export const ET_EXEC = 2, ET_DYN = 3;
export const PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3, PT_NOTE = 4, PT_GNU_STACK = 0x6474e551;
export const PF_X = 1, PF_W = 2, PF_R = 4;

/** True for `\x7fELF`. */
export function isElf(head: Uint8Array): boolean {
  return head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

/** Reads e_type and e_machine, at the same place in both classes. */
export function typeAndMachine(head: Uint8Array): { type: number; machine: number } {
  return { type: u16(head, 16), machine: u16(head, 18) };
}

/** Header fields by class. */
export function readHeader(
  head: Uint8Array,
  elfClass: 32 | 64,
): Omit<ElfFile, "file" | "path" | "machine" | "segments"> & {
  shoff: number;
  shentsize: number;
  shnum: number;
  shstrndx: number;
} {
  const type = u16(head, 16);
  if (elfClass === 64) {
    return {
      type,
      entry: u64(head, 24),
      phoff: u64(head, 32),
      shoff: u64(head, 40),
      phentsize: u16(head, 54),
      phnum: u16(head, 56),
      shentsize: u16(head, 58),
      shnum: u16(head, 60),
      shstrndx: u16(head, 62),
    };
  }
  return {
    type,
    entry: u32(head, 24),
    phoff: u32(head, 28),
    shoff: u32(head, 32),
    phentsize: u16(head, 42),
    phnum: u16(head, 44),
    shentsize: u16(head, 46),
    shnum: u16(head, 48),
    shstrndx: u16(head, 50),
  };
}

function segment(bytes: Uint8Array, at: number, elfClass: 32 | 64): Segment {
  if (elfClass === 64) {
    return {
      type: u32(bytes, at),
      flags: u32(bytes, at + 4),
      offset: u64(bytes, at + 8),
      vaddr: u64(bytes, at + 16),
      filesz: u64(bytes, at + 32),
      memsz: u64(bytes, at + 40),
      align: u64(bytes, at + 48),
    };
  }
  return {
    type: u32(bytes, at),
    flags: u32(bytes, at + 24),
    offset: u32(bytes, at + 4),
    vaddr: u32(bytes, at + 8),
    filesz: u32(bytes, at + 16),
    memsz: u32(bytes, at + 20),
    align: u32(bytes, at + 28),
  };
}

/**
 * Headers of `file`, whose first bytes are `head`; or what is wrong with its program headers, in words. The caller has
 * checked the magic number, the type and the machine.
 */
export function readElf(
  file: Backing,
  path: Uint8Array,
  head: Uint8Array,
  machine: Machine,
): ElfFile | string {
  const header = readHeader(head, machine.elfClass);
  const { type, entry, phoff, phentsize, phnum } = header;
  const wanted = machine.elfClass === 64 ? 56 : 32;
  if (phentsize !== wanted) return `has program headers of ${phentsize} bytes each, not ${wanted}`;
  const size = phentsize * phnum;
  // The kernel's own bound (load_elf_phdrs): it is what keeps a hostile count from allocating much.
  if (size === 0 || size > 65536) return `has ${phnum} program headers`;
  const bytes = readExactly(file, phoff, size);
  if (bytes === undefined) return "is cut short: its program headers lie beyond its end";
  const segments: Segment[] = [];
  for (let i = 0; i < phnum; i++) segments.push(segment(bytes, i * phentsize, machine.elfClass));
  return { file, path, type, machine, entry, phoff, phentsize, phnum, segments };
}

/** The kernel's buffer of a file's first 256 bytes (BINPRM_BUF_SIZE), zero-padded, and how many of them exist. */
export function executableHead(file: Backing): { bytes: Uint8Array; size: number } {
  return readHead(file, 256);
}
