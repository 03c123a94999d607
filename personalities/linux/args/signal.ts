/** Signal numbers, sets, actions and siginfo among the arguments of system calls. */
import type { ArgType, Task } from "@guise/core";
import { SIGINFO_SIZE } from "../signals/info.ts";
import { formatRawInfo } from "../signals/raw.ts";
import { signalName, SignalSet } from "../signals/numbers.ts";
import { frameAt } from "../signals/frame.ts";
import { inStruct, outStruct } from "./buffer.ts";
import { fields, get64 } from "./layout.ts";
import { oneOf, scalar } from "./scalar.ts";
import { flags, hex, type Names, pointer } from "./text.ts";

/** A signal number. */
export const signal: ArgType<number> = scalar("int sig", (task, r) => task.frame.lo(r), signalName);

/** `SIG_BLOCK` and the like. */
export const how: ArgType<number> = oneOf(
  [[0, "SIG_BLOCK"], [1, "SIG_UNBLOCK"], [2, "SIG_SETMASK"]],
  "SIG_???",
);

/** Reads a signal set; undefined when not readable. */
export function readSet(task: Task, address: number): SignalSet | undefined {
  const lo = task.space.getU32(address), hi = task.space.getU32(address + 4);
  return lo === undefined || hi === undefined ? undefined : new SignalSet(lo, hi);
}

/** Writes a signal set; false when not writable. */
export function writeSet(task: Task, address: number, set: SignalSet): boolean {
  return task.space.check(address, 8, 2) && task.space.setU32(address, set.lo >>> 0) &&
    task.space.setU32(address + 4, set.hi >>> 0);
}

const setText = (task: Task, address: number): string | undefined => readSet(task, address)?.toString();

/** `const sigset_t *`: the handler reads it. */
export const inSet: ArgType<number> = inStruct("const sigset_t *set", setText);
/** `sigset_t *`. */
export const outSet: ArgType<number> = outStruct("sigset_t *oldset", setText);

// deno-fmt-ignore
const ACTION_FLAGS: Names = [
  [0x04000000, "SA_RESTORER"], [0x08000000, "SA_ONSTACK"], [0x10000000, "SA_RESTART"], [0x20000000, "SA_INTERRUPT"],
  [0x40000000, "SA_NODEFER"], [0x80000000, "SA_RESETHAND"], [4, "SA_SIGINFO"], [1, "SA_NOCLDSTOP"], [2, "SA_NOCLDWAIT"],
  [0x400, "SA_UNSUPPORTED"], [0x800, "SA_EXPOSE_TAGBITS"],
];

function actionText(task: Task, address: number): string | undefined {
  const view = fields(task, address, 32);
  if (view === undefined) return undefined;
  const handler = get64(view, 0), bits = view.getUint32(8, true);
  const set = new SignalSet(view.getInt32(24, true), view.getInt32(28, true));
  const name = handler === 0 ? "SIG_DFL" : handler === 1 ? "SIG_IGN" : hex(handler);
  // glibc sign-extends its int: what is above the flags is shown as strace does.
  const high = view.getUint32(12, true);
  const rest = high === 0 ? "" : `|0x${high.toString(16)}00000000`;
  const restorer = bits & 0x04000000 ? `, sa_restorer=${pointer(get64(view, 16))}` : "";
  return `{sa_handler=${name}, sa_mask=${set}, sa_flags=${
    flags(bits, ACTION_FLAGS, "SA_???")
  }${rest}${restorer}}`;
}

/** `const struct sigaction *act`. */
export const inAction: ArgType<number> = inStruct("const struct sigaction *act", actionText);
/** `struct sigaction *oldact`. */
export const outAction: ArgType<number> = outStruct("struct sigaction *oldact", actionText);

const STACK_FLAGS: Names = [[1, "SS_ONSTACK"], [2, "SS_DISABLE"], [0x80000000, "SS_AUTODISARM"]];

function stackText(task: Task, address: number): string | undefined {
  const view = fields(task, address, 24);
  if (view === undefined) return undefined;
  const bits = view.getUint32(8, true);
  return `{ss_sp=${pointer(get64(view, 0))}, ss_flags=${flags(bits, STACK_FLAGS, "SS_???")}, ss_size=${
    get64(view, 16)
  }}`;
}

/** `const stack_t *`. */
export const inStack: ArgType<number> = inStruct("const stack_t *ss", stackText);
/** `stack_t *`. */
export const outStack: ArgType<number> = outStruct("stack_t *old_ss", stackText);

function infoText(task: Task, address: number): string | undefined {
  const bytes = task.space.read(address, SIGINFO_SIZE);
  return bytes && formatRawInfo(bytes);
}

/** `siginfo_t *` that the guest gives. */
export const inInfo: ArgType<number> = inStruct("siginfo_t *info", infoText);
/** `siginfo_t *` that the guest gets. */
export const outInfo: ArgType<number> = outStruct("siginfo_t *info", infoText);

/** No argument of rt_sigreturn: the trace shows the mask that its frame brings back. */
export const frameMask: ArgType<undefined> = {
  label: "",
  slots: 0,
  direction: "in",
  compile: () => () => undefined,
  format: () => (task) => {
    const { mask } = frameAt(task);
    return mask === undefined ? "" : `{mask=${mask}}`;
  },
};
