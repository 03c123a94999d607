/**
 * Layouts of C structures as data: fields in order, with natural alignment, longs and pointers as wide as the ABI's, and
 * a form of its own for an architecture where it differs (A9: struct stat, epoll_event). Compiled once an ABI.
 */
import { READ, WRITE } from "./arch.ts";
import { BIAS } from "./memory.ts";
import type { AddressSpace } from "./memory.ts";
import { hexText, quoted } from "./text.ts";

/** Integers; `long`, `ulong` and `pointer` are 4 or 8 bytes. 64-bit values are numbers, exact to 53 bits. */
export type FieldType =
  | "u8"
  | "i8"
  | "u16"
  | "i16"
  | "u32"
  | "i32"
  | "u64"
  | "i64"
  | "long"
  | "ulong"
  | "pointer";

/** A field: an integer, an array of integers (of bytes: a Uint8Array). Names that begin with `_` are padding: written as zero. */
export type Field = FieldType | readonly [type: FieldType, count: number];
/** Fields in order. */
export type Fields = Readonly<Record<string, Field>>;

/** The value of a field. */
export type FieldValue<F extends Field> = F extends readonly ["u8", number] ? Uint8Array
  : F extends readonly [FieldType, number] ? number[]
  : number;
/** The values of a structure, without padding. */
export type Values<F extends Fields> = {
  -readonly [K in keyof F as K extends `_${string}` ? never : K]: FieldValue<F[K]>;
};

/** What a layout depends on. */
export interface LayoutAbi {
  /** Name of the architecture. */
  readonly arch: string;
  /** Width of pointers and longs in bytes. */
  readonly pointer: 4 | 8;
}

/** A layout for one ABI. */
export interface StructOf<T> {
  /** Size in bytes, trailing padding included. */
  readonly size: number;
  /** Alignment in bytes. */
  readonly align: number;
  /** Offset of each field. */
  readonly offsets: Readonly<Record<string, number>>;
  /** The fields, in an object that the next read reuses; undefined when not readable. */
  read(space: AddressSpace, address: number): T | undefined;
  /** Writes all bytes, fields that are left out as zero; false when not writable. */
  write(space: AddressSpace, address: number, value: Partial<T>): boolean;
  /** `{tv_sec=1, tv_nsec=0}`; undefined when not readable. */
  text(space: AddressSpace, address: number): string | undefined;
}

/** A structure's layout for every ABI. */
export interface Layout<T> {
  /** The structure's name in C. */
  readonly name: string;
  /** The layout for an ABI, compiled once. */
  of(abi: LayoutAbi): StructOf<T>;
}

/** Options of {@link layout}. */
export interface LayoutOptions {
  /** No padding between fields. */
  readonly packed?: boolean;
  /** Other fields (same names, other types, order or padding) on an architecture. */
  readonly arches?: Readonly<Record<string, { readonly fields: Fields; readonly packed?: boolean }>>;
}

/**
 * Declares a structure.
 *
 * @example
 * ```ts
 * import { layout } from "@guise/core";
 * const timespec = layout("timespec", { tv_sec: "long", tv_nsec: "long" });
 * console.assert(timespec.of({ arch: "x86-64", pointer: 8 }).size === 16);
 * console.assert(timespec.of({ arch: "i386", pointer: 4 }).size === 8);
 * ```
 */
export function layout<const F extends Fields>(
  name: string,
  fields: F,
  options: LayoutOptions = {},
): Layout<Values<F>> {
  const made = new Map<string, StructOf<Values<F>>>();
  return {
    name,
    of(abi: LayoutAbi): StructOf<Values<F>> {
      const key = `${abi.arch}/${abi.pointer}`;
      let struct = made.get(key);
      if (struct === undefined) {
        const own = options.arches?.[abi.arch];
        struct = new Compiled<Values<F>>(
          own?.fields ?? fields,
          abi.pointer,
          own?.packed ?? options.packed ?? false,
        );
        made.set(key, struct);
      }
      return struct;
    },
  };
}

interface Place {
  readonly name: string;
  readonly type: Exclude<FieldType, "long" | "ulong" | "pointer">;
  readonly hex: boolean;
  readonly offset: number;
  readonly width: number;
  /** Undefined: a single value. */
  readonly count: number | undefined;
  readonly padding: boolean;
}

