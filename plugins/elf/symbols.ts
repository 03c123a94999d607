/**
 * Symbols of an ELF file, for the line that names where a program died, for statistics and profilers. Files are
 * hostile here too: what does not fit is left out, and the reader allocates no more than the file's own size.
 */
import type { Backing } from "@guise/core";
import { readExactly, readHead, stringAt, u16, u32, u64 } from "./bytes.ts";
import { isElf, PT_DYNAMIC, PT_LOAD, readElf, readHeader, typeAndMachine } from "./headers.ts";

const SHT_SYMTAB = 2, SHT_DYNSYM = 11;
const STT_OBJECT = 1, STT_FUNC = 2, STT_GNU_IFUNC = 10;
/** Files with larger tables than this (bytes) are read without them. */
const MOST_BYTES = 64 << 20;

/** A defined symbol. Addresses are those of the file: subtract the load bias from a guest address first. */
export interface ElfSymbol {
  /** As in the string table. */
  readonly name: string;
  /** Its address in the file. */
  readonly value: number;
  /** Bytes; 0 when not known. */
  readonly size: number;
  /** What it names. */
  readonly kind: "function" | "object" | "other";
}

/** Symbols of one file, by address and by name. */
export interface SymbolTable {
  /** How many symbols there are. */
  readonly size: number;
  /** The function (or object) that holds the address, or the nearest one before it that has no size. */
  at(address: number): ElfSymbol | undefined;
  /** The first symbol of that name, in order of address. */
  byName(name: string): ElfSymbol | undefined;
  /** All symbols, in order of address. */
  [Symbol.iterator](): Iterator<ElfSymbol>;
}

/** Reads .symtab and .dynsym, or the dynamic segment's table when there are no section headers. Never throws. */
export function elfSymbols(file: Backing): SymbolTable {
  const found: ElfSymbol[] = [];
  const head = readHead(file, 64);
  if (isElf(head.bytes) && head.bytes[5] === 1) {
    const elfClass = head.bytes[4] === 1 ? 32 : 64;
    if (!fromSections(file, head.bytes, elfClass, found)) fromDynamic(file, head.bytes, elfClass, found);
  }
  return new Table(found);
}

class Table implements SymbolTable {
  readonly #sorted: readonly ElfSymbol[];
  #names: Map<string, ElfSymbol> | undefined;
  constructor(symbols: ElfSymbol[]) {
    // Functions last among equals: they are what a pc wants.
    this.#sorted = symbols.sort((a, b) => a.value - b.value || rank(a) - rank(b) || a.size - b.size);
  }
  get size(): number {
    return this.#sorted.length;
  }
  at(address: number): ElfSymbol | undefined {
    let low = 0, high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle].value <= address) low = middle + 1;
      else high = middle;
    }
    // Nested and zero-sized symbols: look back a little for one that really holds the address.
    for (let i = low - 1; i >= 0 && i > low - 17; i--) {
      const symbol = this.#sorted[i];
      if (address < symbol.value + symbol.size) return symbol;
    }
    const nearest = this.#sorted[low - 1];
    return nearest !== undefined && nearest.size === 0 ? nearest : undefined;
  }
  byName(name: string): ElfSymbol | undefined {
    if (this.#names === undefined) {
      this.#names = new Map();
      for (const symbol of this.#sorted) {
        if (!this.#names.has(symbol.name)) this.#names.set(symbol.name, symbol);
      }
    }
    return this.#names.get(name);
  }
  [Symbol.iterator](): Iterator<ElfSymbol> {
    return this.#sorted[Symbol.iterator]();
  }
}

const rank = (s: ElfSymbol): number => (s.kind === "function" ? 2 : s.kind === "object" ? 1 : 0);

const utf8 = new TextDecoder();

