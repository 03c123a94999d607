/**
 * A dynamic linker inside the kernel (spec O2-O5): maps a program with the libraries that it names, binds its symbols to
 * them, to functions of the kernel and last to a libc in the guest's files, and applies relocations. Guest code runs
 * only afterwards: IFUNC resolvers and init functions are handed out for the caller to invoke. What is wrong with a
 * file is a text for a person; nothing throws.
 */
import { type AddressSpace, type Backing, PAGE, READ } from "@guise/core";
import type { ElfFile, Image, Machine, Plan, Refusal, Segment } from "../key.ts";
import type { FoundSymbol, Linked, LinkHost, Opened, OpenOptions, SymbolQuery } from "./contract.ts";
import { printable, readHead, u16, u32 } from "../bytes.ts";
import { ET_DYN, ET_EXEC, isElf, PF_X, PT_GNU_STACK, PT_INTERP, readElf } from "../headers.ts";
import { mapLibrary, mapProgram } from "../map.ts";
import { DynamicObject, type DynamicSymbol, gnuHash } from "./object.ts";

const refuse = (reason: string): Refusal => ({ kind: "refused", errno: -8, reason });

/** The program's headers, checked as OSv does (O3). */
export function openDynamic(file: Backing, path: string, machine: Machine): ElfFile | Refusal {
  const { bytes, size } = readHead(file, 64);
  if (size < 64 || !isElf(bytes)) return refuse("bad elf header");
  if (bytes[4] !== 2) return refuse("bad elf class");
  if (bytes[5] !== 1) return refuse("bad elf endianness");
  if (bytes[6] !== 1) return refuse("bad elf version");
  if (bytes[7] !== 0 && bytes[7] !== 3) return refuse("bad os abi");
  const type = u16(bytes, 16);
  if (type !== ET_DYN && type !== ET_EXEC) {
    return refuse("bad executable type (only shared-object, PIE or non-PIE executable supported)");
  }
  if (u16(bytes, 18) !== machine.elfMachine) {
    return refuse(`machine type for ${path} differs from the kernel`);
  }
  const elf = readElf(file, new TextEncoder().encode(path), bytes, machine);
  return typeof elf === "string" ? refuse(elf) : elf;
}

const PT_DYNAMIC = 2, DT_FLAGS_1 = 0x6ffffffb, DF_1_PIE = 0x08000000;

/** True when the program names an interpreter, or is a shared library: it wants linking. Else it is static (O5). */
export function isDynamic(elf: ElfFile): boolean {
  if (elf.segments.some((s) => s.type === PT_INTERP)) return true;
  const dynamic = elf.segments.find((s) => s.type === PT_DYNAMIC);
  if (elf.type !== ET_DYN || dynamic === undefined || dynamic.filesz > 1 << 20) return false;
  const bytes = new Uint8Array(dynamic.filesz);
  elf.file.fill(dynamic.offset, bytes);
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    if (u32(bytes, at) === DT_FLAGS_1) return (u32(bytes, at + 8) & DF_1_PIE) === 0;
  }
  return true;
}

/** Maps and links `elf` in a fresh space. */
export function linkProgram(
  elf: ElfFile,
  args: readonly Uint8Array[],
  space: AddressSpace,
  host: LinkHost,
): Linked | Refusal {
  const plan: Plan = {
    kind: "plan",
    program: elf,
    args,
    scripts: 0,
    arch: elf.machine.name,
    stack: elf.segments.some((s) => s.type === PT_GNU_STACK && (s.flags & PF_X) !== 0)
      ? "executable"
      : "plain",
  };
  const image = mapProgram(plan, space);
  if (image.kind === "refused") return image;
  return new Linker(elf.machine, space, host).link(
    new DynamicObject(space, elf, printable(elf.path), image.bias),
    image,
  );
}

/** More libraries than this are a joke. */
const MOST_OBJECTS = 256;

/** What a relocation type asks for, by architecture. */
type Kind =
  | "none"
  | "symbol"
  | "relative"
  | "copy"
  | "module"
  | "offset"
  | "pointer"
  | "descriptor"
  | "indirect";
