/**
 * The programs of axle (W10): static ET_EXEC files with section headers, whose segments are all mapped for everything.
 * Nothing in the file is trusted.
 */
import { type AddressSpace, EXEC, READ, WRITE } from "@guise/core";

/** A loaded program. */
export interface Program {
  readonly entry: number;
  /** The end of .bss: where the break begins. */
  readonly brk: number;
  /** The end of the last page that was mapped. */
  readonly end: number;
}

interface Segment {
  readonly offset: number;
  readonly filesz: number;
  readonly vaddr: number;
  readonly memsz: number;
}

const ET_EXEC = 2, PT_LOAD = 1, PHENT = 56, SHENT = 64;

/** Maps a program into a fresh space; a text says why it cannot be. */
export function load(space: AddressSpace, bytes: Uint8Array, machine: number): Program | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f454c46) return "is not an ELF file";
  if (bytes[4] !== 2 || bytes[5] !== 1) return "is not a 64-bit little-endian program";
  if (view.getUint16(18, true) !== machine) return `is for another machine (${view.getUint16(18, true)})`;
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC) return `is no static program: axle loads ET_EXEC, this has type ${type}`;
  const number = (at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  const table = (at: number, size: number, count: number): boolean => at + size * count <= bytes.length;

  const phoff = number(32), phnum = view.getUint16(56, true);
  if (!table(phoff, PHENT, phnum)) return "is cut off: its program headers are not in the file";
  const segments: Segment[] = [];
  for (let at = phoff; at < phoff + PHENT * phnum; at += PHENT) {
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    const s = {
      offset: number(at + 8),
      vaddr: number(at + 16),
      filesz: number(at + 32),
      memsz: number(at + 40),
    };
    if (s.memsz === 0) continue;
    if (s.filesz > s.memsz || s.offset + s.filesz > bytes.length) {
      return "is cut off: a segment is not in the file";
    }
    segments.push(s);
  }
  if (segments.length === 0) return "has no segment to load";

  const names = sections(view, bytes);
  if (typeof names === "string") return names;
  const bss = names.get(".bss");
  if (bss === undefined || !names.has(".symtab") || !names.has(".strtab")) {
    return "has no .bss, .symtab or .strtab: axle's loader reads them, do not strip programs";
  }

  let end = 0;
  for (const { vaddr, memsz } of segments) {
    const first = Math.floor(vaddr / 4096) * 4096, last = Math.ceil((vaddr + memsz) / 4096) * 4096;
    end = Math.max(end, last);
    // Segments may share a page: only what is not mapped yet is.
    for (let at = first; at < last;) {
      const old = space.find(at);
      if (old !== undefined) {
        at = old.end;
        continue;
      }
      const next = space.vmas.find((vma) => vma.start > at)?.start ?? Infinity;
      const length = Math.min(last, next) - at;
      const mapped = space.map({ address: at, length, prot: READ | WRITE | EXEC, fixed: "exclusive" });
      if (mapped < 0) return `has a segment at 0x${vaddr.toString(16)}, where nothing can be mapped`;
      at += length;
    }
  }
  for (const { vaddr, offset, filesz } of segments) {
    if (!space.write(vaddr, bytes.subarray(offset, offset + filesz))) return "does not fit into memory";
  }
  const brk = bss.address + bss.size;
  // A .bss that lies nowhere: the heap follows the segments.
  return { entry: number(24), brk: brk > end || brk < segments[0].vaddr ? end : brk, end };
}

/** Sections by name. */
function sections(
  view: DataView,
  bytes: Uint8Array,
): Map<string, { readonly address: number; readonly size: number }> | string {
  const number = (at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  const shoff = number(40), shnum = view.getUint16(60, true), strings = view.getUint16(62, true);
  if (shnum === 0 || strings >= shnum || shoff + SHENT * shnum > bytes.length) {
    return "has no section headers";
  }
  const text = number(shoff + SHENT * strings + 24);
  const found = new Map<string, { address: number; size: number }>();
  for (let at = shoff; at < shoff + SHENT * shnum; at += SHENT) {
    const start = text + view.getUint32(at, true);
    const part = bytes.subarray(start, start + 32), nul = part.indexOf(0);
    found.set(String.fromCharCode(...part.subarray(0, nul < 0 ? 32 : nul)), {
      address: number(at + 16),
      size: number(at + 32),
    });
  }
  return found;
}
