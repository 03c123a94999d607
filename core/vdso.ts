/**
 * Builds a vDSO: a real ELF shared object in memory, that C libraries look functions up in (AT_SYSINFO_EHDR) and
 * debuggers read as any library. Shape of Linux's own (spec X17): one LOAD segment that is readable and executable,
 * DYNAMIC, NOTE and GNU_EH_FRAME, both hash tables (older musl reads only DT_HASH), versioned symbols, weak aliases, and
 * call frame information, so that unwinders get through. The code is position-independent: one image serves every address.
 */
import type { Arch } from "./arch.ts";
import type { VdsoExport } from "./personality.ts";
import { Builder, elfHash, gnuHash, Strings } from "./vdso_elf.ts";
import { frameInformation } from "./vdso_frames.ts";

/** A note of the NOTE segment. */
export interface VdsoNote {
  /** Owner, `Linux`. */
  readonly name: string;
  /** Note type. */
  readonly type: number;
  /** Contents. */
  readonly desc: Uint8Array;
}

/** What {@link buildVdso} needs. */
export interface VdsoRequest {
  /** Assembles the code. */
  readonly arch: Arch;
  /** Functions, in order. */
  readonly exports: readonly VdsoExport[];
  /** Default `linux-vdso.so.1`. */
  readonly soname?: string;
  /**
   * Bytes between the start of the data pages (vvar) and the image, a multiple of the page size: where `{vvar}` in an
   * export's code points to. Default 4 pages.
   */
  readonly dataBytes?: number;
  /** Number of the first call stub; the others count up from it. Default 0. */
  readonly firstTarget?: number;
  /** Before the build id: Linux puts its version here. */
  readonly notes?: readonly VdsoNote[];
}

/** An image ready to be mapped `r-x` right after the data pages. */
export interface VdsoImage {
  /** A whole number of pages. */
  readonly bytes: Uint8Array;
  /** Offset of every symbol, aliases included. */
  readonly symbols: ReadonlyMap<string, number>;
  /** Exports reached through call stubs; the stub of `targets[i]` calls target `firstTarget + i`. */
  readonly targets: readonly VdsoExport[];
  /** Where the code is, in bytes from the start. With `targets`, its pages must be mapped with `stubs`. */
  readonly text: { readonly start: number; readonly end: number };
}

const PF_R = 4, PF_X = 1;
const SHF_WRITE = 1, SHF_ALLOC = 2, SHF_EXECINSTR = 4;
const STB_GLOBAL = 1, STB_WEAK = 2, STT_OBJECT = 1, STT_FUNC = 2;
const SHN_ABS = 0xfff1;

interface Symbol {
  readonly name: string;
  readonly binding: number;
  /** Note type. */
  readonly type: number;
  /** Index into the functions; -1 for a version's own symbol. */
  readonly fn: number;
  readonly version: number;
}

/**
 * The image of `exports` for one architecture. An export that has neither code for it nor a host function is left out.
 * Code is assembled as a listing of its own, in which `vvar` (or `{vvar}`) is a label: the start of the data pages. It must be reached relative
 * to the program counter. Throws on code that does not assemble: it is the author's mistake.
 */