function addSymbols(symbols: Uint8Array, strings: Uint8Array, elfClass: 32 | 64, into: ElfSymbol[]): void {
  const entry = elfClass === 64 ? 24 : 16;
  for (let at = entry; at + entry <= symbols.length; at += entry) {
    const name = u32(symbols, at);
    const info = symbols[at + (elfClass === 64 ? 4 : 12)];
    const section = u16(symbols, at + (elfClass === 64 ? 6 : 14));
    const type = info & 15;
    // Undefined symbols, sections, files and thread-local offsets have no address.
    if (section === 0 || type === 3 || type === 4 || type === 6 || name >= strings.length) continue;
    const text = stringAt(strings, name, 4096);
    if (text.length === 0) continue;
    into.push({
      name: utf8.decode(text),
      value: elfClass === 64 ? u64(symbols, at + 8) : u32(symbols, at + 4),
      size: elfClass === 64 ? u64(symbols, at + 16) : u32(symbols, at + 8),
      kind: type === STT_FUNC || type === STT_GNU_IFUNC
        ? "function"
        : type === STT_OBJECT
        ? "object"
        : "other",
    });
  }
}

function fromSections(file: Backing, head: Uint8Array, elfClass: 32 | 64, into: ElfSymbol[]): boolean {
  const { shoff, shentsize, shnum } = readHeader(head, elfClass);
  if (shoff === 0 || shnum === 0 || shentsize !== (elfClass === 64 ? 64 : 40)) return false;
  const table = readExactly(file, shoff, shentsize * shnum);
  if (table === undefined) return false;
  const word = elfClass === 64 ? u64 : u32;
  const field = (index: number, at64: number, at32: number): number =>
    word(table, index * shentsize + (elfClass === 64 ? at64 : at32));
  const read = (index: number): Uint8Array | undefined => {
    const size = field(index, 32, 20);
    return size > MOST_BYTES ? undefined : readExactly(file, field(index, 24, 16), size);
  };
  // .symtab holds all that .dynsym does.
  for (const wanted of [SHT_SYMTAB, SHT_DYNSYM]) {
    for (let i = 0; i < shnum; i++) {
      if (u32(table, i * shentsize + 4) !== wanted) continue;
      const link = u32(table, i * shentsize + (elfClass === 64 ? 40 : 24));
      if (link >= shnum) continue;
      const symbols = read(i), strings = read(link);
      if (symbols !== undefined && strings !== undefined) addSymbols(symbols, strings, elfClass, into);
    }
    if (into.length > 0) return true;
  }
  return false;
}

const DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6, DT_STRSZ = 10;

function fromDynamic(file: Backing, head: Uint8Array, elfClass: 32 | 64, into: ElfSymbol[]): void {
  const { machine } = typeAndMachine(head);
  const elf = readElf(file, new Uint8Array(0), head, { name: "", elfMachine: machine, elfClass });
  if (typeof elf === "string") return;
  const dynamic = elf.segments.find((s) => s.type === PT_DYNAMIC);
  if (dynamic === undefined || dynamic.filesz > 1 << 20) return;
  const bytes = readExactly(file, dynamic.offset, dynamic.filesz);
  if (bytes === undefined) return;
  const offsetOf = (address: number): number | undefined => {
    const s = elf.segments.find((s) =>
      s.type === PT_LOAD && address >= s.vaddr && address < s.vaddr + s.filesz
    );
    return s && address - s.vaddr + s.offset;
  };
  const size = elfClass === 64 ? 8 : 4;
  const word = elfClass === 64 ? u64 : u32;
  const tags = new Map<number, number>();
  for (let at = 0; at + 2 * size <= bytes.length; at += 2 * size) {
    tags.set(word(bytes, at), word(bytes, at + size));
  }
  const symtab = tags.get(DT_SYMTAB),
    strtab = tags.get(DT_STRTAB),
    strsz = tags.get(DT_STRSZ),
    hash = tags.get(DT_HASH);
  if (symtab === undefined || strtab === undefined || strsz === undefined || strsz > MOST_BYTES) return;
  const entry = elfClass === 64 ? 24 : 16;
  let count = 0;
  const hashAt = hash === undefined ? undefined : offsetOf(hash);
  if (hashAt !== undefined) count = u32(readExactly(file, hashAt, 8) ?? new Uint8Array(0), 4);
  // Without DT_HASH: linkers put the strings right after the symbols.
  else if (strtab > symtab) count = Math.floor((strtab - symtab) / entry);
  const from = offsetOf(symtab), stringsFrom = offsetOf(strtab);
  if (from === undefined || stringsFrom === undefined || count * entry > MOST_BYTES) return;
  const symbols = readExactly(file, from, count * entry);
  const strings = readExactly(file, stringsFrom, strsz);
  if (symbols !== undefined && strings !== undefined) addSymbols(symbols, strings, elfClass, into);
}
