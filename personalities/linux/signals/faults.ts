/** Faults of guest code as signals (spec X11): which signal, which code, which address, and what the frame says of the trap. */
import { type Control, READ, type Task, type Trap } from "@guise/core";
import { register } from "../arch/abi.ts";
import { threadOf } from "../state.ts";
import { BUS_ADRERR, SEGV_ACCERR, SEGV_MAPERR, SI_KERNEL, type SigInfo } from "./info.ts";
import { SIGBUS, SIGKILL, SIGSEGV } from "./numbers.ts";
import { forceSignal, sendKernel } from "./send.ts";
import { vsyscall } from "../vdso/vsyscall.ts";

/** See Personality.fault. */
export function fault(task: Task, trap: Trap): Control | undefined {
  const thread = threadOf(task);
  const { arch } = thread.process;
  thread.faultVector = trap.vector;
  thread.faultError = trap.error;
  switch (trap.cause) {
    case "page":
      if (vsyscall(task, trap)) return undefined;
      if (task.space.faultCause === "memory" && task.space.find(trap.address) !== undefined) {
        return outOfMemory(task);
      }
      forceSignal(thread, pageFault(task, trap));
      return undefined;
    case "illegal":
    case "breakpoint":
    case "protection":
    case "divide":
    case "overflow":
    case "alignment":
    case "float": {
      const { signal, code, address } = arch.vectors[trap.vector] ?? arch.faults[trap.cause];
      const info: SigInfo = { signo: signal, code: trap.cause === "float" ? floatCode(task, trap) : code };
      if (address === "zero") {
        forceSignal(thread, info);
        return undefined;
      }
      const pc = task.process.cpu.arch.pc;
      const lo = address === "pc" ? task.frame.lo(pc) : trap.addressLo;
      const hi = address === "pc" ? task.frame.hi(pc) : trap.addressHi;
      forceSignal(thread, { ...info, addrLo: lo, addrHi: hi });
      return undefined;
    }
    case "syscall":
    case "call":
    case "interrupt":
    case "budget":
      return undefined;
    default: {
      const never: never = trap.cause;
      return never;
    }
  }
}

/** What Linux's OOM killer does: the page may be used, but there is none. */
function outOfMemory(task: Task): undefined {
  const { process } = threadOf(task);
  process.deathMessage =
    `process ${process.pid} was killed: the memory that guests may have is used up (--memory-limit)`;
  sendKernel(process, SIGKILL);
  return undefined;
}

function floatCode(task: Task, trap: Trap): number {
  const { arch } = threadOf(task).process;
  const machine = task.process.cpu.arch;
  const index = register(machine, arch.frame.extended.register);
  const image = new Uint8Array(machine.registers[index].bits / 8);
  task.frame.read(index, image);
  return arch.floatCode(image, trap.vector);
}

function pageFault(task: Task, trap: Trap): SigInfo {
  const thread = threadOf(task);
  const { arch } = thread.process;
  if (arch.canonicalBits !== undefined && !canonical(trap.addressHi, arch.canonicalBits)) {
    thread.faultVector = 13;
    thread.faultError = 0;
    return { signo: SIGSEGV, code: SI_KERNEL };
  }
  const vma = task.space.find(trap.address);
  const mapped = vma !== undefined;
  const beyond = mapped && task.space.faultCause === "beyond";
  thread.faultVector = trap.vector || arch.pageVector;
  // A page without any permission is not present to the processor.
  const present = mapped && !beyond && vma.prot !== 0;
  thread.faultError = arch.pageError(trap.access || READ, present);
  thread.faultLo = trap.addressLo;
  thread.faultHi = trap.addressHi;
  const address = { addrLo: trap.addressLo, addrHi: trap.addressHi };
  if (beyond) return { signo: SIGBUS, code: BUS_ADRERR, ...address };
  return { signo: SIGSEGV, code: mapped ? SEGV_ACCERR : SEGV_MAPERR, ...address };
}

function canonical(high: number, bits: number): boolean {
  const top = high >> (bits - 32);
  return top === 0 || top === -1;
}
