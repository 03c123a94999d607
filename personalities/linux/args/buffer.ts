/**
 * A buffer with its length: one argument of two slots. Nothing is refused when it is decoded, since a partly bad buffer
 * still moves the bytes before the bad page (spec G2); the handler asks {@link Span.readable} or {@link Span.writable}
 * how much of it there is.
 */
import { type ArgType, READ, type RowAbi, type Task, WRITE } from "@guise/core";
import { buffer as bufferText, hex, pointer } from "./text.ts";

/** The most bytes that one read or write moves (MAX_RW_COUNT). */
export const MAX_RW = 0x7ffff000;

/** A range of guest memory. One object a row, reused: copy what must live on. */
export class Span {
  address = 0;
  /** At most {@link MAX_RW}. */
  length = 0;
  /** The length as the guest gave it, as an int. */
  asked = 0;
  /** How many of the first bytes the guest itself may read. */
  readable(task: Task): number {
    return accessible(task, this.address, this.length, READ);
  }
  /** How many of the first bytes the guest itself may write. */
  writable(task: Task): number {
    return accessible(task, this.address, this.length, WRITE);
  }
}

/** The length of the accessible start of a range. */
export function accessible(task: Task, address: number, length: number, access: number): number {
  if (task.space.check(address, length, access)) return length;
  let done = 0;
  while (done < length) {
    const step = Math.min(4096 - ((address + done) % 4096), length - done);
    if (!task.space.check(address + done, step, access)) return done;
    done += step;
  }
  return done;
}

function bufferType(direction: "in" | "out"): ArgType<Span> {
  return {
    label: direction === "in" ? "const void *buf, size_t count" : "void *buf, size_t count",
    slots: 2,
    direction,
    compile(abi: RowAbi, slot: number) {
      const start = abi.registers[slot], count = abi.registers[slot + 1];
      const span = new Span();
      return (task) => {
        span.address = task.frame.num(start);
        span.length = Math.min(task.frame.num(count), MAX_RW);
        span.asked = task.frame.lo(count);
        return span;
      };
    },
    format(abi: RowAbi, slot: number) {
      const start = abi.registers[slot], count = abi.registers[slot + 1];
      return (task, result) => {
        const at = task.frame.num(start), length = task.frame.num(count);
        if (direction === "in") return `${bufferText(task, at, length)}, ${length}`;
        const shown = result === undefined || result < 0 ? pointer(at) : bufferText(task, at, result);
        return `${shown}, ${length}`;
      };
    },
  };
}

/** Bytes that the guest gives. */
export const inBuffer: ArgType<Span> = bufferType("in");
/** Room for bytes that the guest gets; the trace shows as many as the call returned. */
export const outBuffer: ArgType<Span> = bufferType("out");

/** A pointer to a structure that the call fills; `text` prints it after success. */
export function outStruct(
  label: string,
  text: (task: Task, address: number, abi: RowAbi) => string | undefined,
): ArgType<number> {
  return structure(label, "out", text);
}

/** A pointer to a structure that the call reads. */
export function inStruct(
  label: string,
  text: (task: Task, address: number, abi: RowAbi) => string | undefined,
): ArgType<number> {
  return structure(label, "in", text);
}

function structure(
  label: string,
  direction: "in" | "out",
  text: (task: Task, address: number, abi: RowAbi) => string | undefined,
): ArgType<number> {
  return {
    label,
    slots: 1,
    direction,
    compile(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => task.frame.num(register);
    },
    format(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task, result) => {
        const at = task.frame.num(register);
        if (at === 0) return "NULL";
        if (direction === "out" && (result === undefined || result < 0)) return hex(at);
        return text(task, at, abi) ?? hex(at);
      };
    },
  };
}
