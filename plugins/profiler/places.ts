/** From a program counter to a function: the mapping there, its file's program headers, its symbols. */
import type { AddressSpace, Backing } from "@guise/core";
import { elfSymbols, type SymbolTable } from "@guise/elf/key";

/** A function, or what is known instead. */
export interface Place {
  /** The function's name; in brackets what has none. */
  readonly name: string;
  /** The file, or the kind of memory. */
  readonly file: string;
}

const PT_LOAD = 1;

/** What is kept of a mapped file. */
interface Known {
  readonly symbols: SymbolTable;
  /** Offsets in the file, their addresses, sizes. */
  readonly segments: readonly { readonly offset: number; readonly address: number; readonly size: number }[];
}

/** Places by number; each is in the list once. */
export class Places {
  readonly list: Place[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #files = new Map<object, Known>();

  /** Number of the place at a guest address. */
  index(space: AddressSpace, pc: number): number {
    const vma = space.find(pc);
    if (vma === undefined) return this.#number("(not mapped)", "nowhere");
    const { backing } = vma;
    if (backing === undefined) {
      const file = vma.name || "anonymous memory";
      return this.#number(`(code in ${file})`, file);
    }
    const known = this.#known(backing), offset = pc - vma.start + vma.offset;
    const segment = known.segments.find((s) => offset >= s.offset && offset < s.offset + s.size);
    const symbol = known.symbols.at(
      segment === undefined ? offset : offset - segment.offset + segment.address,
    );
    const file = backing.name;
    return this.#number(symbol?.name ?? `(${file.slice(file.lastIndexOf("/") + 1)})`, file);
  }
  #number(name: string, file: string): number {
    const key = `${name}\n${file}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.list.push({ name, file }) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }
  #known(file: Backing): Known {
    let known = this.#files.get(file.identity);
    if (known === undefined) {
      known = { symbols: elfSymbols(file), segments: segmentsOf(file) };
      this.#files.set(file.identity, known);
    }
    return known;
  }
}

/** PT_LOAD segments of a 64-bit ELF file (System V ABI, program header). */
function segmentsOf(file: Backing): Known["segments"] {
  const head = new Uint8Array(64), view = new DataView(head.buffer);
  if (file.fill(0, head) < 64 || view.getUint32(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1) {
    return [];
  }
  const number = (v: DataView, at: number) => v.getUint32(at + 4, true) * 2 ** 32 + v.getUint32(at, true);
  const count = Math.min(view.getUint16(56, true), 256), size = view.getUint16(54, true);
  if (size < 56) return [];
  const bytes = new Uint8Array(count * size), headers = new DataView(bytes.buffer);
  if (file.fill(number(view, 32), bytes) < bytes.length) return [];
  const found = [];
  for (let at = 0; at < bytes.length; at += size) {
    if (headers.getUint32(at, true) !== PT_LOAD) continue;
    found.push({
      offset: number(headers, at + 8),
      address: number(headers, at + 16),
      size: number(headers, at + 32),
    });
  }
  return found;
}
