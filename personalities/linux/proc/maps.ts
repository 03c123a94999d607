/** /proc/PID/maps and smaps: the mappings of an address space, a row each (spec X22). */
import { EXEC, READ, type Vma, WRITE } from "@guise/core";
import type { LinuxProcess } from "../state.ts";

/** The column at which names begin. */
const NAME_COLUMN = 73;

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** The name a row shows: a file's path with newlines escaped, or `[heap]` and the like. */
function nameOf(vma: Vma): string {
  return (vma.backing?.name ?? vma.name).replaceAll("\n", "\\012");
}

function row(
  start: number,
  end: number,
  permissions: string,
  offset: number,
  device: string,
  inode: number,
  name: string,
): string {
  const fixed = `${hex(start, 8)}-${hex(end, 8)} ${permissions} ${hex(offset, 8)} ${device} ${inode} `;
  return name === "" ? fixed : fixed.padEnd(NAME_COLUMN) + name;
}

/** One row of maps, without a newline. */
export function mapsRow(vma: Vma): string {
  const permissions = (vma.prot & READ ? "r" : "-") + (vma.prot & WRITE ? "w" : "-") +
    (vma.prot & EXEC ? "x" : "-") +
    (vma.shared ? "s" : "p");
  const { backing } = vma;
  const [major, minor] = backing?.device ?? [0, 0];
  const offset = backing === undefined ? 0 : vma.offset;
  return row(
    vma.start,
    vma.end,
    permissions,
    offset,
    `${hex(major, 2)}:${hex(minor, 2)}`,
    backing?.inode ?? 0,
    nameOf(vma),
  );
}

/** The vsyscall page's row: it is a jump target and not memory, so no mapping tells of it. */
function vsyscallRow(process: LinuxProcess): string | undefined {
  const at = process.arch.vsyscall;
  return at === undefined ? undefined : row(at, at + 4096, "--xp", 0, "00:00", 0, "[vsyscall]");
}

/** /proc/PID/maps. */
export function mapsText(process: LinuxProcess): string {
  const rows = process.process.space.vmas.map(mapsRow);
  const last = vsyscallRow(process);
  if (last !== undefined) rows.push(last);
  return rows.map((line) => line + "\n").join("");
}

// deno-fmt-ignore
const ZERO_FIELDS = ["Shared_Clean", "Shared_Dirty", "Private_Clean"];
// deno-fmt-ignore
const LAST_FIELDS = ["KSM", "LazyFree", "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb",
  "Private_Hugetlb", "Swap", "SwapPss", "Locked"];

function field(name: string, kilobytes: number): string {
  return `${(name + ":").padEnd(16)}${String(kilobytes).padStart(8)} kB\n`;
}

/**
 * /proc/PID/smaps. Which pages were touched is not known for each mapping: all that may be accessed counts as resident
 * and private.
 */
export function smapsText(process: LinuxProcess): string {
  let text = "";
  for (const vma of process.process.space.vmas) {
    const size = (vma.end - vma.start) / 1024;
    const resident = vma.prot === 0 ? 0 : size;
    const anonymous = vma.backing === undefined ? resident : 0;
    text += mapsRow(vma) + "\n" + field("Size", size) + field("KernelPageSize", 4) + field("MMUPageSize", 4);
    text += field("Rss", resident) + field("Pss", resident) + field("Pss_Dirty", anonymous);
    for (const name of ZERO_FIELDS) text += field(name, 0);
    text += field("Private_Dirty", resident) + field("Referenced", resident) + field("Anonymous", anonymous);
    for (const name of LAST_FIELDS) text += field(name, 0);
    text += "THPeligible:           0\n";
    const flags = [
      vma.prot & READ ? "rd" : "",
      vma.prot & WRITE ? "wr" : "",
      vma.prot & EXEC ? "ex" : "",
      vma.shared ? "sh" : "",
      "mr mw me",
      vma.growsDown ? "gd" : "",
    ].filter((f) => f !== "");
    text += `VmFlags: ${flags.join(" ")} \n`;
  }
  return text;
}

/** Sizes of an address space in bytes, for status, stat and statm. */
export interface MemorySizes {
  readonly total: number;
  readonly resident: number;
  readonly file: number;
  readonly text: number;
  readonly data: number;
  readonly stack: number;
}

/** Adds up the mappings. */
export function memorySizes(process: LinuxProcess): MemorySizes {
  const { space } = process.process;
  let total = 0, file = 0, text = 0, data = 0, stack = 0;
  for (const vma of space.vmas) {
    const size = vma.end - vma.start;
    total += size;
    if (vma.prot & EXEC && vma.backing !== undefined) text += size;
    if (vma.backing !== undefined && (vma.prot & WRITE) === 0 && vma.prot !== 0) file += size;
    if (vma.prot & WRITE && !vma.shared) data += size;
    if (vma.growsDown) stack += size;
  }
  const resident = Math.min(space.committed, total);
  return { total, resident, file: Math.min(file, resident), text, data, stack };
}
