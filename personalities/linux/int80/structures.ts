/**
 * Calls of i386 whose structures have other layouts (spec X12, X13). The 64-bit call does the work on a task that sees
 * the structure as it knows it: reading and writing at its address goes through a table of fields. None of them writes
 * its structure after a wait, when the task is itself again.
 */
import {
  type AddressSpace,
  type ArgType,
  type ArgTypes,
  EFAULT,
  EINVAL,
  ESRCH,
  type Outcome,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
  WRITE,
} from "@guise/core";
import { address, int, unsignedInt } from "../args/scalar.ts";
import { get64, Scratch } from "../args/layout.ts";
import { setMask } from "../signals/mask.ts";
import { SI_KERNEL } from "../signals/info.ts";
import { SignalSet, SIGSEGV } from "../signals/numbers.ts";
import { forceSignal } from "../signals/send.ts";
import { threadOf } from "../state.ts";
import type { Calls } from "./calls.ts";

const SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2;

/** Where a number is in i386's structure and in the 64-bit one, with its bytes; "limit": all ones is no limit. */
type Field = readonly [
  at: number,
  bytes: 2 | 4 | 8,
  wideAt: number,
  wide: 2 | 4 | 8,
  kind?: "signed" | "limit",
];

/** A structure, in both sizes. */
export interface Layout {
  readonly size: number;
  readonly wide: number;
  readonly fields: readonly Field[];
  /** Changes the 64-bit structure before its numbers are cut. */
  readonly fit?: (view: DataView) => void;
}

/** `count` longs after each other, from `at` on. */
const longs = (count: number, kind?: "signed" | "limit", at = 0): Field[] =>
  Array.from({ length: count }, (_, i) => [at + 4 * i, 4, 2 * at + 8 * i, 8, kind] as const);

const times = (count: number): Layout => ({
  size: 4 * count,
  wide: 8 * count,
  fields: longs(count, "signed"),
});
const LIMIT: Layout = { size: 8, wide: 16, fields: longs(2, "limit") };
const USAGE: Layout = { size: 72, wide: 144, fields: longs(18, "signed") };

/** Memory in larger units, until its counts fit (compat_sys_sysinfo). */
function fitMemory(view: DataView): void {
  const counts = [32, 40, 48, 56, 64, 72, 88, 96];
  let unit = view.getUint32(104, true);
  while (unit < 4096 && counts.some((at) => get64(view, at) > 0xffffffff)) {
    unit *= 2;
    for (const at of counts) {
      const half = Math.floor(get64(view, at) / 2);
      view.setUint32(at, half % 2 ** 32, true);
      view.setUint32(at + 4, Math.floor(half / 2 ** 32), true);
    }
  }
  view.setUint32(104, unit, true);
}
const SYSINFO: Layout = {
  size: 64,
  wide: 112,
  fit: fitMemory,
  fields: [...longs(10), [40, 2, 80, 2], [44, 4, 88, 8], [48, 4, 96, 8], [52, 4, 104, 4]],
};
// deno-fmt-ignore
const STATFS64: Layout = { size: 84, wide: 120, fields: [
  [0, 4, 0, 8], [4, 4, 8, 8], [8, 8, 16, 8], [16, 8, 24, 8], [24, 8, 32, 8], [32, 8, 40, 8], [40, 8, 48, 8],
  [48, 4, 56, 4], [52, 4, 60, 4], [56, 4, 64, 8], [60, 4, 72, 8], [64, 4, 80, 8],
] };
// deno-fmt-ignore
const STAT64: Layout = { size: 96, wide: 144, fields: [
  [0, 8, 0, 8], [12, 4, 8, 8], [16, 4, 24, 4], [20, 4, 16, 8], [24, 4, 28, 4], [28, 4, 32, 4], [32, 8, 40, 8],
  [44, 8, 48, 8], [52, 4, 56, 8], [56, 8, 64, 8], ...longs(6).map(([i]) => [64 + i, 4, 72 + 2 * i, 8] as const),
  [88, 8, 8, 8],
] };
// deno-fmt-ignore
const OLD_STAT: Layout = { size: 64, wide: 144, fields: [
  [0, 4, 0, 8], [4, 4, 8, 8], [8, 2, 24, 4], [10, 2, 16, 8], [12, 2, 28, 4], [14, 2, 32, 4], [16, 4, 40, 8],
  [20, 4, 48, 8], [24, 4, 56, 8], [28, 4, 64, 8], ...longs(6).map(([i]) => [32 + i, 4, 72 + 2 * i, 8] as const),
] };

