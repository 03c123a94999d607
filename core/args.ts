/**
 * The kinds of arguments that most kernels have: numbers, pointers, strings, buffers, structures, flags. Each knows how
 * to decode itself (and fails as EFAULT before the handler runs) and how it looks in a trace. Personalities make more
 * of their own with {@link argType}.
 */
import { READ, WRITE } from "./arch.ts";
import { EFAULT } from "./errno.ts";
import type { Layout, LayoutAbi, StructOf } from "./layout.ts";
import type { AddressSpace } from "./memory.ts";
import { type ArgType, type Decoder, Failure, type Formatter, type RowAbi } from "./syscall.ts";
import type { Task } from "./task.ts";
import { bufferText, choiceText, flagsText, hexText, type Names, stringText } from "./text.ts";

/** Reads the register of a slot as an unsigned number (a pointer, a size): exact below 2^53. */
export function slotReader(abi: RowAbi, slot: number): (task: Task) => number {
  const register = abi.registers[slot];
  return abi.pointer === 4 ? (task) => task.frame.lo(register) >>> 0 : (task) => task.frame.num(register);
}

/** What {@link argType} needs: decoding from the raw number of its first register, and a text. */
export interface ArgInit<T> {
  /** For the documentation. */
  readonly label: string;
  /** Default "in"; "out" is printed after the call. */
  readonly direction?: "in" | "out" | "inout";
  /** Turns the raw register (unsigned) into the value, or fails. */
  readonly decode: (raw: number, task: Task, abi: RowAbi) => T | Failure;
  /** `result` is undefined before the call. */
  readonly text: (raw: number, task: Task, result: number | undefined, abi: RowAbi) => string;
}

/**
 * A kind of argument of one register.
 *
 * @example
 * ```ts
 * import { argType, type ArgType, EINVAL, Failure } from "@guise/core";
 * export const percent: ArgType<number> = argType({
 *   label: "percent",
 *   decode: (raw) => raw <= 100 ? raw : Failure.of(EINVAL),
 *   text: (raw) => `${raw}%`,
 * });
 * ```
 */
export function argType<T>(init: ArgInit<T>): ArgType<T> {
  return {
    label: init.label,
    slots: 1,
    direction: init.direction ?? "in",
    compile(abi, slot): Decoder<T> {
      const read = slotReader(abi, slot);
      return (task) => init.decode(read(task), task, abi);
    },
    format(abi, slot): Formatter {
      const read = slotReader(abi, slot);
      return (task, result) => init.text(read(task), task, result, abi);
    },
  };
}

/** A number of 32 bits or of the ABI's long, straight from the register. */
function number(
  label: string,
  read: (abi: RowAbi, register: number) => (task: Task) => number,
  text: (n: number) => string,
): ArgType<number> {
  return {
    label,
    slots: 1,
    direction: "in",
    compile: (abi, slot) => read(abi, abi.registers[slot]),
    format(abi, slot) {
      const decode = read(abi, abi.registers[slot]);
      return (task) => text(decode(task));
    },
  };
}

const low = (_abi: RowAbi, register: number) => (task: Task): number => task.frame.lo(register);
const unsignedLow = (_abi: RowAbi, register: number) => (task: Task): number => task.frame.lo(register) >>> 0;
const signedLong = (abi: RowAbi, register: number) =>
  abi.pointer === 4
    ? (task: Task): number => task.frame.lo(register)
    : (task: Task): number => task.frame.hi(register) * 2 ** 32 + (task.frame.lo(register) >>> 0);
const unsignedLong = (abi: RowAbi, register: number) =>
  abi.pointer === 4
    ? (task: Task): number => task.frame.lo(register) >>> 0
    : (task: Task): number => task.frame.num(register);

