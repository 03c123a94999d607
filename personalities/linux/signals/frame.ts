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
  /** In the order of the layout's registers. */
  readonly registers: readonly number[];
  readonly extended: number;
  readonly zero: readonly number[];
  readonly signal: number;
  readonly info: number;
  readonly context: number;
  readonly flags: number;
  /** Registers of the frame record, which register points to it; which one has the return address. */
  readonly record: readonly number[];
  readonly recordPointer: number;
  readonly returnTo: number;
  /** The state's image, and the bytes in the frame that begin with it. */
  readonly image: Uint8Array;
  readonly around: Uint8Array;
  /** The fixed part: what no signal changes stays in it. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** What of it is written to the stack: all, or up to what lies unused before the frame record, and that. */
  readonly head: Uint8Array;
  readonly tail: Uint8Array | undefined;
  constructor(layout: SignalFrameLayout, arch: Arch) {
    const { extended } = layout;
    this.layout = layout;
    this.arch = arch;
    this.registers = layout.registers.map(({ name }) => register(arch, name));
    this.extended = register(arch, extended.register);
    this.zero = layout.zeroRegisters.map((name) => register(arch, name));
    this.signal = register(arch, layout.signalRegister);
    this.info = register(arch, layout.infoRegister);
    this.context = register(arch, layout.contextRegister);
    this.flags = layout.clearFlags === undefined ? -1 : register(arch, layout.clearFlags.name);
    const { record, returnTo } = layout;
    this.record = record === undefined ? [] : record.registers.map((name) => register(arch, name));
    this.recordPointer = record === undefined ? -1 : register(arch, record.pointer);
    this.returnTo = returnTo.kind === "register" ? register(arch, returnTo.name) : -1;
    this.bytes = new Uint8Array(layout.size);
    this.view = new DataView(this.bytes.buffer);
    const size = arch.registers[this.extended].bits / 8;
    if (extended.place.kind === "above") {
      // The image is taken in place; what surrounds it stays.
      this.around = new Uint8Array(Math.max(extended.size, size));
      this.image = this.around.subarray(0, size);
      extended.dress(this.around, this.image, 0, 0);
    } else {
      this.around = this.bytes.subarray(layout.ucontext + layout.mcontext + extended.place.offset);
      this.image = new Uint8Array(size);
    }
    if (extended.place.kind === "inside" && record !== undefined) {
      const used = layout.ucontext + layout.mcontext + extended.place.offset + extended.size;
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
  const { bytes, view, image, around } = workshop;
  bytes.fill(0, layout.siginfo, layout.siginfo + SIGINFO_SIZE);
  writeInfo(info, bytes, view, layout.siginfo);
  const uc = layout.ucontext;
  put64(view, uc + layout.ucFlags, layout.flags);
  put64(view, uc + layout.ucStack, thread.altStack.address);
  view.setUint32(
    uc + layout.ucStack + 8,
    thread.altStack.size === 0 ? SS_DISABLE : thread.altStack.flags,
    true,
  );
  put64(view, uc + layout.ucStack + 16, thread.altStack.size);
  view.setInt32(uc + layout.ucMask, mask.lo, true);
  view.setInt32(uc + layout.ucMask + 4, mask.hi, true);
  const mc = uc + layout.mcontext;
  for (let i = 0; i < layout.registers.length; i++) {
    const { offset } = layout.registers[i], index = workshop.registers[i];
    view.setInt32(mc + offset, frame.lo(index), true);
    view.setInt32(mc + offset + 4, frame.hi(index), true);
  }
  for (const { offset, value, bytes: width } of layout.constants) {
    if (width === 2) view.setUint16(mc + offset, value, true);
    else view.setUint32(mc + offset, value, true);
  }
  const { trap } = layout;
  view.setInt32(mc + trap.address, thread.faultLo, true);
  view.setInt32(mc + trap.address + 4, thread.faultHi, true);
  if (trap.error !== undefined) put64(view, mc + trap.error, thread.faultError);
  if (trap.vector !== undefined) put64(view, mc + trap.vector, thread.faultVector);
  if (trap.oldMask !== undefined) {
    view.setInt32(mc + trap.oldMask, mask.lo, true);
    view.setInt32(mc + trap.oldMask + 4, mask.hi, true);
  }
  frame.read(workshop.extended, image);
  if (extended.place.kind === "above") {
    put64(view, mc + extended.place.pointer, extendedAt);
    space.u8.set(around, extendedAt - BIAS);
  } else extended.dress(around, image, thread.faultVector, thread.faultError);
  const { record } = layout;
  if (record !== undefined) {
    for (let i = 0; i < workshop.record.length; i++) {
      const index = workshop.record[i];
      view.setInt32(record.offset + 8 * i, frame.lo(index), true);
      view.setInt32(record.offset + 8 * i + 4, frame.hi(index), true);
    }
  }
  const restorer = action.flags & SA_RESTORER ? action.restorer : thread.process.mm.sigreturn;
  if (layout.returnTo.kind === "memory") put64(view, layout.returnTo.offset, restorer);
  space.u8.set(workshop.head, sp - BIAS);
  if (record !== undefined && workshop.tail !== undefined) {
    space.u8.set(workshop.tail, sp - BIAS + record.offset);
  }

  if (workshop.returnTo >= 0) frame.setNum(workshop.returnTo, restorer);
  if (record !== undefined) frame.setNum(workshop.recordPointer, sp + record.offset);
  frame.setNum(arch.sp, sp);
  frame.setNum(arch.pc, action.handler);
  for (const index of workshop.zero) frame.setNum(index, 0);
  frame.setNum(workshop.signal, info.signo);
  frame.setNum(workshop.info, sp + layout.siginfo);
  frame.setNum(workshop.context, sp + layout.ucontext);
  if (layout.clearFlags !== undefined) {
    const index = workshop.flags;
    frame.set(index, frame.lo(index) & ~layout.clearFlags.bits, frame.hi(index));
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
  const { extended, registers } = layout;
  const workshop = workshopOf(layout, arch);
  const start = frame.num(arch.sp) + layout.returnOffset;
  if (!space.check(start, layout.size, READ)) return badFrame(thread);
  const { view } = space;
  const uc = start - BIAS + layout.ucontext, mc = uc + layout.mcontext;
  if (!layout.acceptable(view, mc)) return badFrame(thread);
  setMask(
    thread,
    new SignalSet(view.getInt32(uc + layout.ucMask, true), view.getInt32(uc + layout.ucMask + 4, true)),
  );

  let image: Uint8Array | undefined;
  if (extended.place.kind === "above") {
    const where = view.getUint32(mc + extended.place.pointer, true) +
      view.getUint32(mc + extended.place.pointer + 4, true) * 2 ** 32;
    if (where !== 0) {
      if (!space.check(where, 512, READ)) return badFrame(thread);
      image = extended.undress(space.bytes(where, 512));
      if (image === undefined) return badFrame(thread);
    }
  } else {
    const from = layout.ucontext + layout.mcontext + extended.place.offset;
    image = extended.undress(space.bytes(start + from, layout.size - from));
    if (image === undefined) return badFrame(thread);
  }
  if (image !== undefined) frame.write(workshop.extended, image);
  for (let i = 0; i < registers.length; i++) {
    const { offset, mask } = registers[i], index = workshop.registers[i];
    const lo = view.getInt32(mc + offset, true), hi = view.getInt32(mc + offset + 4, true);
    if (mask === undefined) frame.set(index, lo, hi);
    else frame.set(index, (frame.lo(index) & ~mask) | (lo & mask), frame.hi(index));
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
