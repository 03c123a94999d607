/**
 * The signal frame: pushed when a handler is entered, popped by rt_sigreturn. The layout is data of the architecture
 * (arch/abi.ts); spec X26-X28 and A8 say what must lie where.
 */
import { type Arch, BIAS, type Control, KEEP, READ, RESUME, type Task, WRITE } from "@guise/core";
import { register, type SignalFrameLayout } from "../arch/abi.ts";
import type { LinuxTask } from "../state.ts";
import { threadOf } from "../state.ts";
import { type Action, SA_ONSTACK, SA_RESTORER } from "./actions.ts";
import { SI_KERNEL, type SigInfo, SIGINFO_SIZE, writeInfo } from "./info.ts";
import { setMask } from "./mask.ts";
import { SignalSet, SIGSEGV } from "./numbers.ts";
import { forceSignal } from "./send.ts";

// deno-fmt-ignore
/** stack_t flags. */
export const SS_ONSTACK = 1, SS_DISABLE = 2, SS_AUTODISARM = 0x80000000;

/** True when `sp` is on the thread's alternate stack. With SS_AUTODISARM it never is: the stack is free while a handler runs. */
export function onAltStack(thread: LinuxTask, sp: number): boolean {
  const { address, size, flags } = thread.altStack;
  if (flags & SS_AUTODISARM) return false;
  return sp > address && sp - address <= size;
}

/** SS_DISABLE, SS_ONSTACK or 0 for that stack pointer. */
export function altStackState(thread: LinuxTask, sp: number): number {
  if (thread.altStack.size === 0) return SS_DISABLE;
  return onAltStack(thread, sp) ? SS_ONSTACK : 0;
}

function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** What frames of one layout need: register indices, and room to build one in. Signals come by the thousand. */
class Workshop {
  readonly layout: SignalFrameLayout;
  readonly arch: Arch;
  /** In the order of the layout's registers: all, those that come back whole, and those of which only some bits do. */
  readonly registers: Int32Array;
  readonly whole: Int32Array;
  readonly masked: readonly { readonly index: number; readonly offset: number; readonly mask: number }[];
  /** Where they begin in mcontext. */
  readonly offset: number;
  readonly extended: number;
  readonly zero: readonly number[];
  readonly signal: number;
  readonly info: number;
  readonly context: number;
  /** Which of the registers has flags that handlers begin without; -1: none. */
  readonly flags: number;
  /** Registers of the frame record, which register points to it; which one has the return address. */
  readonly record: Int32Array;
  readonly recordPointer: number;
  readonly returnTo: number;
  /** What no signal changes of the fixed part; the rest is 0. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** What of it is written to the stack: all, or up to what lies unused before the frame record, and that. */
  readonly head: Uint8Array;
  readonly tail: Uint8Array | undefined;
  /** The alternate stack that it tells of. */
  stack: LinuxTask["altStack"] | undefined;
  constructor(layout: SignalFrameLayout, arch: Arch) {
    const { extended } = layout;
    this.layout = layout;
    this.arch = arch;
    const { registers } = layout;
    this.registers = Int32Array.from(registers, ({ name }) => register(arch, name));
    this.offset = registers[0].offset;
    if (registers.some(({ offset }, i) => offset !== this.offset + 8 * i)) {
      throw new Error(`guise: registers of the signal frame of ${arch.name} are not in a row`);
    }
    const masks = registers.findIndex(({ mask }) => mask !== undefined);
    const first = masks < 0 ? registers.length : masks;
    this.whole = this.registers.slice(0, first);
    this.masked = registers.slice(first).map(({ offset, mask = -1 }, i) => ({
      index: this.registers[first + i],
      offset,
      mask,
    }));
    this.extended = register(arch, extended.register);
    this.zero = layout.zeroRegisters.map((name) => register(arch, name));
    this.signal = register(arch, layout.signalRegister);
    this.info = register(arch, layout.infoRegister);
    this.context = register(arch, layout.contextRegister);
    this.flags = registers.findIndex(({ name }) => name === layout.clearFlags?.name);
    const { record, returnTo } = layout;
    this.record = Int32Array.from(record?.registers ?? [], (name) => register(arch, name));
    this.recordPointer = record === undefined ? -1 : register(arch, record.pointer);
    this.returnTo = returnTo.kind === "register" ? register(arch, returnTo.name) : -1;
    this.bytes = new Uint8Array(layout.size);
    this.view = new DataView(this.bytes.buffer);
    // What is the same in all frames.
    const mc = layout.ucontext + layout.mcontext;
    put64(this.view, layout.ucontext + layout.ucFlags, layout.flags);
    for (const { offset, value, bytes: width } of layout.constants) {
      if (width === 2) this.view.setUint16(mc + offset, value, true);
      else this.view.setUint32(mc + offset, value, true);
    }
    if (extended.place.kind === "inside") this.bytes.set(extended.around, mc + extended.place.offset);
    if (extended.place.kind === "inside" && record !== undefined) {
      const used = mc + extended.place.offset + extended.size;
      this.head = this.bytes.subarray(0, used);
      this.tail = this.bytes.subarray(record.offset);
    } else this.head = this.bytes;
  }
}