export function buildVdso(request: VdsoRequest): VdsoImage {
  const { arch } = request;
  const soname = request.soname ?? "linux-vdso.so.1";
  const dataBytes = request.dataBytes ?? 4 * arch.pageSize;
  const wide = arch.elfClass === 64;
  const available = request.exports.filter((e) => e.call !== undefined || e.code?.[arch.name] !== undefined);

  // Versions: 1 names the file itself, the others follow in order of first use.
  const versions: string[] = [];
  for (const e of available) if (!versions.includes(e.version)) versions.push(e.version);
  let symbols: Symbol[] = [];
  available.forEach((e, fn) => {
    const version = versions.indexOf(e.version) + 2;
    symbols.push({ name: e.name, binding: STB_GLOBAL, type: STT_FUNC, fn, version });
    if (e.alias !== undefined) {
      symbols.push({ name: e.alias, binding: STB_WEAK, type: STT_FUNC, fn, version });
    }
  });
  versions.forEach((name, i) => {
    symbols.push({ name, binding: STB_GLOBAL, type: STT_OBJECT, fn: -1, version: i + 2 });
  });
  // The GNU hash table wants the symbols of a bucket side by side.
  const buckets = Math.max(1, Math.ceil(symbols.length / 4));
  symbols = symbols.map((s, i) => ({ s, i, bucket: gnuHash(s.name) % buckets }))
    .sort((a, b) => a.bucket - b.bucket || a.i - b.i).map(({ s }) => s);

  const strings = new Strings();
  const out = new Builder(wide);
  const count = symbols.length + 1;
  out.reserve(wide ? 64 + 4 * 56 : 52 + 4 * 32);

  const hash = out.section(".hash", 5, SHF_ALLOC, wide ? 8 : 4, 4, () => {
    const heads = new Array<number>(buckets).fill(0), chains = new Array<number>(count).fill(0);
    symbols.forEach((s, i) => {
      const bucket = elfHash(s.name) % buckets;
      chains[i + 1] = heads[bucket];
      heads[bucket] = i + 1;
    });
    for (const n of [buckets, count, ...heads, ...chains]) out.u32(n);
  });
  const gnu = out.section(".gnu.hash", 0x6ffffff6, SHF_ALLOC, 8, 0, () => {
    const bits = wide ? 64 : 32, shift = 6;
    const bloom = new Uint32Array(wide ? 2 : 1);
    for (const s of symbols) {
      const h = gnuHash(s.name);
      for (const bit of [h % bits, (h >>> shift) % bits]) bloom[bit >>> 5] |= 1 << (bit & 31);
    }
    for (const n of [buckets, 1, 1, shift, ...bloom]) out.u32(n);
    for (let b = 0; b < buckets; b++) {
      const first = symbols.findIndex((s) => gnuHash(s.name) % buckets === b);
      out.u32(first < 0 ? 0 : first + 1);
    }
    symbols.forEach((s, i) => {
      const h = gnuHash(s.name);
      const next = symbols[i + 1];
      const last = next === undefined || gnuHash(next.name) % buckets !== h % buckets;
      out.u32(((h & ~1) | (last ? 1 : 0)) >>> 0);
    });
  });
  const symtabSize = count * (wide ? 24 : 16);
  const dynsym = out.section(".dynsym", 11, SHF_ALLOC, 8, wide ? 24 : 16, () => out.skip(symtabSize));
  for (const text of [soname, ...versions, ...symbols.map((s) => s.name)]) strings.add(text);
  const dynstr = out.section(".dynstr", 3, SHF_ALLOC, 1, 0, () => out.bytes(strings.bytes()));
  const versym = out.section(".gnu.version", 0x6fffffff, SHF_ALLOC, 2, 2, () => {
    out.u16(0);
    for (const s of symbols) out.u16(s.version);
  });
  const verdef = out.section(".gnu.version_d", 0x6ffffffd, SHF_ALLOC, 8, 0, () => {
    [soname, ...versions].forEach((name, i) => {
      const last = i === versions.length;
      for (const n of [1, i === 0 ? 1 : 0, i + 1, 1]) out.u16(n);
      for (const n of [elfHash(name), 20, last ? 0 : 28, strings.add(name), 0]) out.u32(n);
    });
  });
  const tags: [number, number][] = [
    [14, /* SONAME */ strings.add(soname)],
    [16, /* SYMBOLIC */ 0],
    [4, /* HASH */ hash.offset],
    [0x6ffffef5, /* GNU_HASH */ gnu.offset],
    [5, /* STRTAB */ dynstr.offset],
    [6, /* SYMTAB */ dynsym.offset],
    [10, /* STRSZ */ dynstr.size],
    [11, /* SYMENT */ wide ? 24 : 16],
    [0x6ffffffc, /* VERDEF */ verdef.offset],
    [0x6ffffffd, /* VERDEFNUM */ versions.length + 1],
    [30, /* FLAGS */ 2 | 8 /* SYMBOLIC BIND_NOW */],
    [0x6ffffffb, /* FLAGS_1 */ 1 /* NOW */],
    [0x6ffffff0, /* VERSYM */ versym.offset],
    [0, 0],
  ];
  const dynamic = out.section(".dynamic", 6, SHF_WRITE | SHF_ALLOC, 8, wide ? 16 : 8, () => {
    for (const [tag, value] of tags) {
      out.word(tag);
      out.word(value);
    }
  });
  // The build id is filled in at the end, from all other bytes.
  let buildId = 0;
  const note = out.section(".note", 7, SHF_ALLOC, 4, 0, () => {
    for (const n of request.notes ?? []) out.note(n.name, n.type, n.desc);
    buildId = out.note("GNU", 3, new Uint8Array(20));
  });

  // Code goes to a place known before the frames that describe it: room for those is computed from their number.
  const frames = frameInformation(arch, available.length);
  const header = out.section(".eh_frame_hdr", 1, SHF_ALLOC, 4, 0, () => out.skip(frames.headerSize));
  const eh = out.section(".eh_frame", 1, SHF_ALLOC, 8, 0, () => out.skip(frames.size));

  const placed: { at: number; size: number }[] = [];
  const targets: VdsoExport[] = [];
  // Assembled as if loaded here; only the distance to the data pages matters.
  const linkBase = 0x100000 + dataBytes;
  const text = out.section(".text", 1, SHF_ALLOC | SHF_EXECINSTR, 32, 0, () => {
    for (const e of available) {
      out.align(16, 0x90);
      const at = out.length;
      const source = e.code?.[arch.name];
      const code = source !== undefined
        ? arch.assemble(
          `.set vvar, 0x${(linkBase - dataBytes).toString(16)}\n${source.replaceAll("{vvar}", "vvar")}`,
          linkBase + at,
        )
        : arch.stub((request.firstTarget ?? 0) + targets.push(e) - 1);
      out.bytes(code);
      placed.push({ at, size: code.length });
    }
  });
  const end = out.length;
  out.patch(header.offset, frames.header(header.offset, eh.offset, placed));
  out.patch(eh.offset, frames.frames(eh.offset, placed));

  const table = new Builder(wide);
  table.symbol(0, 0, 0, 0, 0);
  const offsets = new Map<string, number>();
  for (const s of symbols) {
    const name = strings.add(s.name), info = (s.binding << 4) | s.type;
    if (s.fn < 0) {
      table.symbol(name, info, SHN_ABS, 0, 0);
      continue;
    }
    table.symbol(name, info, text.index, placed[s.fn].at, placed[s.fn].size);
    offsets.set(s.name, placed[s.fn].at);
  }
  out.patch(dynsym.offset, table.finish());

  out.link(hash, dynsym);
  out.link(gnu, dynsym);
  out.link(dynsym, dynstr, 1);
  out.link(versym, dynsym);
  out.link(verdef, dynstr, versions.length + 1);
  out.link(dynamic, dynstr);
  out.sectionHeaders();
  out.programHeaders(arch.elfMachine, [
    { type: 1, flags: PF_R | PF_X, offset: 0, size: end, align: arch.pageSize },
    { type: 2, flags: PF_R, offset: dynamic.offset, size: dynamic.size, align: wide ? 8 : 4 },
    { type: 4, flags: PF_R, offset: note.offset, size: note.size, align: 4 },
    { type: 0x6474e550, flags: PF_R, offset: header.offset, size: header.size, align: 4 },
  ]);
  out.patch(buildId, identify(out.finish()));
  out.align(arch.pageSize, 0);
  return { bytes: out.finish(), symbols: offsets, targets, text: { start: text.offset, end } };
}

/** 20 bytes that are the same for the same image: five FNV-1a sums with different starts. */
function identify(bytes: Uint8Array): Uint8Array {
  const id = new Uint8Array(20);
  const view = new DataView(id.buffer);
  for (let i = 0; i < 5; i++) {
    let h = (0x811c9dc5 + i * 0x9e3779b9) | 0;
    for (const b of bytes) h = Math.imul(h ^ b, 0x01000193);
    view.setInt32(4 * i, h);
  }
  return id;
}
