/**
 * Jumps that keep the signal mask (sigsetjmp) and contexts (ucontext.h, x86-64 alone, O2). The plain setjmp and longjmp are
 * the guest's libc's, which only moves registers; a buffer made here serves its longjmp too: it leads to a stub that gives
 * the mask back first.
 */
import { KEEP, type Outcome, type Task } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, int, perform } from "../direct.ts";
import { targetOf } from "../exports.ts";
import { exit } from "./start.ts";

const EFAULT = -14, SIG_SETMASK = 2;

/** Where a jump lands that must give a mask back, and where a context's function returns to. */
const LANDING = "__guise_sigjump", CONTEXT_END = "__guise_context_end";

// jmp_buf: the registers of longjmp, whether the mask was saved, the mask, and behind it what the landing needs.
const JUMP = ["rbx", "rbp", "r12", "r13", "r14", "r15"];
const SP = 48, PC = 56, SAVED = 64, MASK = 72, REAL_SP = 88, REAL_PC = 96;

function stub(task: Task, name: string): number {
  const target = targetOf(name);
  return target === undefined ? 0 : task.process.stub(target) ?? 0;
}

/** A register from memory; both halves. */
function load(task: Task, register: number, address: number): void {
  task.frame.set(register, (task.space.getU32(address) ?? 0) | 0, (task.space.getU32(address + 4) ?? 0) | 0);
}
function store(task: Task, register: number, address: number): boolean {
  const { frame, space } = task;
  return space.setU32(address, frame.lo(register)) && space.setU32(address + 4, frame.hi(register));
}

const sigsetjmp: DirectCall = (task) => {
  const { arch } = task.process.cpu, { space, frame } = task;
  const buffer = arg(task, 0), save = int(task, 1) !== 0;
  const sp = frame.num(arch.sp), back = space.getNum64(sp) ?? 0;
  if (!JUMP.every((name, n) => store(task, arch.register(name), buffer + 8 * n))) return fail(task, EFAULT);
  space.setNum64(buffer + SP, sp + 8);
  space.setNum64(buffer + PC, back);
  space.setU32(buffer + SAVED, save ? 1 : 0);
  if (!save) return 0;
  space.setNum64(buffer + REAL_SP, sp + 8);
  space.setNum64(buffer + REAL_PC, back);
  space.setNum64(buffer + PC, stub(task, LANDING));
  return perform(task, "rt_sigprocmask", [SIG_SETMASK, 0, buffer + MASK, 8], () => 0);
};

/** longjmp has come here with the buffer as its first argument and the value in the result register. */
const landing: DirectCall = (task) => {
  const { arch } = task.process.cpu, { frame } = task;
  const buffer = arg(task, 0), result = arch.register(arch.abis.call.result);
  const lo = frame.lo(result), hi = frame.hi(result);
  return perform(task, "rt_sigprocmask", [SIG_SETMASK, buffer + MASK, 0, 8], (t): Outcome => {
    t.frame.setNum(arch.sp, t.space.getNum64(buffer + REAL_SP) ?? 0);
    t.frame.setNum(arch.pc, t.space.getNum64(buffer + REAL_PC) ?? 0);
    t.frame.set(result, lo, hi);
    return KEEP;
  });
};

// ucontext_t.
const LINK = 8, STACK = 16, STACK_SIZE = 32, REGISTERS = 40, CONTEXT_MASK = 296;
const ORDER = [
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
  "rdi",
  "rsi",
  "rbp",
  "rbx",
  "rdx",
  "rax",
  "rcx",
  "rsp",
  "rip",
];
const place = (name: string): number => REGISTERS + 8 * ORDER.indexOf(name);

/** Saves the caller as it will be when the call has answered 0. `next` follows. */
function saveContext(task: Task, context: number, next: (task: Task) => Outcome): Outcome {
  const { arch } = task.process.cpu, { space, frame } = task;
  const sp = frame.num(arch.sp), back = space.getNum64(sp) ?? 0;
  for (const name of ORDER) {
    const register = name === "rip" ? arch.pc : arch.register(name);
    if (!store(task, register, context + place(name))) return fail(task, EFAULT);
  }
  space.setNum64(context + place("rax"), 0);
  space.setNum64(context + place("rsp"), sp + 8);
  space.setNum64(context + place("rip"), back);
  return perform(task, "rt_sigprocmask", [SIG_SETMASK, 0, context + CONTEXT_MASK, 8], next);
}

function enterContext(task: Task, context: number): Outcome {
  if (task.space.read(context, CONTEXT_MASK + 8) === undefined) return fail(task, EFAULT);
  return perform(task, "rt_sigprocmask", [SIG_SETMASK, context + CONTEXT_MASK, 0, 8], (t): Outcome => {
    const { arch } = t.process.cpu;
    for (const name of ORDER) {
      load(t, name === "rip" ? arch.pc : arch.register(name), context + place(name));
    }
    return KEEP;
  });
}

/** makecontext(context, function, count, ...): integers, as the interface has them. */
const makecontext: DirectCall = (task) => {
  const { space } = task;
  const context = arg(task, 0), entry = arg(task, 1), count = Math.max(0, Math.min(64, int(task, 2)));
  const top = (space.getNum64(context + STACK) ?? 0) + (space.getNum64(context + STACK_SIZE) ?? 0);
  const onStack = Math.max(0, count - 6);
  let sp = top - 8 * onStack;
  sp -= sp % 16;
  const registers = ["rdi", "rsi", "rdx", "rcx", "r8", "r9"];
  for (let n = 0; n < count; n++) {
    const value = arg(task, 3 + n);
    space.setNum64(n < 6 ? context + place(registers[n]) : sp + 8 * (n - 6), value);
  }
  sp -= 8;
  space.setNum64(sp, stub(task, CONTEXT_END));
  space.setNum64(context + place("rsp"), sp);
  space.setNum64(context + place("rip"), entry);
  // Kept by the function for whom it was called: what follows when it returns.
  space.setNum64(context + place("rbx"), space.getNum64(context + LINK) ?? 0);
  return 0;
};

/** See the file's head. */
export const jumpCalls: Calls = {
  __sigsetjmp: sigsetjmp,
  sigsetjmp,
  [LANDING]: landing,
  getcontext: (task) => saveContext(task, arg(task, 0), () => 0),
  setcontext: (task) => enterContext(task, arg(task, 0)),
  swapcontext: (task) => {
    const into = arg(task, 1);
    return saveContext(task, arg(task, 0), (t) => enterContext(t, into));
  },
  makecontext,
  [CONTEXT_END]: (task) => {
    const { arch } = task.process.cpu;
    const link = task.frame.num(arch.register("rbx"));
    return link === 0 ? exit(task, 0) : enterContext(task, link);
  },
};