let last: Workshop | undefined;
const workshops = new Map<SignalFrameLayout, Workshop>();

function workshopOf(layout: SignalFrameLayout, arch: Arch): Workshop {
  if (last !== undefined && last.layout === layout && last.arch === arch) return last;
  let workshop = workshops.get(layout);
  if (workshop?.arch !== arch) workshops.set(layout, workshop = new Workshop(layout, arch));
  return last = workshop!;
}

/** Builds the frame, sets the registers for the handler. False when the stack cannot take it. */
export function pushFrame(thread: LinuxTask, info: SigInfo, action: Action, mask: SignalSet): boolean {
  const { task } = thread;
  const { frame, space } = task;
  const { arch } = task.process.cpu;
  const layout = thread.process.arch.frame;
  if (layout.needsRestorer && (action.flags & SA_RESTORER) === 0) return false;

  let sp = frame.num(arch.sp);
  const nested = onAltStack(thread, sp);
  const state = altStackState(thread, sp);
  sp -= layout.redZone;
  let switched = false;
  if (action.flags & SA_ONSTACK && state === 0) {
    sp = thread.altStack.address + thread.altStack.size;
    switched = true;
  }
  const { extended } = layout;
  let extendedAt = 0;
  if (extended.place.kind === "above") {
    sp -= extended.size;
    sp -= sp % extended.place.align;
    extendedAt = sp;
  }
  const top = extended.place.kind === "above" ? extendedAt + extended.size : sp;
  sp -= layout.size;
  sp -= sp % 16;
  if (layout.misalignment !== 0) sp -= 16 - layout.misalignment;
  // A frame that runs out of the alternate stack would overwrite what lies below it.
  if ((nested || switched) && sp < thread.altStack.address) return false;
  if (!(sp > 0) || !space.check(sp, top - sp, WRITE)) return false;

  const workshop = workshopOf(layout, arch);
  const uc = layout.ucontext, { altStack } = thread;
  if (altStack !== workshop.stack) {
    workshop.stack = altStack;
    const { view } = workshop;
    put64(view, uc + layout.ucStack, altStack.address);
    view.setUint32(uc + layout.ucStack + 8, altStack.size === 0 ? SS_DISABLE : altStack.flags, true);
    put64(view, uc + layout.ucStack + 16, altStack.size);
  }
  const { u8, view } = space;
  const start = sp - BIAS, mc = start + uc + layout.mcontext;
  const { record } = layout;
  u8.set(workshop.head, start);
  if (record !== undefined && workshop.tail !== undefined) u8.set(workshop.tail, start + record.offset);
  writeInfo(info, u8, view, start + layout.siginfo);
  const maskAt = start + uc + layout.ucMask;
  view.setInt32(maskAt, mask.lo, true);
  view.setInt32(maskAt + 4, mask.hi, true);
  frame.gather(workshop.registers, view, mc + workshop.offset);
  const { trap } = layout;
  view.setInt32(mc + trap.address, thread.faultLo, true);
  view.setInt32(mc + trap.address + 4, thread.faultHi, true);
  if (trap.error !== undefined) put64(view, mc + trap.error, thread.faultError);
  if (trap.vector !== undefined) put64(view, mc + trap.vector, thread.faultVector);
  if (trap.oldMask !== undefined) {
    view.setInt32(mc + trap.oldMask, mask.lo, true);
    view.setInt32(mc + trap.oldMask + 4, mask.hi, true);
  }
  let extendedIn = extendedAt - BIAS;
  if (extended.place.kind === "above") {
    put64(view, mc + extended.place.pointer, extendedAt);
    u8.set(extended.around, extendedIn);
  } else extendedIn = mc + extended.place.offset;
  frame.read(workshop.extended, u8, extendedIn + extended.image);
  extended.dress?.(view, extendedIn, thread.faultVector, thread.faultError);
  if (record !== undefined) frame.gather(workshop.record, view, start + record.offset);
  const restorer = action.flags & SA_RESTORER ? action.restorer : thread.process.mm.sigreturn;
  if (layout.returnTo.kind === "memory") put64(view, start + layout.returnTo.offset, restorer);

  if (workshop.returnTo >= 0) frame.setNum(workshop.returnTo, restorer);
  if (record !== undefined) frame.setNum(workshop.recordPointer, sp + record.offset);
  frame.setNum(arch.sp, sp);
  frame.setNum(arch.pc, action.handler);
  for (const index of workshop.zero) frame.setNum(index, 0);
  frame.setNum(workshop.signal, info.signo);
  frame.setNum(workshop.info, sp + layout.siginfo);
  frame.setNum(workshop.context, sp + layout.ucontext);
  if (workshop.flags >= 0) {
    const { bits } = layout.clearFlags!, index = workshop.registers[workshop.flags];
    const flags = view.getInt32(mc + workshop.offset + workshop.flags * 8, true);
    if ((flags & bits) !== 0) frame.set(index, flags & ~bits, frame.hi(index));
  }
  if (thread.altStack.flags & SS_AUTODISARM) thread.altStack = { address: 0, size: 0, flags: SS_DISABLE };
  return true;
}

