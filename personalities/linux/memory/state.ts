/** What Linux keeps about an address space beside the mappings: mm_struct. Shared by CLONE_VM, fresh at execve. */

import { Inode } from "@guise/vfs/key";

/** Addresses and counters of a program's memory. */
export interface MemoryState {
  /** First address after bss, and the current break (brk(2)). */
  brkStart: number;
  brk: number;
  /** For /proc/PID/stat, cmdline and environ. */
  startCode: number;
  endCode: number;
  startData: number;
  endData: number;
  stackTop: number;
  argStart: number;
  argEnd: number;
  envStart: number;
  envEnd: number;
  /** The auxiliary vector as it lies on the stack. */
  auxv: Uint8Array;
  /** Bytes under mlock(2), and whether future maps are locked. */
  locked: number;
  lockFuture: boolean;
  /** Users: processes that share this space. */
  users: number;
  /** Identity of the program's file and what is added to its addresses. */
  program: object | undefined;
  programBias: number;
  /** vDSO's base and the address of the sigreturn trampoline in it (0: none). */
  vdso: number;
  sigreturn: number;
  /** Address of the vvar data; 0: none. */
  vvar: number;
}

/** A state in which nothing is mapped yet. */
export function freshMemoryState(): MemoryState {
  return {
    brkStart: 0,
    brk: 0,
    startCode: 0,
    endCode: 0,
    startData: 0,
    endData: 0,
    stackTop: 0,
    argStart: 0,
    argEnd: 0,
    envStart: 0,
    envEnd: 0,
    auxv: new Uint8Array(0),
    locked: 0,
    lockFuture: false,
    users: 1,
    program: undefined,
    programBias: 0,
    vdso: 0,
    sigreturn: 0,
    vvar: 0,
  };
}

/** The program that runs in this memory: while it does, its file cannot be opened for writing (ETXTBSY). */
export function setProgram(mm: MemoryState, program: object): void {
  mm.program = program;
  if (program instanceof Inode) program.executors++;
}

/** One process more that uses this memory, or (`users` 0) the first of a copy. */
export function shareMemory(mm: MemoryState): void {
  if (mm.users++ === 0 && mm.program instanceof Inode) mm.program.executors++;
}

/** One process less. */
export function dropMemory(mm: MemoryState): void {
  if (--mm.users === 0 && mm.program instanceof Inode) mm.program.executors--;
}
