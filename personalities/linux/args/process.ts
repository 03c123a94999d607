/** Programs, children and their ends among the arguments of system calls. */
import { linuxArch } from "../arch/mod.ts";
import type { ArgType, RowAbi, Task } from "@guise/core";
import { signalName } from "../signals/numbers.ts";
import { outStruct } from "./buffer.ts";
import { fields, get64 } from "./layout.ts";
import { flags, hex, type Names, pointer, string } from "./text.ts";

/** A call's argument that is printed by its own rule; decoded as an address. */
function pointerArgument(label: string, text: (task: Task, address: number) => string): ArgType<number> {
  return {
    label,
    slots: 1,
    direction: "in",
    compile(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => task.frame.num(register);
    },
    format(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => text(task, task.frame.num(register));
    },
  };
}

/** `char *const argv[]`: at most 32 strings are shown. */
export const argv: ArgType<number> = pointerArgument("char *const argv[]", (task, address) => {
  if (address === 0) return "NULL";
  const shown: string[] = [];
  for (let i = 0;; i++) {
    const at = task.space.getNum64(address + 8 * i);
    if (at === undefined) {
      return i === 0 ? hex(address) : `[${shown.join(", ")}, ... /* ${hex(address + 8 * i)} */]`;
    }
    if (at === 0) return `[${shown.join(", ")}]`;
    if (i === 32) return `[${shown.join(", ")}, ...]`;
    shown.push(string(task, at));
  }
});

/** `char *const envp[]`: only counted. */
export const envp: ArgType<number> = pointerArgument("char *const envp[]", (task, address) => {
  if (address === 0) return "NULL";
  let count = 0;
  for (;; count++) {
    const at = task.space.getNum64(address + 8 * count);
    if (at === undefined) return hex(address);
    if (at === 0) break;
  }
  return `${hex(address)} /* ${count} var${count === 1 ? "" : "s"} */`;
});

/** A wait(2) status word. */
export function waitStatus(status: number): string {
  const signal = status & 0x7f;
  if (status === 0xffff) return "{WIFCONTINUED(s)}";
  if (signal === 0x7f && (status & 0xff) === 0x7f) {
    return `{WIFSTOPPED(s) && WSTOPSIG(s) == ${signalName(status >> 8 & 0xff)}}`;
  }
  if (signal === 0) return `{WIFEXITED(s) && WEXITSTATUS(s) == ${status >> 8 & 0xff}}`;
  return `{WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(signal)}${status & 0x80 ? " && WCOREDUMP(s)" : ""}}`;
}

/** `int *wstatus`: shown when a child was reported. */
export const status: ArgType<number> = {
  label: "int *wstatus",
  slots: 1,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => task.frame.num(register);
  },
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task, result) => {
      const at = task.frame.num(register);
      if (at === 0) return "NULL";
      const value = result !== undefined && result > 0 ? task.space.getU32(at) : undefined;
      return value === undefined ? hex(at) : `[${waitStatus(value)}]`;
    };
  },
};

// deno-fmt-ignore
export const WAIT_OPTIONS: Names = [
  [1, "WNOHANG"], [2, "WSTOPPED"], [4, "WEXITED"], [8, "WCONTINUED"], [0x1000000, "WNOWAIT"], [0x80000000, "__WCLONE"],
  [0x40000000, "__WALL"], [0x20000000, "__WNOTHREAD"],
];
// deno-fmt-ignore
export const WAIT4_OPTIONS: Names = [[2, "WSTOPPED"], ...WAIT_OPTIONS.filter(([v]) => v !== 2)];

/** `struct rusage *`: shortened as strace does. */
export const rusage: ArgType<number> = outStruct("struct rusage *usage", (task, address) => {
  const view = fields(task, address, 32);
  if (view === undefined) return undefined;
  const pair = (at: number) => `{tv_sec=${get64(view, at)}, tv_usec=${get64(view, at + 8)}}`;
  return `{ru_utime=${pair(0)}, ru_stime=${pair(16)}, ...}`;
});

// deno-fmt-ignore
export const CLONE_FLAGS: Names = [
  [0x100, "CLONE_VM"], [0x200, "CLONE_FS"], [0x400, "CLONE_FILES"], [0x800, "CLONE_SIGHAND"], [0x1000, "CLONE_PIDFD"],
  [0x2000, "CLONE_PTRACE"], [0x4000, "CLONE_VFORK"], [0x8000, "CLONE_PARENT"], [0x10000, "CLONE_THREAD"],
  [0x20000, "CLONE_NEWNS"], [0x40000, "CLONE_SYSVSEM"], [0x80000, "CLONE_SETTLS"], [0x100000, "CLONE_PARENT_SETTID"],
  [0x200000, "CLONE_CHILD_CLEARTID"], [0x400000, "CLONE_DETACHED"], [0x800000, "CLONE_UNTRACED"],
  [0x1000000, "CLONE_CHILD_SETTID"], [0x2000000, "CLONE_NEWCGROUP"], [0x4000000, "CLONE_NEWUTS"],
  [0x8000000, "CLONE_NEWIPC"], [0x10000000, "CLONE_NEWUSER"], [0x20000000, "CLONE_NEWPID"], [0x40000000, "CLONE_NEWNET"],
  [0x80000000, "CLONE_IO"],
];

