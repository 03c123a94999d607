/**
 * A mapped ELF object as the dynamic linker sees it: its dynamic section, symbols, hash table, versions and relocation
 * tables, read out of guest memory. All of it is hostile: a table that is not there is empty, a string that does not end
 * is no name, and no reader allocates more than what is mapped.
 */
import type { AddressSpace } from "@guise/core";
import type { ElfFile, Segment } from "../key.ts";
import { stringAt, u16, u32, u64 } from "../bytes.ts";
import { PT_DYNAMIC } from "../headers.ts";

/** Program header types that the linker looks at. */
const PT_TLS = 7, PT_GNU_RELRO = 0x6474e552;

// deno-fmt-ignore
/** Tags of the dynamic section. */
export const DT = {
  NEEDED: 1, PLTRELSZ: 2, HASH: 4, STRTAB: 5, SYMTAB: 6, RELA: 7, RELASZ: 8, STRSZ: 10, INIT: 12, FINI: 13,
  SONAME: 14, JMPREL: 23, INIT_ARRAY: 25, FINI_ARRAY: 26, INIT_ARRAYSZ: 27, FINI_ARRAYSZ: 28, PREINIT_ARRAY: 32,
  PREINIT_ARRAYSZ: 33, RELRSZ: 35, RELR: 36, GNU_HASH: 0x6ffffef5, VERSYM: 0x6ffffff0, VERDEF: 0x6ffffffc,
  VERDEFNUM: 0x6ffffffd, VERNEED: 0x6ffffffe, VERNEEDNUM: 0x6fffffff,
} as const;

/** Bytes of a symbol and of a relocation with addend, in 64-bit files. */
export const SYM = 24, RELA = 24;
/** More of a table than this is not read (bytes): the largest libraries stay far below it. */
const MOST = 64 << 20;
const MOST_FOLDERS = 64;
/** Of an object's versions: 1 is the object itself. */
const FIRST_VERSION = 2;
const NOTHING = new Uint8Array(0);
const utf8 = new TextDecoder();

/** A symbol of an object's table. */
export interface DynamicSymbol {
  readonly object: DynamicObject;
  readonly name: string;
  /** st_value, before the bias; of a thread-local one its offset in the TLS segment. */
  readonly value: number;
  readonly size: number;
  /** STT_: 1 object, 2 function, 6 thread-local, 10 indirect function. */
  readonly type: number;
}

/** One relocation. */
export interface Relocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: number;
  /** Signed; exact below 2^53. */
  readonly addend: number;
}

/** A 64-bit field as a signed number. */
export function i64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) + (u32(bytes, at + 4) | 0) * 0x1_0000_0000;
}

/** The hash of DT_GNU_HASH tables. */
export function gnuHash(name: Uint8Array): number {
  let h = 5381;
  for (const c of name) h = (Math.imul(h, 33) + c) | 0;
  return h >>> 0;
}

/** One mapped object. */
export class DynamicObject {
  readonly elf: ElfFile;
  readonly name: string;
  readonly bias: number;
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  readonly tls: Segment | undefined;
  readonly relro: Segment | undefined;
  /** Its number in `__tls_get_addr`'s index, from 1; 0 without thread-local data. */
  tlsModule = 0;
  /** Bytes from its block's start up to the thread pointer (variant II). */
  tlsOffset = 0;
  /** What it needs, in order, once it has been found. */
  readonly dependencies: DynamicObject[] = [];
  readonly #space: AddressSpace;
  readonly #tags = new Map<number, number>();
  readonly #strings: Uint8Array;
  readonly #symbols: Uint8Array;
  readonly #versions: Uint8Array;
  readonly #hash: Uint8Array;
  readonly #gnu: boolean;
  /** Version names by index, of definitions and of needs. */
  readonly #versionNames = new Map<number, string>();