/** A C int: the low 32 bits, signed. */
export const int: ArgType<number> = number("int", low, String);
/** A C unsigned int. */
export const uint: ArgType<number> = number("unsigned int", unsignedLow, String);
/** A C long of the row's ABI, signed; exact to 53 bits. */
export const long: ArgType<number> = number("long", signedLong, String);
/** A size or count of the row's ABI, unsigned; exact to 53 bits. */
export const size: ArgType<number> = number("size_t", unsignedLong, String);
/** An unsigned long that is printed in hexadecimal. */
export const ulong: ArgType<number> = number(
  "unsigned long",
  unsignedLong,
  (n) => n === 0 ? "0" : hexText(n),
);
/** An address that is not looked at. */
export const pointer: ArgType<number> = number("void *", unsignedLong, (n) => n === 0 ? "NULL" : hexText(n));

function text(label: string, max: number, whole: boolean): ArgType<Uint8Array> {
  return argType({
    label,
    decode: (raw, task) => {
      const bytes = task.space.cstring(raw, max);
      return typeof bytes === "number" ? Failure.of(bytes) : bytes;
    },
    text: (raw, task) => stringText(task.space, raw, whole),
  });
}

/** A NUL-terminated string, as bytes without the NUL: EFAULT, or ENAMETOOLONG beyond 64 KiB. */
export const cstring: ArgType<Uint8Array> = text("char *", 65536, false);
/** A path: up to 4,095 bytes, ENAMETOOLONG beyond. */
export const path: ArgType<Uint8Array> = text("path", 4096, true);

/** The most that one call transfers, as Linux's MAX_RW_COUNT. */
const MOST = 0x7ffff000;

/** A buffer of the guest. One object a row, reused: copy what must live on. */
export class Span {
  /** Guest address of the first byte. */
  address = 0;
  /** Bytes that can be accessed, from the first; less than {@link asked} when the buffer is partly bad (G2). */
  length = 0;
  /** Bytes that the guest named, at most 0x7ffff000. */
  asked = 0;
  /** The space that the address is of. */
  space: AddressSpace | undefined;

  /** The bytes, valid until the next call that can map memory. */
  bytes(): Uint8Array {
    return this.space!.bytes(this.address, this.length);
  }
}

function buffer(label: string, access: number, direction: "in" | "out"): ArgType<Span> {
  return {
    label,
    slots: 2,
    direction,
    compile(abi, slot): Decoder<Span> {
      const address = slotReader(abi, slot), length = slotReader(abi, slot + 1);
      const span = new Span();
      return (task) => {
        const { space } = task;
        span.space = space;
        span.address = address(task);
        span.length = span.asked = Math.min(length(task), MOST);
        if (space.check(span.address, span.length, access)) return span;
        span.length = accessible(space, span.address, span.asked, access);
        return span.length > 0 ? span : Failure.of(EFAULT);
      };
    },
    format(abi, slot): Formatter {
      const address = slotReader(abi, slot), length = slotReader(abi, slot + 1);
      return (task, result) => {
        const asked = length(task);
        const shown = direction === "in"
          ? asked
          : result === undefined || result < 0
          ? -1
          : Math.min(result, asked);
        const at = address(task);
        const bytes = shown < 0 ? (at === 0 ? "NULL" : hexText(at)) : bufferText(task.space, at, shown);
        return `${bytes}, ${asked}`;
      };
    },
  };
}

/** How many bytes from `address` can be accessed. */
function accessible(space: AddressSpace, address: number, length: number, access: number): number {
  let done = 0;
  while (done < length) {
    const step = Math.min(length - done, 4096 - (address + done) % 4096);
    if (!(step > 0) || !space.check(address + done, step, access)) break;
    done += step;
  }
  return done;
}

/** Pointer and length (two registers) of bytes that the kernel reads: EFAULT when not even the first can be read. */
export const inBytes: ArgType<Span> = buffer("const void *, size_t", READ, "in");
/** Pointer and length (two registers) of bytes that the kernel writes; printed up to the result. */
export const outBytes: ArgType<Span> = buffer("void *, size_t", WRITE, "out");

/** A structure that the handler fills in. One object a row, reused. */
export class OutStruct<T> {
  /** Guest address of the first byte. */
  address = 0;
  /** The space that the address is of. */
  space: AddressSpace | undefined;
  readonly #layout: StructOf<T>;
  /** For {@link outStruct}. */
  constructor(layout: StructOf<T>) {
    this.#layout = layout;
  }
  /** Writes the structure; fields that are left out are zero. */
  set(value: Partial<T>): void {
    this.#layout.write(this.space!, this.address, value);
  }
}