/** struct flock, and flock64. */
// deno-fmt-ignore
export const FLOCK: Layout = { size: 16, wide: 32, fields: [
  [0, 2, 0, 2], [2, 2, 2, 2], [4, 4, 8, 8, "signed"], [8, 4, 16, 8, "signed"], [12, 4, 24, 4],
] };
// deno-fmt-ignore
export const FLOCK64: Layout = { size: 24, wide: 32, fields: [
  [0, 2, 0, 2], [2, 2, 2, 2], [4, 8, 8, 8], [12, 8, 16, 8], [20, 4, 24, 4],
] };

/** The 64-bit structure from i386's. */
function widen(layout: Layout, narrow: Uint8Array): Uint8Array {
  const from = new DataView(narrow.buffer, narrow.byteOffset), wide = new Scratch(layout.wide);
  for (const [at, bytes, to, size, kind] of layout.fields) {
    let value = bytes === 2
      ? from.getUint16(at, true)
      : bytes === 8
      ? get64(from, at)
      : kind === "signed"
      ? from.getInt32(at, true)
      : from.getUint32(at, true);
    if (kind === "limit" && value === 0xffffffff) value = -1;
    if (size === 2) wide.u16(to, value);
    else wide.field([to, size], value);
  }
  return wide.bytes;
}

/** i386's structure from the 64-bit one. */
function cut(layout: Layout, wide: Uint8Array): Uint8Array {
  const copy = wide.slice(), from = new DataView(copy.buffer), narrow = new Scratch(layout.size);
  layout.fit?.(from);
  for (const [at, bytes, wideAt, size, kind] of layout.fields) {
    let value = size === 2
      ? from.getUint16(wideAt, true)
      : size === 4
      ? from.getUint32(wideAt, true)
      : get64(from, wideAt);
    if (kind === "limit" && (value < 0 || value > 0xffffffff)) value = 0xffffffff;
    if (bytes === 2) narrow.u16(at, value);
    else narrow.field([at, bytes], value % 2 ** (8 * bytes));
  }
  return narrow.bytes;
}

/** A structure of a call that runs: where, and what. */
export interface Place {
  address: number;
  readonly layout: Layout;
}

