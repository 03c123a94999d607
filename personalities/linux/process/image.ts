/**
 * Putting a program into a fresh address space and its first task's registers: what execve and the first start have in
 * common. Before the point of no return {@link planProgram} says whether it can be run at all.
 */
import { type Backing, EACCES, ENOENT, ENOEXEC, type Errno, EXEC, READ, type Task, WRITE } from "@guise/core";
import { type Image, type Plan, programs, type Refusal } from "@guise/elf/key";
import {
  type Inode,
  type Location,
  nameOfBytes,
  permission,
  S_IFMT,
  S_IFREG,
  vfsKey,
  walk,
} from "@guise/vfs/key";
import { register, setRegister } from "../arch/abi.ts";
import { linuxArch } from "../arch/mod.ts";
import { type Credentials, credentialsKey } from "../credentials.ts";
import { callerOf } from "../files.ts";
import { RLIMIT_AS, RLIMIT_STACK } from "../limits.ts";
import { dropMemory, freshMemoryState, setProgram } from "../memory/state.ts";
import { processOf, threadOf } from "../state.ts";
import { mapVdso } from "../vdso/map.ts";
import * as at from "./stack.ts";

const X_OK = 1;
/** The largest argument or environment string, and the most for all (MAX_ARG_STRLEN, a quarter of the stack, 6 MiB). */
export const MAX_STRING = 131072, LEAST_ARGUMENTS = 131072, MOST_ARGUMENTS = 6 << 20;

/** A program file that may be executed. */
export interface Executable {
  readonly location: Location;
  readonly inode: Inode;
  readonly backing: Backing;
  /** Its path as the process sees it, a byte string. */
  readonly path: string;
}

/** Opens a program as open_exec does: x permission, a regular file, a mount without noexec (EACCES). */
export function openExecutable(task: Task, location: Location): Executable | Errno {
  const { inode } = location;
  const stale = inode.refresh();
  if (stale < 0) return stale;
  if ((inode.mode & S_IFMT) !== S_IFREG) return EACCES;
  if (location.mount.options.noexec) return EACCES;
  const caller = callerOf(task);
  const refused = permission(inode, caller.cred, X_OK);
  if (refused !== 0) return refused;
  const path = task.kernel.data.get(vfsKey).pathOf(location, caller.fs.root) ?? "";
  const backing = inode.backing(path);
  if (typeof backing === "number") return backing;
  return { location, inode, backing, path };
}

/** Asks the loader; `file` is the opened program and `path` what execve was given. */
export function planProgram(
  task: Task,
  file: Backing,
  path: Uint8Array,
  args: readonly Uint8Array[],
): Plan | Refusal {
  const loader = task.kernel.data.get(programs);
  const plan = loader.plan({
    path,
    file,
    args,
    open: (name) => {
      if (name.length === 0) return ENOENT;
      const location = walk(callerOf(task), undefined, nameOfBytes(name));
      if (typeof location === "number") return location;
      const opened = openExecutable(task, location);
      return typeof opened === "number" ? opened : opened.backing;
    },
    arches: [...task.kernel.arches.values()],
    names: task.kernel.archNames,
  });
  if (plan.kind === "plan" && linuxArch(plan.arch) === undefined) {
    return {
      kind: "refused",
      errno: ENOEXEC,
      reason: `is a program for ${plan.arch}, which Linux does not run on here`,
    };
  }
  return plan;
}

/** What {@link enterProgram} needs beside the plan. */
export interface EnterRequest {
  readonly plan: Plan;
  readonly env: readonly Uint8Array[];
  /** AT_EXECFN: the path given to execve. */
  readonly execfn: Uint8Array;
  /** The path of the program that is mapped, after symbolic links. */
  readonly exe: string;
  /** AT_SECURE. */
  readonly secure: boolean;
}

/**
 * Past the point of no return: a new address space for the process, the program mapped in it, stack and registers of
 * `task` set. A text when it could not be done: the process is lost then.
 */