  constructor(space: AddressSpace, elf: ElfFile, name: string, bias: number) {
    this.#space = space;
    this.elf = elf;
    this.name = name;
    this.bias = bias;
    this.tls = elf.segments.find((s) => s.type === PT_TLS && s.memsz > 0);
    this.relro = elf.segments.find((s) => s.type === PT_GNU_RELRO);
    const dynamic = elf.segments.find((s) => s.type === PT_DYNAMIC);
    const bytes = dynamic === undefined ? NOTHING : this.#read(dynamic.vaddr, dynamic.memsz);
    const needed: number[] = [];
    for (let at = 0; at + 16 <= bytes.length; at += 16) {
      const tag = u64(bytes, at), value = u64(bytes, at + 8);
      if (tag === 0) break;
      if (tag === DT.NEEDED) needed.push(value);
      else this.#tags.set(tag, value);
    }
    this.#strings = this.#table(DT.STRTAB, DT.STRSZ);
    this.needed = needed.map((at) => this.text(at)).filter((name) => name !== "");
    const soname = this.#tags.get(DT.SONAME);
    this.soname = soname === undefined ? undefined : this.text(soname);
    const gnu = this.#tags.get(DT.GNU_HASH), old = this.#tags.get(DT.HASH);
    this.#gnu = gnu !== undefined;
    this.#hash = gnu !== undefined ? this.#upToEnd(gnu) : old !== undefined ? this.#upToEnd(old) : NOTHING;
    this.#symbols = this.#upToEnd(this.#tags.get(DT.SYMTAB));
    this.#versions = this.#upToEnd(this.#tags.get(DT.VERSYM));
    this.#readVersions();
  }

  /** True when all its functions must be there when it is loaded. */
  get bindNow(): boolean {
    return this.tag(24) !== undefined || ((this.tag(30) ?? 0) & 8) !== 0 ||
      ((this.tag(0x6ffffffb) ?? 0) & 1) !== 0;
  }

  /** True when its own definitions come first for its own references (DT_SYMBOLIC). */
  get symbolic(): boolean {
    return this.tag(16) !== undefined || ((this.tag(30) ?? 0) & 2) !== 0;
  }

  /** Folders to look for libraries in: DT_RUNPATH, or DT_RPATH without one. */
  get folders(): readonly string[] {
    const at = this.tag(29) ?? this.tag(15);
    return at === undefined
      ? []
      : this.text(at).split(":").filter((each) => each !== "").slice(0, MOST_FOLDERS);
  }

  /** The guest addresses that its segments cover: start and end. */
  get range(): readonly [start: number, end: number] {
    let start = Infinity, end = 0;
    for (const { type, vaddr, memsz } of this.elf.segments) {
      if (type !== 1) continue;
      start = Math.min(start, vaddr - vaddr % 4096);
      end = Math.max(end, Math.ceil((vaddr + memsz) / 4096) * 4096);
    }
    return start < end ? [this.bias + start, this.bias + end] : [0, 0];
  }