// deno-fmt-ignore
const kinds: Readonly<Record<number, ReadonlyMap<number, Kind>>> = {
  62: new Map<number, Kind>([[0, "none"], [1, "symbol"], [5, "copy"], [6, "symbol"], [7, "symbol"], [8, "relative"],
    [16, "module"], [17, "offset"], [18, "pointer"], [36, "descriptor"],
    [37, "indirect"]]),
  183: new Map<number, Kind>([[0, "none"], [257, "symbol"], [1024, "copy"], [1025, "symbol"], [1026, "symbol"],
    [1027, "relative"], [1028, "module"], [1029, "offset"], [1030, "pointer"], [1031, "descriptor"], [1032, "indirect"]]),
};
/** Relocations that take no addend, by architecture: R_X86_64_GLOB_DAT and JUMP_SLOT. */
const NO_ADDEND: Readonly<Record<number, readonly number[]>> = { 62: [6, 7], 183: [] };
/** Where static thread-local data begin above the thread pointer, by architecture; absent: they lie below it. */
const TLS_ABOVE: Readonly<Record<number, number>> = { 183: 16 };
/** Room in the static thread-local block for libraries of the initial-exec model that are opened later (bytes). */
const SURPLUS = 1664;
/** DF_1_NODELETE. */
const NODELETE = 8;
/** Calls through the procedure linkage table, by architecture. */
const JUMP_SLOT: Readonly<Record<number, number>> = { 62: 7, 183: 1026 };

/** A bound reference: an address, or a symbol whose address only its resolver knows, or thread-local data. */
interface Target {
  readonly address: number;
  readonly symbol?: DynamicSymbol;
}

class Linker {
  readonly #machine: Machine;
  readonly #space: AddressSpace;
  readonly #host: LinkHost;
  readonly #objects: DynamicObject[] = [];
  /** What dlopen has made global, after them. */
  readonly #global: DynamicObject[] = [];
  /** How often a library was opened, and what never goes. */
  readonly #users = new Map<DynamicObject, number>();
  readonly #kept = new Set<DynamicObject>();
  /** With thread-local data in the static block. */
  readonly #static: DynamicObject[] = [];
  readonly #known = new Map<string, DynamicObject>();
  #under: DynamicObject | undefined;
  #modules = 0;
  #indirect: { resolver: number; place: number; addend: number }[] = [];
  readonly #cache = new Map<string, Target | null>();
  readonly #encoder = new TextEncoder();
  #tlsSize = 0;
  #tlsUsed = 0;
  #missingPage: number | undefined;

  constructor(machine: Machine, space: AddressSpace, host: LinkHost) {
    this.#machine = machine;
    this.#space = space;
    this.#host = host;
  }