export function enterProgram(task: Task, request: EnterRequest): string | undefined {
  const { plan } = request;
  const thread = threadOf(task);
  const linux = thread.process;
  // The first program of a process can have the space that the process was made with.
  const unused = task.process.arch.name === plan.arch && task.space.vmas.length === 0
    ? task.space
    : undefined;
  const space = unused ?? task.kernel.createSpace();
  if (space === undefined) return "no memory for another address space";
  linux.arch = linuxArch(plan.arch)!;
  if (space !== unused) task.process.replace(space, undefined, plan.arch);
  dropMemory(linux.mm);
  const mm = linux.mm = freshMemoryState();
  applyMemoryLimits(task);

  const image = task.kernel.data.get(programs).load(plan, space);
  if (image.kind === "refused") return image.reason;
  mm.brkStart = mm.brk = image.brk;
  mm.startCode = image.startCode;
  mm.endCode = image.endCode;
  mm.startData = image.startData;
  mm.endData = image.endData;
  setProgram(mm, plan.program.file.identity);
  mm.programBias = image.bias;
  linux.exe = request.exe;
  mapVdso(task);

  const prot = READ | WRITE | (plan.stack === "executable" ? EXEC : 0);
  const strings = at.stringBytes(plan.args) + at.stringBytes(request.env) +
    8 * (plan.args.length + request.env.length);
  const length = Math.ceil((strings + 8192) / 4096) * 4096 + 0x20000;
  const stack = space.map({
    address: space.mapBase - length,
    length,
    prot,
    fixed: "replace",
    name: "[stack]",
    growsDown: true,
  });
  if (stack < 0) return "no memory for the stack";
  mm.stackTop = space.mapBase;
  const random = new Uint8Array(16);
  task.kernel.random(random);
  const layout = at.buildStack(space, {
    top: space.mapBase,
    args: plan.args,
    env: request.env,
    execfn: request.execfn,
    platform: linux.arch.platform,
    random,
    auxv: auxiliaryVector(task, image, request.secure),
    pointer: 8,
  });
  if (layout === undefined) return "the stack does not hold the arguments";
  Object.assign(mm, layout);
  startRegisters(task, image.start, layout.sp);
  return undefined;
}

/** RLIMIT_AS and RLIMIT_STACK belong to the process; the space asks for them at each mapping and each growth. */
export function applyMemoryLimits(task: Task): void {
  const { limits } = processOf(task);
  task.space.mapLimit = limits.soft[RLIMIT_AS];
  task.space.stackLimit = limits.soft[RLIMIT_STACK];
}

function auxiliaryVector(
  task: Task,
  image: Image,
  secure: boolean,
): (readonly [number, number | "random" | "platform" | "execfn"])[] {
  const { arch, mm } = processOf(task);
  const cred: Credentials = task.data.get(credentialsKey);
  const vdso: (readonly [number, number])[] = mm.vdso === 0 ? [] : [[at.AT_SYSINFO_EHDR, mm.vdso]];
  return [
    ...vdso,
    [at.AT_MINSIGSTKSZ, arch.minimumSignalStack],
    [at.AT_HWCAP, arch.hwcap],
    [at.AT_PAGESZ, 4096],
    [at.AT_CLKTCK, 100],
    [at.AT_PHDR, image.phdr],
    [at.AT_PHENT, image.phent],
    [at.AT_PHNUM, image.phnum],
    [at.AT_BASE, image.base],
    [at.AT_FLAGS, 0],
    [at.AT_ENTRY, image.entry],
    [at.AT_UID, cred.uid],
    [at.AT_EUID, cred.euid],
    [at.AT_GID, cred.gid],
    [at.AT_EGID, cred.egid],
    [at.AT_SECURE, secure ? 1 : 0],
    [at.AT_RANDOM, "random"],
    [at.AT_HWCAP2, arch.hwcap2],
    [at.AT_EXECFN, "execfn"],
    [at.AT_PLATFORM, "platform"],
    [at.AT_RSEQ_FEATURE_SIZE, 28],
    [at.AT_RSEQ_ALIGN, 32],
  ];
}

/** All registers zero (RDX too: no atexit function), then what the architecture starts with, pc and sp (X23). */
function startRegisters(task: Task, pc: number, sp: number): void {
  const { frame } = task;
  const { arch } = task.process.cpu;
  arch.registers.forEach((r, i) => {
    if (r.bits <= 64) frame.set(i, 0, 0);
  });
  for (const { name, value } of processOf(task).arch.startRegisters) setRegister(arch, frame, name, value);
  const { extended } = processOf(task).arch.frame;
  const index = register(arch, extended.register);
  frame.write(index, processOf(task).arch.startExtended);
  frame.setNum(arch.sp, sp);
  frame.setNum(arch.pc, pc);
}
