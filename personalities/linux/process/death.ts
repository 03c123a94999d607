/** The line for a person when a program dies of a fault: what, where, in which mapping and function. */
import { elfSymbols } from "@guise/elf/key";
import type { Backing, Vma } from "@guise/core";
import { SIGILL, signalName } from "../signals/numbers.ts";
import type { SigInfo } from "../signals/info.ts";
import { SI_KERNEL } from "../signals/info.ts";
import type { LinuxTask } from "../state.ts";

/** `SIGSEGV at 0x401136 (main+0x16 in /bin/x), reading 0x0`. */
export function describeDeath(thread: LinuxTask, info: SigInfo): string {
  const { task } = thread;
  const { arch } = task.process.cpu;
  const pc = task.frame.num(arch.pc);
  let text = `${signalName(info.signo)} at 0x${pc.toString(16)}${place(thread, pc)}`;
  if (info.signo === SIGILL) {
    const bytes = readable(thread, pc, 15);
    if (bytes.length > 0) {
      text += `: bytes ${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join(" ")}`;
    }
  } else if (info.addrLo !== undefined && info.code > 0 && info.code !== SI_KERNEL) {
    const address = (info.addrHi! >>> 0) * 2 ** 32 + (info.addrLo >>> 0);
    const cause = info.code === 1
      ? "nothing is mapped at"
      : info.signo === 7
      ? "beyond the end of the file:"
      : "no access to";
    if (info.signo === 11 || info.signo === 7) text += `, ${cause} 0x${address.toString(16)}`;
  }
  return text;
}

function readable(thread: LinuxTask, address: number, length: number): Uint8Array {
  for (let n = length; n > 0; n--) {
    const bytes = thread.task.space.read(address, n);
    if (bytes !== undefined) return bytes;
  }
  return new Uint8Array(0);
}

function place(thread: LinuxTask, pc: number): string {
  const vma = thread.task.space.find(pc);
  if (vma === undefined) return " (not mapped)";
  const name = vma.backing?.name || vma.name || "anonymous memory";
  const symbol = vma.backing === undefined ? undefined : symbolAt(thread, vma, vma.backing, pc);
  return symbol === undefined
    ? ` (${name}+0x${(pc - vma.start + vma.offset).toString(16)})`
    : ` (${symbol} in ${name})`;
}

function symbolAt(thread: LinuxTask, vma: Vma, backing: Backing, pc: number): string | undefined {
  const { program, programBias } = thread.process.mm;
  // The mapping of the file's start gives its load address; a fixed program's addresses are those of the file.
  const first =
    thread.task.space.vmas.find((v) => v.backing?.identity === backing.identity && v.offset === 0) ?? vma;
  const bias = program === backing.identity ? programBias : first.start;
  const symbol = elfSymbols(backing).at(pc - bias);
  return symbol && `${symbol.name}+0x${(pc - bias - symbol.value).toString(16)}`;
}
