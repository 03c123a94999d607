/** Writing the tables of an ELF image, of both classes, in order and with later patches. */

/** A section that has been written. */
export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly align: number;
  readonly entrySize: number;
  readonly offset: number;
  size: number;
  link: number;
  info: number;
}

/** A program header to be written; address = offset. */
export interface ImageSegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  readonly align: number;
}

const utf8 = new TextEncoder();

/** The hash of DT_HASH tables and version names (gABI). */
export function elfHash(name: string): number {
  let h = 0;
  for (const c of utf8.encode(name)) {
    h = ((h << 4) + c) >>> 0;
    const g = h & 0xf0000000;
    h = ((h ^ (g >>> 24)) & ~g) >>> 0;
  }
  return h;
}

/** The hash of DT_GNU_HASH tables. */
export function gnuHash(name: string): number {
  let h = 5381;
  for (const c of utf8.encode(name)) h = (Math.imul(h, 33) + c) >>> 0;
  return h;
}

/** A string table; equal strings share their place. */
export class Strings {
  readonly #offsets = new Map<string, number>([["", 0]]);
  #text = "\0";
  /** The offset of `text`. */
  add(text: string): number {
    let at = this.#offsets.get(text);
    if (at === undefined) {
      at = utf8.encode(this.#text).length;
      this.#offsets.set(text, at);
      this.#text += text + "\0";
    }
    return at;
  }
  bytes(): Uint8Array {
    return utf8.encode(this.#text);
  }
}

/** Grows an image at its end. */
export class Builder {
  readonly #wide: boolean;
  #buffer = new Uint8Array(8192);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;
  readonly #sections: Section[] = [];
  #sectionHeaders = 0;

  constructor(wide: boolean) {
    this.#wide = wide;
  }
  get length(): number {
    return this.#length;
  }
  #room(n: number): number {
    const at = this.#length;
    if (at + n > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(2 * this.#buffer.length, at + n));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = at + n;
    return at;
  }
  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }
  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }
  /** A word of the class; at most 2^32 - 1. */
  word(value: number): void {
    this.u32(value);
    if (this.#wide) this.u32(0);
  }
  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
  }
  skip(n: number): void {
    this.#room(n);
  }
  /** Room for the headers, before anything else. */
  reserve(n: number): void {
    this.#room(n);
  }
  align(to: number, fill: number): void {
    const n = (to - (this.#length % to)) % to;
    const at = this.#room(n);
    this.#buffer.fill(fill, at, at + n);
  }
  patch(at: number, bytes: Uint8Array): void {
    this.#buffer.set(bytes, at);
  }
  /** A copy of what has been written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }
  /** A note; the result is where its description begins. */
  note(name: string, type: number, desc: Uint8Array): number {
    const text = utf8.encode(name + "\0");
    this.u32(text.length);
    this.u32(desc.length);
    this.u32(type);
    this.bytes(text);
    this.align(4, 0);
    const at = this.#length;
    this.bytes(desc);
    this.align(4, 0);
    return at;
  }
  symbol(name: number, info: number, section: number, value: number, size: number): void {
    this.u32(name);
    if (!this.#wide) {
      this.u32(value);
      this.u32(size);
    }
    this.u16(info);
    this.u16(section);
    if (this.#wide) {
      this.word(value);
      this.word(size);
    }
  }
  section(
    name: string,
    type: number,
    flags: number,
    align: number,
    entrySize: number,
    write: () => void,
  ): Section {
    this.align(align, 0);
    const offset = this.#length;
    write();
    const section: Section = {
      index: this.#sections.length + 1,
      name,
      type,
      flags,
      align,
      entrySize,
      offset,
      size: this.#length - offset,
      link: 0,
      info: 0,
    };
    this.#sections.push(section);
    return section;
  }
  link(section: Section, to: Section, info = 0): void {
    section.link = to.index;
    section.info = info;
  }
  /** Section names and headers, for readelf and debuggers; nothing at run time reads them. */
  sectionHeaders(): void {
    const names = new Strings();
    for (const s of this.#sections) names.add(s.name);
    names.add(".shstrtab");
    this.section(".shstrtab", 3, 0, 1, 0, () => this.bytes(names.bytes()));
    this.align(8, 0);
    this.#sectionHeaders = this.#length;
    this.skip(this.#wide ? 64 : 40);
    for (const s of this.#sections) {
      this.u32(names.add(s.name));
      this.u32(s.type);
      this.word(s.flags);
      this.word((s.flags & 2) !== 0 ? s.offset : 0);
      this.word(s.offset);
      this.word(s.size);
      this.u32(s.link);
      this.u32(s.info);
      this.word(s.align);
      this.word(s.entrySize);
    }
  }
  /** The ELF header and the program headers, into the reserved room. */
  programHeaders(machine: number, segments: readonly ImageSegment[]): void {
    const head = new Builder(this.#wide);
    head.bytes(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, this.#wide ? 2 : 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    head.u16(3); // ET_DYN
    head.u16(machine);
    head.u32(1);
    head.word(0);
    head.word(this.#wide ? 64 : 52);
    head.word(this.#sectionHeaders);
    head.u32(0);
    head.u16(this.#wide ? 64 : 52);
    head.u16(this.#wide ? 56 : 32);
    head.u16(segments.length);
    head.u16(this.#wide ? 64 : 40);
    head.u16(this.#sections.length + 1);
    head.u16(this.#sections.length);
    for (const s of segments) {
      head.u32(s.type);
      if (this.#wide) head.u32(s.flags);
      for (let i = 0; i < 3; i++) head.word(s.offset); // offset, address, physical address
      head.word(s.size);
      head.word(s.size);
      if (!this.#wide) head.u32(s.flags);
      head.word(s.align);
    }
    this.patch(0, head.finish());
  }
}