const layoutAbi = (abi: RowAbi): LayoutAbi => ({ arch: abi.arch, pointer: abi.pointer });

function structText<T>(struct: StructOf<T>, raw: number, task: Task): string {
  if (raw === 0) return "NULL";
  return struct.text(task.space, raw) ?? hexText(raw);
}

/** A pointer to a structure that the kernel reads: its fields, in an object of its own a row; EFAULT. */
export function inStruct<T>(layout: Layout<T>): ArgType<T> {
  return {
    label: `const struct ${layout.name} *`,
    slots: 1,
    direction: "in",
    compile(abi, slot): Decoder<T> {
      const read = slotReader(abi, slot), struct = layout.of(layoutAbi(abi));
      return (task) => struct.read(task.space, read(task)) ?? Failure.of(EFAULT);
    },
    format(abi, slot): Formatter {
      const read = slotReader(abi, slot), struct = layout.of(layoutAbi(abi));
      return (task) => structText(struct, read(task), task);
    },
  };
}

/** A pointer to a structure that the kernel writes: EFAULT before the handler runs. */
export function outStruct<T>(layout: Layout<T>): ArgType<OutStruct<T>> {
  return {
    label: `struct ${layout.name} *`,
    slots: 1,
    direction: "out",
    compile(abi, slot): Decoder<OutStruct<T>> {
      const read = slotReader(abi, slot), struct = layout.of(layoutAbi(abi));
      const out = new OutStruct(struct);
      return (task) => {
        out.space = task.space;
        out.address = read(task);
        return task.space.check(out.address, struct.size, WRITE) ? out : Failure.of(EFAULT);
      };
    },
    format(abi, slot): Formatter {
      const read = slotReader(abi, slot), struct = layout.of(layoutAbi(abi));
      return (task, result) => {
        const raw = read(task);
        if (result !== undefined && result >= 0) return structText(struct, raw, task);
        return raw === 0 ? "NULL" : hexText(raw);
      };
    },
  };
}

/** The same argument, undefined when its first register is zero (a NULL pointer). */
export function optional<T>(type: ArgType<T>): ArgType<T | undefined> {
  return {
    label: `${type.label} or NULL`,
    slots: type.slots,
    direction: type.direction,
    compile(abi, slot): Decoder<T | undefined> {
      const read = slotReader(abi, slot), decode = type.compile(abi, slot);
      return (task) => read(task) === 0 ? undefined : decode(task);
    },
    format: (abi, slot) => type.format(abi, slot),
  };
}

/**
 * A set of bits, printed as `O_WRONLY|O_CREAT`. Names are given with their values in the order of printing, the same
 * for all architectures or by its name.
 */
export function flags(prefix: string, names: Names | Readonly<Record<string, Names>>): ArgType<number> {
  return {
    label: `${prefix}*`,
    slots: 1,
    direction: "in",
    compile: (abi, slot) => low(abi, abi.registers[slot]),
    format(abi, slot): Formatter {
      const read = low(abi, abi.registers[slot]), table = namesOf(names, abi);
      return (task) => flagsText(read(task), table, prefix);
    },
  };
}

/** One of several values, printed as `SEEK_SET`. */
export function choice(prefix: string, names: Names | Readonly<Record<string, Names>>): ArgType<number> {
  return {
    label: `${prefix}*`,
    slots: 1,
    direction: "in",
    compile: (abi, slot) => low(abi, abi.registers[slot]),
    format(abi, slot): Formatter {
      const read = low(abi, abi.registers[slot]), table = namesOf(names, abi);
      return (task) => choiceText(read(task), table, prefix);
    },
  };
}

function namesOf(names: Names | Readonly<Record<string, Names>>, abi: RowAbi): Names {
  return Array.isArray(names) ? names as Names : (names as Readonly<Record<string, Names>>)[abi.arch] ?? [];
}