function plain(type: FieldType, pointer: 4 | 8): Place["type"] {
  if (type === "long") return pointer === 8 ? "i64" : "i32";
  if (type === "ulong" || type === "pointer") return pointer === 8 ? "u64" : "u32";
  return type;
}

class Compiled<T> implements StructOf<T> {
  readonly size: number;
  /** Alignment in bytes. */
  readonly align: number;
  readonly offsets: Record<string, number> = {};
  readonly #places: Place[] = [];
  readonly #value: Record<string, unknown> = {};

  constructor(fields: Fields, pointer: 4 | 8, packed: boolean) {
    let offset = 0, align = 1;
    for (const [name, field] of Object.entries(fields)) {
      const [declared, count] = typeof field === "string" ? [field, undefined] : field;
      const type = plain(declared, pointer);
      const width = Number(type.slice(1)) / 8;
      // i386 aligns 64-bit integers to 4.
      const natural = packed ? 1 : Math.min(width, pointer);
      offset = Math.ceil(offset / natural) * natural;
      align = Math.max(align, natural);
      const place: Place = {
        name,
        type,
        hex: declared === "pointer",
        offset,
        width,
        count,
        padding: name.startsWith("_"),
      };
      this.#places.push(place);
      this.offsets[name] = offset;
      offset += width * (count ?? 1);
      if (place.padding) continue;
      this.#value[name] = count === undefined
        ? 0
        : type === "u8"
        ? new Uint8Array(count)
        : new Array(count).fill(0);
    }
    this.align = align;
    this.size = Math.ceil(offset / align) * align;
  }

  read(space: AddressSpace, address: number): T | undefined {
    if (!space.check(address, this.size, READ)) return undefined;
    const value = this.#value;
    const { view } = space;
    for (const { name, type, offset, width, count, padding } of this.#places) {
      if (padding) continue;
      const at = address - BIAS + offset;
      if (count === undefined) value[name] = get(view, type, at);
      else if (type === "u8") (value[name] as Uint8Array).set(space.u8.subarray(at, at + count));
      else for (let i = 0; i < count; i++) (value[name] as number[])[i] = get(view, type, at + i * width);
    }
    return value as T;
  }

  write(space: AddressSpace, address: number, value: Partial<T>): boolean {
    if (!space.check(address, this.size, WRITE)) return false;
    const values = value as Record<string, number | ArrayLike<number> | undefined>;
    const { view, u8 } = space;
    u8.fill(0, address - BIAS, address - BIAS + this.size);
    for (const { name, type, offset, width, count } of this.#places) {
      const field = values[name];
      if (field === undefined) continue;
      const at = address - BIAS + offset;
      if (typeof field === "number") put(view, type, at, field);
      else {for (let i = 0; i < Math.min(count ?? 1, field.length); i++) {
          put(view, type, at + i * width, field[i]);
        }}
    }
    return true;
  }

  text(space: AddressSpace, address: number): string | undefined {
    const value = this.read(space, address) as Record<string, number | number[] | Uint8Array> | undefined;
    if (value === undefined) return undefined;
    const parts: string[] = [];
    for (const { name, hex, padding } of this.#places) {
      if (padding) continue;
      const field = value[name];
      if (typeof field === "number") {
        parts.push(`${name}=${hex ? (field === 0 ? "NULL" : hexText(field)) : field}`);
      } else if (field instanceof Uint8Array) parts.push(`${name}=${quoted(field)}`);
      else parts.push(`${name}=[${field.join(", ")}]`);
    }
    return `{${parts.join(", ")}}`;
  }
}

function get(view: DataView, type: Place["type"], at: number): number {
  switch (type) {
    case "u8":
      return view.getUint8(at);
    case "i8":
      return view.getInt8(at);
    case "u16":
      return view.getUint16(at, true);
    case "i16":
      return view.getInt16(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u64":
      return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    case "i64":
      return view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    default:
      return type satisfies never;
  }
}

function put(view: DataView, type: Place["type"], at: number, value: number): void {
  switch (type) {
    case "u8":
    case "i8":
      return view.setUint8(at, value);
    case "u16":
    case "i16":
      return view.setUint16(at, value, true);
    case "u32":
    case "i32":
      return view.setUint32(at, value, true);
    case "u64":
    case "i64":
      view.setUint32(at, value, true);
      return view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
    default:
      return type satisfies never;
  }
}
