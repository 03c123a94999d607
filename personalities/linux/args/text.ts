/**
 * How values look in a trace: the texts of strace(1), so that a person's habits and scripts carry over (spec X32, X33).
 */
import { BIAS, READ, type Task } from "@guise/core";

/** Bits (or values) and their names, in the order in which strace prints them. */
export type Names = readonly (readonly [value: number, name: string])[];

/**
 * `A|B|0x40`: the names of the bits of `value`, in the table's order; a table entry of several bits counts when all
 * are set. What is left is printed in hexadecimal; nothing known at all is `0x40 /* unknown *\/`.
 */
export function flags(value: number, names: Names, unknown: string): string {
  let left = value >>> 0;
  if (left === 0) return names.find(([bits]) => bits === 0)?.[1] ?? "0";
  const parts: string[] = [];
  for (const [bits, name] of names) {
    if (bits !== 0 && ((left & bits) >>> 0) === bits >>> 0) {
      parts.push(name);
      left = (left & ~bits) >>> 0;
    }
  }
  if (parts.length === 0) return `${hex(left)} /* ${unknown} */`;
  if (left !== 0) parts.push(hex(left));
  return parts.join("|");
}

/** The name of a value, or `0x9 /* SEEK_??? *\/`. */
export function choice(value: number, names: Names, unknown: string): string {
  return names.find(([v]) => v === value)?.[1] ?? `${hex(value)} /* ${unknown} */`;
}

/** Hexadecimal as C's `%#x`: zero is `0`. */
export function hex(value: number): string {
  return value === 0 ? "0" : `0x${(value < 0 ? value >>> 0 : value).toString(16)}`;
}

/** An address: `NULL` for zero. */
export function pointer(value: number): string {
  return value === 0 ? "NULL" : hex(value);
}

/** A mode's permission bits: at least three octal digits. */
export function octal(value: number): string {
  return `0${value === 0 ? "" : value.toString(8)}`.padStart(3, "0");
}

const ESCAPES: Readonly<Record<number, string>> = {
  0x09: "\\t",
  0x0a: "\\n",
  0x0b: "\\v",
  0x0c: "\\f",
  0x0d: "\\r",
  0x22: '\\"',
  0x5c: "\\\\",
};

/** What a byte looks like in quotes; octal ones as short as can be. */
const SHOWN_BYTES: readonly string[] = Array.from(
  { length: 256 },
  (_, b) => ESCAPES[b] ?? (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "\\" + b.toString(8)),
);

/** Quoted bytes with octal escapes, as short as the next character permits. */
export function quote(bytes: Uint8Array, start: number = 0, end: number = bytes.length): string {
  let out = '"';
  for (let i = start; i < end; i++) {
    const b = bytes[i];
    const next = i + 1 < end ? bytes[i + 1] : 0;
    const octal = (b < 0x20 || b >= 0x7f) && ESCAPES[b] === undefined && next >= 0x30 && next <= 0x39;
    out += octal ? "\\" + b.toString(8).padStart(3, "0") : SHOWN_BYTES[b];
  }
  return out + '"';
}

/** Bytes of a trace string before `...`. */
const SHOWN = 32;

/** Quoted, cut after 32 bytes; the address when not readable. */
export function buffer(task: Task, address: number, length: number): string {
  if (address === 0) return "NULL";
  const shown = Math.min(length, SHOWN);
  if (!(shown >= 0)) return hex(address);
  const { space } = task;
  if (!space.check(address, shown, READ)) return hex(address);
  return quote(space.u8, address - BIAS, address - BIAS + shown) + (length > SHOWN ? "..." : "");
}

/** A NUL-terminated path, whole; the address when not readable. */
export function path(task: Task, address: number): string {
  if (address === 0) return "NULL";
  const bytes = task.space.cstring(address, 4096);
  return typeof bytes === "number" ? hex(address) : quote(bytes);
}

/** A NUL-terminated string cut after 32 bytes. */
export function string(task: Task, address: number): string {
  if (address === 0) return "NULL";
  const bytes = task.space.cstring(address, 65536);
  if (typeof bytes === "number") return hex(address);
  return quote(bytes.subarray(0, SHOWN)) + (bytes.length > SHOWN ? "..." : "");
}

/** `makedev(0x88, 0)`. */
export function device(major: number, minor: number): string {
  return `makedev(${hex(major)}, ${hex(minor)})`;
}

/** `{tv_sec=1, tv_nsec=2}`; the second field's name is given. */
export function time(seconds: number, fraction: number, field: "tv_nsec" | "tv_usec"): string {
  return `{tv_sec=${seconds}, ${field}=${fraction}}`;
}

/** The comment that strace adds to a wall-clock time; empty for the epoch itself. */
export function timeComment(seconds: number, fraction: number, digits: 0 | 6 | 9): string {
  if (seconds === 0 && fraction === 0) return "";
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return "";
  const dots = digits === 0 || fraction === 0 ? "" : "." + fraction.toString().padStart(digits, "0");
  return ` /* ${date.toISOString().slice(0, 19)}${dots}+0000 */`;
}

// deno-fmt-ignore
const FILE_TYPES: Names = [
  [0o140000, "S_IFSOCK"], [0o120000, "S_IFLNK"], [0o100000, "S_IFREG"], [0o060000, "S_IFBLK"], [0o040000, "S_IFDIR"],
  [0o020000, "S_IFCHR"], [0o010000, "S_IFIFO"],
];

/** `S_IFREG|0644`. */
export function fileMode(mode: number): string {
  const type = mode & 0o170000;
  const name = FILE_TYPES.find(([v]) => v === type)?.[1];
  const special: string[] = [];
  if (mode & 0o4000) special.push("S_ISUID");
  if (mode & 0o2000) special.push("S_ISGID");
  if (mode & 0o1000) special.push("S_ISVTX");
  return [...(name === undefined ? [] : [name]), ...special, octal(mode & 0o777)].join("|");
}