/** What clone(2)'s registers say, with the architecture's order of the last three. */
export interface CloneArguments {
  readonly flags: number;
  readonly stack: number;
  readonly parentTid: number;
  readonly childTid: number;
  readonly tls: number;
}

/** Order of the three arguments after flags and stack (spec A9). */
function cloneSlots(abi: RowAbi, slot: number): { ptid: number; ctid: number; tls: number } {
  const order: readonly string[] = linuxArch(abi.arch)?.cloneOrder ?? [];
  const at = (name: string) => abi.registers[slot + 2 + order.indexOf(name)];
  return { ptid: at("ptid"), ctid: at("ctid"), tls: at("tls") };
}

/** All five arguments of clone(2), printed with their names as strace does. */
export const cloneArguments: ArgType<CloneArguments> = {
  label: "unsigned long flags, void *stack, int *parent_tid, int *child_tid, unsigned long tls",
  slots: 5,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const { ptid, ctid, tls } = cloneSlots(abi, slot);
    const flagsAt = abi.registers[slot], stackAt = abi.registers[slot + 1];
    return (task) => ({
      flags: task.frame.lo(flagsAt) >>> 0,
      stack: task.frame.num(stackAt),
      parentTid: task.frame.num(ptid),
      childTid: task.frame.num(ctid),
      tls: task.frame.num(tls),
    });
  },
  format(abi: RowAbi, slot: number) {
    const decode = this.compile(abi, slot);
    return (task, result) => {
      const a = decode(task) as CloneArguments;
      const parts = [`child_stack=${pointer(a.stack)}`, `flags=${cloneFlags(a.flags)}`];
      if (a.flags & 0x100000) parts.push(`parent_tid=${cell(task, a.parentTid, result)}`);
      if (a.flags & 0x80000) parts.push(`tls=${hex(a.tls)}`);
      if (a.flags & 0x1200000) parts.push(`child_tidptr=${pointer(a.childTid)}`);
      return parts.join(", ");
    };
  },
};

function cell(task: Task, address: number, result: number | undefined): string {
  const value = result !== undefined && result > 0 ? task.space.getU32(address) : undefined;
  return value === undefined ? pointer(address) : `[${value}]`;
}

/** Flags with the exit signal in the low byte. */
export function cloneFlags(value: number): string {
  const signal = value & 0xff, bits = (value & ~0xff) >>> 0;
  if (signal === 0) return bits === 0 ? "0" : flags(bits, CLONE_FLAGS, "CLONE_???");
  const name = signalName(signal);
  return bits === 0 ? name : `${flags(bits, CLONE_FLAGS, "CLONE_???")}|${name}`;
}

/** clone3's structure and its size. */
export const cloneStructure: ArgType<{ readonly address: number; readonly size: number }> = {
  label: "struct clone_args *args, size_t size",
  slots: 2,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const at = abi.registers[slot], sizeAt = abi.registers[slot + 1];
    return (task) => ({ address: task.frame.num(at), size: task.frame.num(sizeAt) });
  },
  format(abi: RowAbi, slot: number) {
    const at = abi.registers[slot], sizeAt = abi.registers[slot + 1];
    return (task, result) => {
      const address = task.frame.num(at), size = task.frame.num(sizeAt);
      const view = fields(task, address, Math.min(Math.max(size, 64), 88));
      if (view === undefined) return `${pointer(address)}, ${size}`;
      const u64 = (offset: number) => offset + 8 <= view.byteLength ? get64(view, offset) : 0;
      const bits = view.getUint32(0, true);
      const parts = [`flags=${bits === 0 ? "0" : flags(bits, CLONE_FLAGS, "CLONE_???")}`];
      if (bits & 0x1200000) parts.push(`child_tid=${pointer(u64(16))}`);
      if (bits & 0x100000) parts.push(`parent_tid=${pointer(u64(24))}`);
      const signal = u64(32);
      parts.push(`exit_signal=${signal === 0 ? "0" : signalName(signal)}`);
      parts.push(`stack=${pointer(u64(40))}`, `stack_size=${hex(u64(48))}`);
      if (bits & 0x80000) parts.push(`tls=${hex(u64(56))}`);
      const tid = bits & 0x100000 && result !== undefined && result > 0
        ? task.space.getU32(u64(24))
        : undefined;
      return `{${parts.join(", ")}}${tid === undefined ? "" : ` => {parent_tid=[${tid}]}`}, ${size}`;
    };
  },
};
