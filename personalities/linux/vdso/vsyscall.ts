/**
 * The vsyscall page (spec X21): not memory here, but three addresses far above it. Jumping there faults, and the fault
 * is answered as the kernel's emulation does: the call is made and the function returns. Anything else stays a fault.
 */
import { EXEC, type Task, type Trap } from "@guise/core";
import { threadOf } from "../state.ts";
import { readClock, type Time, writeTime } from "../time/clocks.ts";
import { register, setRegister } from "../arch/abi.ts";

const PAGE_LO = 0xff600000 | 0;
const GETTIMEOFDAY = 0, TIME = 0x400, GETCPU = 0x800;

/** True when the trap was a call of the vsyscall page and has been carried out. */
export function vsyscall(task: Task, trap: Trap): boolean {
  if (threadOf(task).process.arch.vsyscall === undefined) return false;
  if (trap.access !== EXEC || trap.addressHi !== -1) return false;
  const offset = (trap.addressLo - PAGE_LO) >>> 0;
  const { frame, space } = task;
  const { arch } = task.process.cpu;
  const sp = frame.num(arch.sp);
  const back = space.getNum64(sp);
  if (back === undefined) return false;
  const first = frame.num(register(arch, "rdi")), second = frame.num(register(arch, "rsi"));
  const now: Time = [0, 0];
  readClock(task, 0, now);
  let result = 0;
  switch (offset) {
    case GETTIMEOFDAY:
      if (first !== 0 && !writeTime(task, first, now[0], Math.floor(now[1] / 1000))) return false;
      if (second !== 0 && !(space.setU32(second, 0) && space.setU32(second + 4, 0))) return false;
      break;
    case TIME:
      result = now[0];
      if (first !== 0 && !space.setNum64(first, result)) return false;
      break;
    case GETCPU:
      if (first !== 0 && !space.setU32(first, 0)) return false;
      if (second !== 0 && !space.setU32(second, 0)) return false;
      break;
    default:
      return false;
  }
  setRegister(arch, frame, "rax", result);
  frame.setNum(arch.sp, sp + 8);
  frame.setNum(arch.pc, back);
  return true;
}