  /** The definition that nobody can take the place of: protected or hidden, or any own one when `own` says so. */
  bound(index: number, own: boolean): DynamicSymbol | undefined {
    const found = this.at(index);
    if (found === undefined) return undefined;
    return own || (this.#symbols[index * SYM + 5] & 3) !== 0 ? found : undefined;
  }

  /** A value of the dynamic section. */
  tag(tag: number): number | undefined {
    return this.#tags.get(tag);
  }

  #read(vaddr: number, length: number): Uint8Array {
    if (length === 0 || length > MOST) return NOTHING;
    return this.#space.read(this.bias + vaddr, length) ?? NOTHING;
  }
  #table(start: number, size: number): Uint8Array {
    const at = this.#tags.get(start), length = this.#tags.get(size);
    return at === undefined || length === undefined ? NOTHING : this.#read(at, length);
  }
  /** A table whose length nothing tells: up to the end of its segment's bytes in the file. */
  #upToEnd(vaddr: number | undefined): Uint8Array {
    if (vaddr === undefined) return NOTHING;
    const s = this.elf.segments.find((s) => s.type === 1 && vaddr >= s.vaddr && vaddr < s.vaddr + s.filesz);
    return s === undefined ? NOTHING : this.#read(vaddr, s.vaddr + s.filesz - vaddr);
  }

  /** A string of its table; empty when there is none. */
  text(at: number): string {
    return utf8.decode(stringAt(this.#strings, at, 4096));
  }

  #readVersions(): void {
    // Chains are followed forward only, so that they end.
    const definitions = this.#upToEnd(this.#tags.get(DT.VERDEF));
    for (let at = 0, n = this.#tags.get(DT.VERDEFNUM) ?? 0; n > 0 && at + 20 <= definitions.length; n--) {
      const aux = at + u32(definitions, at + 12);
      this.#versionNames.set(u16(definitions, at + 4) & 0x7fff, this.text(u32(definitions, aux)));
      const next = u32(definitions, at + 16);
      if (next === 0) break;
      at += next;
    }
    const needs = this.#upToEnd(this.#tags.get(DT.VERNEED));
    for (let at = 0, n = this.#tags.get(DT.VERNEEDNUM) ?? 0; n > 0 && at + 16 <= needs.length; n--) {
      let aux = at + u32(needs, at + 8);
      for (let k = u16(needs, at + 2); k > 0 && aux + 16 <= needs.length; k--) {
        this.#versionNames.set(u16(needs, aux + 6) & 0x7fff, this.text(u32(needs, aux + 8)));
        const next = u32(needs, aux + 12);
        if (next === 0) break;
        aux += next;
      }
      const next = u32(needs, at + 12);
      if (next === 0) break;
      at += next;
    }
  }

  /** Name, version and strength of the symbol that a relocation names. */
  reference(
    index: number,
  ): { readonly name: string; readonly version: string | undefined; readonly weak: boolean } | undefined {
    const at = index * SYM;
    if (at + SYM > this.#symbols.length) return undefined;
    const number = u16(this.#versions, 2 * index) & 0x7fff;
    return {
      name: this.text(u32(this.#symbols, at)),
      version: number > 1 ? this.#versionNames.get(number) : undefined,
      weak: this.#symbols[at + 4] >> 4 === 2,
    };
  }

  /** The symbol at an index when it is defined here. */
  at(index: number): DynamicSymbol | undefined {
    const at = index * SYM;
    if (index <= 0 || at + SYM > this.#symbols.length || u16(this.#symbols, at + 6) === 0) return undefined;
    return {
      object: this,
      name: this.text(u32(this.#symbols, at)),
      value: u64(this.#symbols, at + 8),
      size: u64(this.#symbols, at + 16),
      type: this.#symbols[at + 4] & 15,
    };
  }

  /**
   * Its definition of a name. Without a version: the default one, or of a reference that was linked before there were versions
   * the first; `newest` (dlsym) never takes a hidden one. An object without versions has one for all.
   */
  find(
    bytes: Uint8Array,
    hash: number,
    version: string | undefined,
    newest = false,
  ): DynamicSymbol | undefined {
    for (const index of this.#gnu ? this.#gnuChain(hash) : this.#chain(bytes)) {
      const at = index * SYM;
      if (at + SYM > this.#symbols.length) return undefined;
      const section = u16(this.#symbols, at + 6), binding = this.#symbols[at + 4] >> 4;
      if (section === 0 || binding === 0) continue;
      if (!this.#same(u32(this.#symbols, at), bytes) || !this.#hasVersion(index, version, newest)) continue;
      return this.at(index);
    }
    return undefined;
  }

  #same(at: number, name: Uint8Array): boolean {
    const strings = this.#strings;
    if (at + name.length >= strings.length || strings[at + name.length] !== 0) return false;
    for (let i = 0; i < name.length; i++) if (strings[at + i] !== name[i]) return false;
    return true;
  }
  #hasVersion(index: number, version: string | undefined, newest: boolean): boolean {
    if (this.#versions.length < 2 * index + 2) return true;
    const number = u16(this.#versions, 2 * index);
    const own = number & 0x7fff;
    if (version === undefined) return (number & 0x8000) === 0 || (!newest && own <= FIRST_VERSION);
    return own <= 1 || this.#versionNames.get(own) === version || this.tag(DT.VERDEF) === undefined;
  }

  *#gnuChain(hash: number): Generator<number> {
    const table = this.#hash;
    const buckets = u32(table, 0), first = u32(table, 4), bloom = u32(table, 8);
    if (buckets === 0) return;
    const start = 16 + 8 * bloom;
    let index = u32(table, start + 4 * (hash % buckets));
    if (index < first) return;
    const chain = start + 4 * buckets;
    for (;; index++) {
      const at = chain + 4 * (index - first);
      if (at + 4 > table.length) return;
      const value = u32(table, at);
      if ((value | 1) >>> 0 === (hash | 1) >>> 0) yield index;
      if (value & 1) return;
    }
  }
  *#chain(name: Uint8Array): Generator<number> {
    const table = this.#hash;
    const buckets = u32(table, 0), count = u32(table, 4);
    if (buckets === 0) return;
    let h = 0;
    for (const c of name) {
      h = ((h << 4) + c) >>> 0;
      h = (h ^ (h >>> 24 & 0xf0)) & 0x0fff_ffff;
    }
    let index = u32(table, 8 + 4 * (h % buckets));
    for (let n = 0; index !== 0 && n < count; n++) {
      yield index;
      index = u32(table, 8 + 4 * buckets + 4 * index);
    }
  }

  /** Relocations of DT_RELA and DT_JMPREL. */
  *relocations(): Generator<Relocation> {
    for (const table of [this.#table(DT.RELA, DT.RELASZ), this.#table(DT.JMPREL, DT.PLTRELSZ)]) {
      for (let at = 0; at + RELA <= table.length; at += RELA) {
        yield {
          offset: u64(table, at),
          type: u32(table, at + 8),
          symbol: u32(table, at + 12),
          addend: i64(table, at + 16),
        };
      }
    }
  }

  /** Places of DT_RELR: an address, then bitmaps of 63 words each. */
  *relative(): Generator<number> {
    const table = this.#table(DT.RELR, DT.RELRSZ);
    let where = 0;
    for (let at = 0; at + 8 <= table.length; at += 8) {
      const low = u32(table, at), high = u32(table, at + 4);
      if ((low & 1) === 0) {
        where = u64(table, at);
        yield where;
        where += 8;
        continue;
      }
      for (let bit = 1; bit < 64; bit++) {
        if ((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) yield where + 8 * (bit - 1);
      }
      where += 8 * 63;
    }
  }

  /** Functions to call before the program runs, in order: DT_INIT, then the array. Guest addresses, after relocation. */
  get initFunctions(): number[] {
    const init = this.tag(DT.INIT);
    return [
      ...(init === undefined || init === 0 ? [] : [this.bias + init]),
      ...this.#functions(DT.INIT_ARRAY, DT.INIT_ARRAYSZ),
    ];
  }
  /** Functions to call at its end, in order. */
  get finiFunctions(): number[] {
    const fini = this.tag(DT.FINI);
    return [
      ...this.#functions(DT.FINI_ARRAY, DT.FINI_ARRAYSZ).reverse(),
      ...(fini === undefined || fini === 0 ? [] : [this.bias + fini]),
    ];
  }
  #functions(start: number, size: number): number[] {
    const table = this.#table(start, size);
    const list: number[] = [];
    for (let at = 0; at + 8 <= table.length; at += 8) {
      const address = u64(table, at);
      if (address !== 0) list.push(address);
    }
    return list;
  }
}