/** The task as the 64-bit call sees it. */
export function disguised(task: Task, places: readonly Place[]): Task {
  const { space } = task;
  const at = (start: number, length: number): Place | undefined =>
    places.find((p) => p.address !== 0 && p.address === start && p.layout.wide === length);
  const own: Partial<AddressSpace> = {
    read(start: number, length: number) {
      const place = at(start, length);
      if (place === undefined) return space.read(start, length);
      const bytes = space.read(start, place.layout.size);
      return bytes && widen(place.layout, bytes);
    },
    write(start: number, bytes: Uint8Array) {
      const place = at(start, bytes.length);
      return space.write(start, place === undefined ? bytes : cut(place.layout, bytes));
    },
  };
  const seen = new Proxy(space, {
    get(target, key) {
      const value = own[key as keyof AddressSpace] ?? Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return Object.create(task, { space: { value: seen }, frame: { value: task.frame } });
}

/** A 64-bit call with structures of i386, by the names of their arguments. */
function converted(calls: Calls, name: string, layouts: Readonly<Record<string, Layout>>): Syscall {
  const call = calls.get(name)!;
  const places: Place[] = [];
  const args = Object.fromEntries(
    Object.entries(call.spec.args).map(([key, type]) => {
      const layout = layouts[key];
      if (layout === undefined) return [key, type];
      const place: Place = { address: 0, layout };
      places.push(place);
      const narrow: ArgType<unknown> = {
        label: type.label,
        slots: type.slots,
        direction: type.direction,
        compile(abi: RowAbi, slot: number) {
          const decode = type.compile(abi, slot), register = abi.registers[slot];
          return (task: Task) => {
            place.address = task.frame.lo(register) >>> 0;
            return decode(disguised(task, [place]));
          };
        },
        format(abi: RowAbi, slot: number) {
          const text = type.format(abi, slot), register = abi.registers[slot];
          return (task: Task, result?: number) => {
            const shown = { address: task.frame.lo(register) >>> 0, layout };
            return text(disguised(task, [shown]), result);
          };
        },
      };
      return [key, narrow];
    }),
  );
  const run = (task: Task, values: Readonly<Record<string, unknown>>): Outcome =>
    call.spec.run(disguised(task, places), values as never);
  return changed(call, { args, run });
}

/** The call with another name, other arguments, or another handler. */
export function changed(
  call: Syscall,
  change: {
    readonly name?: string;
    readonly args?: ArgTypes;
    readonly run: (task: Task, values: Readonly<Record<string, unknown>>) => Outcome;
  },
): Syscall {
  return { name: change.name ?? call.name, spec: { ...call.spec, ...change } };
}

/** statfs64 and fstatfs64 say how large the structure is. */
function statfs64(calls: Calls, name: "statfs" | "fstatfs"): Syscall {
  const call = converted(calls, name, { out: STATFS64 });
  const [[first, firstType], [out, outType]] = Object.entries(call.spec.args);
  const run = (task: Task, values: Readonly<Record<string, unknown>>): Outcome =>
    // 88: with the padding of other compilers.
    values.size === STATFS64.size || values.size === 88 ? call.spec.run(task, values as never) : EINVAL;
  return changed(call, {
    name: `${name}64`,
    args: { [first]: firstType, size: unsignedInt, [out]: outType },
    run,
  });
}

/** sigprocmask and sigpending know the first 32 signals. */
const sigprocmask: Syscall = syscall({
  name: "sigprocmask",
  doc: "Gets and changes the first 32 of the thread's blocked signals.",
  args: { how: int, set: address, oldset: address },
  run: (task, { how, set, oldset }): Outcome => {
    const thread = threadOf(task), before = thread.mask;
    if (set !== 0) {
      const word = task.space.getU32(set);
      if (word === undefined) return EFAULT;
      const signals = new SignalSet(word | 0, 0);
      if (how === SIG_BLOCK) setMask(thread, before.or(signals));
      else if (how === SIG_UNBLOCK) setMask(thread, before.minus(signals));
      else if (how === SIG_SETMASK) setMask(thread, signals);
      else return EINVAL;
    }
    return oldset !== 0 && !task.space.setU32(oldset, before.lo >>> 0) ? EFAULT : 0;
  },
});
const sigpending: Syscall = syscall({
  name: "sigpending",
  doc: "Tells which of the first 32 signals are blocked and pending.",
  args: { set: address },
  run: (task, { set }): Outcome => {
    const thread = threadOf(task);
    const pending = thread.pending.set.or(thread.process.pending.set).and(thread.mask);
    return task.space.setU32(set, pending.lo >>> 0) ? 0 : EFAULT;
  },
});

/** The old getrlimit knows no limit above 31 bits. */
const oldGetrlimit = (call: Syscall): Syscall =>
  changed(call, {
    run(task, values): Outcome {
      const result = call.spec.run(task, values as never), at = values.rlim as number;
      for (const field of [at, at + 4]) {
        const value = task.space.getU32(field);
        if (result === 0 && value !== undefined && value > 0x7fffffff) task.space.setU32(field, 0x7fffffff);
      }
      return result;
    },
  });

const FIRST_SEGMENT = 12, SEGMENTS = 3;
/** Segments of threads' own (set_thread_area), by task: base, limit and flags of each, all zero while free. */
const segments = new WeakMap<Task, Int32Array>();

/** set_thread_area and get_thread_area: kept and told; 64-bit code that loads their selectors gets #GP here. */
function threadArea(set: boolean): Syscall {
  return syscall({
    name: set ? "set_thread_area" : "get_thread_area",
    doc: set ? "Describes a segment of the thread's own." : "Tells a segment of the thread's own.",
    args: { area: address },
    support: "partial",
    note: "the segments cannot be loaded",
    run(task, { area }): Outcome {
      const words = [0, 4, 8, 12].map((at) => task.space.getU32(area + at));
      if (words.some((word) => word === undefined)) return EFAULT;
      let table = segments.get(task);
      if (table === undefined) segments.set(task, table = new Int32Array(3 * SEGMENTS));
      let index = words[0]! - FIRST_SEGMENT;
      const free = (n: number): boolean => table.subarray(3 * n, 3 * n + 3).every((word) => word === 0);
      if (set && words[0] === 0xffffffff) {
        index = [0, 1, 2].findIndex(free);
        if (index < 0) return ESRCH;
        if (!task.space.check(area, 4, WRITE) || !task.space.setU32(area, FIRST_SEGMENT + index)) {
          return EFAULT;
        }
      }
      if (!(index >= 0 && index < SEGMENTS)) return EINVAL;
      if (set) {
        table.set(words.slice(1) as number[], 3 * index);
        return 0;
      }
      for (let i = 0; i < 3; i++) {
        if (!task.space.setU32(area + 4 + 4 * i, table[3 * index + i] >>> 0)) return EFAULT;
      }
      return 0;
    },
  });
}

/** The ways back from handlers that 32-bit frames have: no frame of that kind is ever made, so none is right. */
const badFrame = (name: string): Syscall =>
  syscall({
    name,
    doc: "Goes back from a signal handler of 32-bit code: there is none, SIGSEGV.",
    args: {},
    support: "partial",
    note: "no 32-bit code yet",
    run: (task): Outcome => {
      forceSignal(threadOf(task), { signo: SIGSEGV, code: SI_KERNEL });
      return 0;
    },
  });

/** The calls with i386's structures, by number; `calls` are the 64-bit ones. */
export function structureCalls(calls: Calls): readonly (readonly [number: number, call: Syscall])[] {
  const of = (name: string, layouts: Readonly<Record<string, Layout>>): Syscall =>
    converted(calls, name, layouts);
  const named = (name: string, call: Syscall): Syscall => ({ ...call, name });
  const stat = (layout: Layout, name: string): Syscall => of(name, { stat: layout });
  const pair = { times: times(4) };
  return [
    [30, of("utime", { times: times(2) })],
    [73, sigpending],
    [43, of("times", { buf: { size: 16, wide: 32, fields: longs(4) } })],
    [75, of("setrlimit", { rlim: LIMIT })],
    [76, oldGetrlimit(of("getrlimit", { rlim: LIMIT }))],
    [77, of("getrusage", { usage: USAGE })],
    [104, of("setitimer", { value: times(4), old: times(4) })],
    [105, of("getitimer", { value: times(4) })],
    [106, stat(OLD_STAT, "stat")],
    [107, stat(OLD_STAT, "lstat")],
    [108, stat(OLD_STAT, "fstat")],
    [114, of("wait4", { usage: USAGE })],
    [116, of("sysinfo", { info: SYSINFO })],
    [119, badFrame("sigreturn")],
    [126, sigprocmask],
    [173, badFrame("rt_sigreturn")],
    [191, named("ugetrlimit", of("getrlimit", { rlim: LIMIT }))],
    [195, named("stat64", stat(STAT64, "stat"))],
    [196, named("lstat64", stat(STAT64, "lstat"))],
    [197, named("fstat64", stat(STAT64, "fstat"))],
    [243, threadArea(true)],
    [244, threadArea(false)],
    [268, statfs64(calls, "statfs")],
    [269, statfs64(calls, "fstatfs")],
    [271, of("utimes", pair)],
    [299, of("futimesat", pair)],
    [300, named("fstatat64", stat(STAT64, "newfstatat"))],
    [320, of("utimensat", pair)],
  ];
}