/** rt_sigreturn(2): back to what the frame says. A bad frame is SIGSEGV. */
export function popFrame(task: Task): Control {
  const thread = threadOf(task);
  const { frame, space } = task;
  const { arch } = task.process.cpu;
  const layout = thread.process.arch.frame;
  const { extended } = layout;
  const workshop = workshopOf(layout, arch);
  const start = frame.num(arch.sp) + layout.returnOffset;
  if (!space.check(start, layout.size, READ)) return badFrame(thread);
  let { view } = space;
  const uc = start - BIAS + layout.ucontext, mc = uc + layout.mcontext;
  if (!layout.acceptable(view, mc)) return badFrame(thread);
  setMask(
    thread,
    new SignalSet(view.getInt32(uc + layout.ucMask, true), view.getInt32(uc + layout.ucMask + 4, true)),
  );

  let extendedAt = mc;
  if (extended.place.kind === "inside") extendedAt += extended.place.offset;
  else {
    const where = view.getUint32(mc + extended.place.pointer, true) +
      view.getUint32(mc + extended.place.pointer + 4, true) * 2 ** 32;
    if (where !== 0 && !space.check(where, 512, READ)) return badFrame(thread);
    extendedAt = where === 0 ? -1 : where - BIAS;
    // Finding the page may have grown the memory.
    view = space.view;
  }
  // Without a pointer the state stays as it is.
  if (extendedAt >= 0) {
    const image = extended.undress(view, extendedAt);
    if (image < 0) return badFrame(thread);
    frame.write(workshop.extended, space.u8, image);
  }
  frame.scatter(workshop.whole, view, mc + workshop.offset);
  for (const { index, offset, mask } of workshop.masked) {
    frame.set(index, (frame.lo(index) & ~mask) | (view.getInt32(mc + offset, true) & mask), frame.hi(index));
  }
  const flags = view.getUint32(uc + layout.ucStack + 8, true);
  const address = view.getUint32(uc + layout.ucStack, true) +
    view.getUint32(uc + layout.ucStack + 4, true) * 2 ** 32;
  const size = view.getUint32(uc + layout.ucStack + 16, true) +
    view.getUint32(uc + layout.ucStack + 20, true) * 2 ** 32;
  restoreAltStack(thread, address, size, flags);
  thread.interrupted = 0;
  return RESUME;
}

/** The mask in the frame that rt_sigreturn would take; for traces. */
export function frameAt(task: Task): { readonly mask: SignalSet | undefined } {
  const layout = threadOf(task).process.arch.frame;
  const at = task.frame.num(task.process.cpu.arch.sp) + layout.returnOffset + layout.ucontext + layout.ucMask;
  const lo = task.space.getU32(at), hi = task.space.getU32(at + 4);
  return { mask: lo === undefined || hi === undefined ? undefined : new SignalSet(lo, hi) };
}

/** As restore_altstack: what cannot be set is silently left. */
function restoreAltStack(thread: LinuxTask, address: number, size: number, flags: number): void {
  if (onAltStack(thread, thread.task.frame.num(thread.task.process.cpu.arch.sp))) return;
  const old = thread.altStack;
  if (old.address === address && old.size === size && old.flags === flags) return;
  const mode = flags & ~SS_AUTODISARM;
  if (mode === SS_DISABLE) thread.altStack = { address: 0, size: 0, flags: SS_DISABLE };
  else if ((mode === 0 || mode === SS_ONSTACK) && size >= thread.process.arch.minimumSignalStack) {
    thread.altStack = { address, size, flags };
  }
}

function badFrame(thread: LinuxTask): Control {
  forceSignal(thread, { signo: SIGSEGV, code: SI_KERNEL });
  return KEEP;
}

export { SIGINFO_SIZE };