  link(program: DynamicObject, image: Image): Linked | Refusal {
    this.#objects.push(program);
    const failed = this.#loadNeeded(this.#objects);
    if (failed !== undefined) return failed;
    const { under } = this.#host;
    if (under !== undefined) {
      const made = this.#load(under.file, under.path);
      if (!(made instanceof DynamicObject)) return made;
      this.#under = made;
    }
    const all = this.#under === undefined ? this.#objects : [...this.#objects, this.#under];
    this.#layTls(all);
    const copies: { from: Target; to: number; size: number }[] = [];
    for (const object of all) {
      const wrong = this.#relocate(object, copies);
      if (wrong !== undefined) return refuse(wrong);
    }
    // Copies last: what they copy has been relocated by now.
    for (const { from, to, size } of copies) {
      const bytes = this.#space.read(from.address, size);
      if (bytes === undefined || !this.#space.write(to, bytes)) {
        return refuse(`${program.name}: a copied symbol lies outside of memory`);
      }
    }
    return {
      kind: "linked",
      image,
      objects: all,
      program,
      indirect: this.#indirect,
      initOrder: this.#initOrder(program),
      tlsSize: this.#tlsSize,
      tlsAbove: TLS_ABOVE[this.#machine.elfMachine] !== undefined,
      lookup: (name) => {
        const target = this.#find(name, undefined, undefined);
        return target?.symbol?.type === 6 ? undefined : target?.address;
      },
      open: (name, options) => this.#open(name, options ?? {}),
      close: (object) => this.#close(object),
      unload: (objects) => this.#unload(objects),
      symbol: (query) => this.#symbol(query),
      mapped: () => this.#mapped(),
      fillTls: (pointer) => this.#fillTls(this.#static, pointer),
      protect: () => this.#protect(all),
    };
  }

  #load(file: Backing, path: string): DynamicObject | Refusal {
    const elf = openDynamic(file, path, this.#machine);
    if ("kind" in elf) return refuse(`${path}: ${elf.reason}`);
    if (elf.type !== ET_DYN) return refuse(`${path}: is no shared library`);
    const bias = mapLibrary(elf, this.#space);
    return typeof bias === "number" ? new DynamicObject(this.#space, elf, path, bias) : bias;
  }

  /** Loads what the objects of the list need, and appends it. */
  #loadNeeded(objects: DynamicObject[]): Refusal | undefined {
    for (let i = 0; i < objects.length; i++) {
      const object = objects[i];
      for (const name of object.needed) {
        if (this.#host.standsIn(name)) continue;
        let library = this.#known.get(name);
        if (library === undefined) {
          if (this.#known.size >= MOST_OBJECTS) return refuse(`needs more than ${MOST_OBJECTS} libraries`);
          const found = this.#besides(object, name) ?? this.#host.open(name);
          if (found === undefined) {
            return refuse(`needs the library ${name}, which is not in the guest's library folders`);
          }
          const made = this.#load(found.file, found.path);
          if (!(made instanceof DynamicObject)) return made;
          library = made;
          this.#known.set(name, library);
        }
        if (!objects.includes(library)) objects.push(library);
        if (!object.dependencies.includes(library)) object.dependencies.push(library);
      }
    }
    return undefined;
  }

  /** A library in the folders that its user names (DT_RUNPATH, DT_RPATH), `$ORIGIN` being the user's own. */
  #besides(user: DynamicObject, name: string): ReturnType<LinkHost["open"]> {
    if (name.includes("/")) return undefined;
    const origin = user.name.slice(0, Math.max(0, user.name.lastIndexOf("/"))) || ".";
    for (const folder of user.folders) {
      const found = this.#host.open(`${folder.replace(/\$(ORIGIN|\{ORIGIN\})/g, origin)}/${name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** dlopen. Objects that were there stay as they are. */
  #open(name: string, options: OpenOptions): Opened | string {
    const before = new Set(this.#mapped());
    let object = this.#known.get(name) ?? this.#mapped().find((o) => o.soname === name || o.name === name);
    if (object === undefined && !options.onlyLoaded) {
      const found = this.#host.open(name);
      if (found === undefined) return `${name}: cannot open shared object file: No such file or directory`;
      object = this.#mapped().find((o) => o.name === found.path);
      if (object === undefined) {
        const made = this.#load(found.file, found.path);
        if (!(made instanceof DynamicObject)) return made.reason;
        this.#known.set(name, object = made);
      }
    }
    if (object === undefined) return `${name}: is not loaded`;
    const scope = [object];
    const failed = this.#loadNeeded(scope);
    const fresh = [...new Set([...scope, ...this.#mapped()])].filter((each) => !before.has(each));
    let wrong = failed?.reason;
    const earlier = this.#indirect;
    this.#indirect = [];
    if (wrong === undefined) {
      for (const each of fresh) if (each.tls !== undefined) each.tlsModule = ++this.#modules;
      this.#scope = scope;
      for (const each of fresh) wrong ??= this.#relocate(each, []);
      this.#scope = undefined;
    }
    const indirect = this.#indirect;
    this.#indirect = earlier;
    if (wrong !== undefined) {
      this.#unload(fresh);
      return wrong;
    }
    this.#users.set(object, (this.#users.get(object) ?? 0) + 1);
    if (options.keep === true || ((object.tag(DT_FLAGS_1) ?? 0) & NODELETE) !== 0) this.#kept.add(object);
    if (options.global === true) {
      for (const each of scope) {
        if (!this.#objects.includes(each) && !this.#global.includes(each)) this.#global.push(each);
      }
      this.#cache.clear();
    }
    return {
      object,
      scope,
      initOrder: this.#initOrder(object).filter((each) => fresh.includes(each)),
      indirect,
      staticTls: fresh.filter((each) => this.#static.includes(each)),
      protect: () => this.#protect(fresh),
    };
  }

  #mapped(): DynamicObject[] {
    const under = this.#under === undefined ? [] : [this.#under];
    return [...new Set([...this.#objects, ...under, ...this.#known.values()])];
  }

  #close(object: DynamicObject): readonly DynamicObject[] | undefined {
    const users = this.#users.get(object) ?? 0;
    if (users === 0) return undefined;
    this.#users.set(object, users - 1);
    // What the program, an open library or one that stays leads to is in use.
    const used = new Set<DynamicObject>();
    const visit = (each: DynamicObject): void => {
      if (used.has(each)) return;
      used.add(each);
      each.dependencies.forEach(visit);
    };
    this.#objects.forEach(visit);
    if (this.#under !== undefined) visit(this.#under);
    this.#kept.forEach(visit);
    for (const [each, count] of this.#users) if (count > 0) visit(each);
    const gone = this.#mapped().filter((each) => !used.has(each));
    // Whom others need ends after them.
    const order: DynamicObject[] = [];
    for (const each of gone) {
      for (const next of this.#initOrder(each)) {
        if (gone.includes(next) && !order.includes(next)) order.push(next);
      }
    }
    return order.reverse();
  }

  #unload(objects: readonly DynamicObject[]): void {
    for (const object of objects) {
      const [start, end] = object.range;
      if (end > start) this.#space.unmap(start, end - start);
      for (const [name, each] of this.#known) if (each === object) this.#known.delete(name);
      for (const list of [this.#global, this.#static]) {
        const at = list.indexOf(object);
        if (at >= 0) list.splice(at, 1);
      }
      this.#users.delete(object);
    }
    this.#cache.clear();
  }

  #symbol({ name, version, scope, after }: SymbolQuery): FoundSymbol | undefined {
    let target: Target | undefined;
    // What the kernel stands in for is among what every library needs.
    if (scope !== undefined) target = this.#inScope(name, version, scope, true) ?? this.#kernel(name);
    else if (after === undefined) target = this.#search(name, version, undefined, true);
    else {
      const order = [...this.#objects, ...this.#global];
      const own = order.indexOf(after);
      // A library that is not in the lookup order goes on in what it needs.
      const rest = own >= 0 ? order.slice(own + 1) : after.dependencies;
      target = this.#inScope(name, version, rest, true) ?? this.#kernel(name);
    }
    if (target === undefined) return undefined;
    const { symbol } = target;
    if (symbol?.type === 6) {
      return { address: 0, indirect: false, tls: { object: symbol.object, offset: symbol.value } };
    }
    return { address: target.address, indirect: symbol?.type === 10 };
  }

  /** Libraries beside the global ones, while what dlopen loaded is relocated. */
  #scope: readonly DynamicObject[] | undefined;

  #inScope(
    name: string,
    version: string | undefined,
    scope: readonly DynamicObject[],
    newest = false,
  ): Target | undefined {
    const bytes = this.#encoder.encode(name), hash = gnuHash(bytes);
    for (const object of scope) {
      const symbol = object.find(bytes, hash, version, newest);
      if (symbol !== undefined) return { address: object.bias + symbol.value, symbol };
    }
    return undefined;
  }

  /** Gives an opened library's thread-local data a place in the static block; false when there is no room. */
  #makeStatic(object: DynamicObject): boolean {
    const { tls } = object;
    if (tls === undefined || object.tlsOffset !== 0) return true;
    return this.#place(object, tls, this.#tlsSize);
  }

  #layTls(all: readonly DynamicObject[]): void {
    this.#tlsUsed = TLS_ABOVE[this.#machine.elfMachine] ?? 0;
    for (const object of all) {
      const { tls } = object;
      if (tls === undefined || tls.memsz > 1 << 24) continue;
      object.tlsModule = ++this.#modules;
      this.#place(object, tls, Infinity);
    }
    this.#tlsSize = Math.ceil((this.#tlsUsed + SURPLUS) / 64) * 64;
  }

  /** Gives thread-local data the next place in the static block, below the thread pointer or above it. */
  #place(object: DynamicObject, tls: Segment, most: number): boolean {
    const align = tls.align > 1 && tls.align <= 4096 && Number.isInteger(Math.log2(tls.align))
      ? tls.align
      : 1;
    const up = (n: number): number => Math.ceil(n / align) * align;
    const above = TLS_ABOVE[this.#machine.elfMachine] !== undefined;
    const offset = above ? up(this.#tlsUsed) : up(this.#tlsUsed + tls.memsz);
    const used = above ? offset + tls.memsz : offset;
    if (!(used <= most)) return false;
    this.#tlsUsed = used;
    object.tlsOffset = above ? -offset : offset;
    this.#static.push(object);
    return true;
  }

  #fillTls(all: readonly DynamicObject[], pointer: number): boolean {
    for (const { tls, tlsModule, tlsOffset, bias } of all) {
      if (tls === undefined || tlsModule === 0) continue;
      const image = tls.filesz === 0
        ? new Uint8Array(0)
        : this.#space.read(bias + tls.vaddr, Math.min(tls.filesz, tls.memsz));
      if (image === undefined || !this.#space.write(pointer - tlsOffset, image)) return false;
    }
    return true;
  }

  /** In lookup order: the program and its libraries, the kernel, the libc under it. `skip`: for copies. */
  #find(name: string, version: string | undefined, skip: DynamicObject | undefined): Target | undefined {
    if (skip !== undefined || this.#scope !== undefined) return this.#search(name, version, skip);
    const key = `${name}@${version ?? ""}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known ?? undefined;
    const target = this.#search(name, version, skip);
    this.#cache.set(key, target ?? null);
    return target;
  }
  #search(
    name: string,
    version: string | undefined,
    skip: DynamicObject | undefined,
    newest = false,
  ): Target | undefined {
    const bytes = this.#encoder.encode(name), hash = gnuHash(bytes);
    for (const list of [this.#objects, this.#global, this.#scope ?? []]) {
      for (const object of list) {
        if (object === skip) continue;
        const symbol = object.find(bytes, hash, version, newest);
        if (symbol !== undefined) return { address: object.bias + symbol.value, symbol };
      }
    }
    return this.#kernel(name);
  }
  /** The kernel's own, and what completes it. */
  #kernel(name: string): Target | undefined {
    const address = this.#host.export(name);
    if (address !== undefined) return { address };
    if (this.#under === undefined) return undefined;
    const bytes = this.#encoder.encode(this.#host.alias(name));
    const symbol = this.#under.find(bytes, gnuHash(bytes), undefined);
    return symbol && { address: this.#under.bias + symbol.value, symbol };
  }

  #relocate(object: DynamicObject, copies: { from: Target; to: number; size: number }[]): string | undefined {
    const space = this.#space, { bias } = object;
    const table = kinds[this.#machine.elfMachine] ?? new Map<number, Kind>();
    const outside = (at: number) =>
      `${object.name}: a relocation lies outside of its writable memory (0x${at.toString(16)})`;
    for (const at of object.relative()) {
      const value = space.getNum64(bias + at);
      if (value === undefined || !space.setNum64(bias + at, value + bias)) return outside(at);
    }
    for (const { offset, type, symbol, addend } of object.relocations()) {
      const kind = table.get(type);
      if (kind === undefined) return `${object.name}: relocation type ${type} is not known`;
      if (kind === "none") continue;
      const place = bias + offset;
      let value: number;
      if (kind === "relative") value = bias + addend;
      else if (kind === "indirect") {
        this.#indirect.push({ resolver: bias + addend, place, addend: 0 });
        continue;
      } else {
        const late = type === JUMP_SLOT[this.#machine.elfMachine] && !object.bindNow;
        const target = this.#bind(object, symbol, kind === "copy" ? object : undefined, late);
        if (typeof target === "string") return target;
        const bound = target.symbol;
        switch (kind) {
          case "symbol":
            value = target.address + (NO_ADDEND[this.#machine.elfMachine]?.includes(type) ? 0 : addend);
            if (bound?.type === 10) {
              this.#indirect.push({ resolver: target.address, place, addend: value - target.address });
              continue;
            }
            break;
          case "copy": {
            const own = object.at(symbol);
            const size = Math.min(own?.size ?? 0, bound?.size ?? own?.size ?? 0);
            if (size > 1 << 20) return `${object.name}: a copied symbol has ${size} bytes`;
            if (target.address !== 0 && size > 0) copies.push({ from: target, to: place, size });
            continue;
          }
          case "module":
            value = (bound?.object ?? object).tlsModule;
            break;
          case "offset":
            value = (bound?.value ?? 0) + addend;
            break;
          case "pointer": {
            const owner = bound?.object ?? object;
            if (!this.#makeStatic(owner)) {
              return `${owner.name}: cannot allocate memory in static TLS block`;
            }
            value = (bound?.value ?? 0) + addend - owner.tlsOffset;
            break;
          }
          case "descriptor": {
            const owner = bound?.object ?? object, at = (bound?.value ?? 0) + addend;
            const entry = this.#host.descriptor?.();
            if (entry === undefined) return `${object.name}: TLS descriptors are not known here`;
            const argument = this.#host.descriptorArgument?.(owner, at) ?? 0;
            if (!space.setNum64(place + 8, argument)) return outside(offset);
            value = entry;
            break;
          }
          default:
            kind satisfies never;
            return undefined;
        }
      }
      if (!space.setNum64(place, value)) return outside(offset);
    }
    return undefined;
  }

  /** The target of a reference; a text when nothing defines it and something must (O4). */
  #bind(
    object: DynamicObject,
    index: number,
    skip: DynamicObject | undefined,
    late: boolean,
  ): Target | string {
    // Without a name: the object itself (its own thread-local data).
    if (index === 0) return { address: object.bias };
    const reference = object.reference(index);
    if (reference === undefined) {
      return `${object.name}: a relocation names symbol ${index}, which is not there`;
    }
    const { name, version, weak } = reference;
    if (name === "") {
      const own = object.at(index);
      return own === undefined ? { address: 0 } : { address: object.bias + own.value, symbol: own };
    }
    const first = skip === undefined ? object.bound(index, object.symbolic) : undefined;
    if (first !== undefined) return { address: object.bias + first.value, symbol: first };
    const target = this.#find(name, version, skip);
    if (target !== undefined) {
      const owner = target.symbol?.object;
      // What an opened library is bound to stays as long as it does.
      const late = owner !== undefined && owner !== object && this.#scope !== undefined;
      if (late && !object.dependencies.includes(owner)) object.dependencies.push(owner);
      return target;
    }
    // What only its own object can see (hidden versions, local binding) is its own.
    const own = skip === undefined ? object.at(index) : undefined;
    if (own !== undefined) return { address: object.bias + own.value, symbol: own };
    if (weak) return { address: 0 };
    if (this.#host.tolerated(name)) return { address: this.#missing() };
    const stub = late ? this.#host.missing?.(object.name, name) : undefined;
    if (stub !== undefined) return { address: stub };
    return `${object.name}: failed looking up symbol ${name}`;
  }

  /** A page without rights. */
  #missing(): number {
    if (this.#missingPage === undefined) {
      const page = this.#space.map({ address: 0, length: PAGE, prot: 0, name: "[missing]" });
      this.#missingPage = page < 0 ? 0 : page;
    }
    return this.#missingPage;
  }

  #initOrder(program: DynamicObject): DynamicObject[] {
    const order: DynamicObject[] = [], seen = new Set<DynamicObject>();
    const visit = (object: DynamicObject): void => {
      if (seen.has(object)) return;
      seen.add(object);
      for (const each of object.dependencies) visit(each);
      order.push(object);
    };
    visit(program);
    return order;
  }

  #protect(all: readonly DynamicObject[]): void {
    for (const { relro, bias } of all) {
      if (relro === undefined) continue;
      const start = Math.ceil((bias + relro.vaddr) / PAGE) * PAGE - (relro.vaddr % PAGE === 0 ? 0 : PAGE);
      const end = Math.floor((bias + relro.vaddr + relro.memsz) / PAGE) * PAGE;
      if (end > start) this.#space.protect(start, end - start, READ);
    }
  }
}
