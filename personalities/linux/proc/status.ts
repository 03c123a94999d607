/** The texts of /proc/PID that tell how a process is: stat, statm, status, limits, io. */
import { bytesOfName, contextKey, filesKey, type FileTable } from "@guise/vfs/key";
import { type Credentials, credentialsKey } from "../credentials.ts";
import type { LinuxProcess, LinuxTask } from "../state.ts";
import { BOOT_OFFSET } from "../time/clocks.ts";
import { memorySizes } from "./maps.ts";

/** Clock ticks a second (AT_CLKTCK). */
const TICKS = 100;

function ticks(ns: number): number {
  return Math.floor(ns / (1e9 / TICKS));
}

/** R, S, T, Z: as stat and status show it. */
export function stateLetter(thread: LinuxTask): "R" | "S" | "T" | "Z" {
  if (thread.process.state !== "alive" || thread.ended) return "Z";
  if (thread.process.stopSignal !== 0) return "T";
  switch (thread.task.state.kind) {
    case "running":
    case "runnable":
      return "R";
    case "dead":
      return "Z";
    default:
      return "S";
  }
}

const STATE_WORDS = { R: "running", S: "sleeping", T: "stopped", Z: "zombie" } as const;

/** A name as it may stand between other fields. */
function escaped(name: string): string {
  return name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** /proc/PID/stat: 52 fields (proc(5)). `whole`: of the thread group, else of one thread. */
export function statText(thread: LinuxTask, whole: boolean): Uint8Array {
  const { process } = thread;
  const alive = process.state === "alive";
  const tasks = whole ? process.tasks : [thread];
  let user = whole ? process.usage.user : 0, system = whole ? process.usage.system : 0;
  for (const t of tasks) user += t.task.cpuTime;
  system += 0;
  const sizes = alive ? memorySizes(process) : undefined;
  const mm = process.mm;
  const terminal = process.session.terminal as { readonly rdev: number } | undefined;
  const foreground = terminal === undefined ? -1 : process.session.foreground;
  const id = whole ? process.pid : thread.tid;
  const { pending, mask } = thread;
  const all = pending.set.or(process.pending.set);
  const [ignored, caught] = signalSets(process);
  const fields: (number | string)[] = [
    ...[
      stateLetter(thread),
      process.parentId,
      process.group,
      process.session.id,
      terminal?.rdev ?? 0,
      foreground,
    ],
    ...[0x400000, process.usage.minorFaults, process.childUsage.minorFaults, 0, 0],
    ...[ticks(user), ticks(system), ticks(process.childUsage.user), ticks(process.childUsage.system)],
    ...[
      20 + thread.nice,
      thread.nice,
      Math.max(process.tasks.length, 1),
      0,
      ticks(BOOT_OFFSET + process.started),
    ],
    ...[sizes?.total ?? 0, Math.floor((sizes?.resident ?? 0) / 4096), "18446744073709551615"],
    ...(alive ? [mm.startCode, mm.endCode, mm.stackTop, 0, 0] : [0, 0, 0, 0, 0]),
    ...[all.lo & 0x7fffffff, mask.lo & 0x7fffffff, ignored.lo & 0x7fffffff, caught.lo & 0x7fffffff],
    ...[0, 0, 0, 17, 0, 0, 0, 0, 0, 0],
    ...(alive
      ? [mm.startData, mm.endData, mm.brkStart, mm.argStart, mm.argEnd, mm.envStart, mm.envEnd]
      : [0, 0, 0, 0, 0, 0, 0]),
    process.state === "alive" ? 0 : process.waitStatus,
  ];
  return bytesOfName(`${id} (${thread.name}) ${fields.join(" ")}\n`);
}

/** /proc/PID/statm: seven sizes in pages. */
export function statmText(process: LinuxProcess): string {
  if (process.state !== "alive") return "0 0 0 0 0 0 0\n";
  const s = memorySizes(process);
  const pages = [s.total, s.resident, s.file, s.text, 0, s.data, 0].map((bytes) => Math.floor(bytes / 4096));
  return pages.join(" ") + "\n";
}

interface Halves {
  readonly lo: number;
  readonly hi: number;
}

function mask(set: Halves): string {
  const half = (n: number) => (n >>> 0).toString(16).padStart(8, "0");
  return half(set.hi) + half(set.lo);
}

/** The signals that a process ignores, and those that it handles. */
function signalSets(process: LinuxProcess): [Halves, Halves] {
  const ignored = { lo: 0, hi: 0 }, caught = { lo: 0, hi: 0 };
  for (let signal = 1; signal <= 64; signal++) {
    const { handler } = process.actions.get(signal);
    if (handler === 0) continue;
    const set = handler === 1 ? ignored : caught;
    if (signal <= 32) set.lo |= 1 << (signal - 1);
    else set.hi |= 1 << (signal - 33);
  }
  return [ignored, caught];
}

function line(name: string, value: string | number): string {
  return `${name}:\t${value}\n`;
}

function kilobytes(name: string, bytes: number): string {
  return `${name}:\t${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;
}

/** /proc/PID/status. */
export function statusText(thread: LinuxTask): Uint8Array {
  const { process, task } = thread;
  const cred: Credentials = task.data.get(credentialsKey);
  const letter = stateLetter(thread);
  const fs = task.data.find(contextKey);
  const table: FileTable | undefined = task.data.find(filesKey);
  let text = line("Name", escaped(thread.name));
  if (fs !== undefined) text += line("Umask", "0" + fs.umask.toString(8).padStart(3, "0"));
  text += line("State", `${letter} (${STATE_WORDS[letter]})`);
  text += line("Tgid", process.pid) + line("Ngid", 0) + line("Pid", thread.tid) +
    line("PPid", process.parentId);
  text += line("TracerPid", 0);
  text += line("Uid", [cred.uid, cred.euid, cred.suid, cred.fsuid].join("\t"));
  text += line("Gid", [cred.gid, cred.egid, cred.sgid, cred.fsgid].join("\t"));
  text += line("FDSize", Math.max(64, 1 << Math.ceil(Math.log2(Math.max(table?.length ?? 0, 1)))));
  text += line("Groups", cred.groups.map((g) => g + " ").join("") || " ");
  text += line("NStgid", process.pid) + line("NSpid", thread.tid) + line("NSpgid", process.group);
  text += line("NSsid", process.session.id) + line("Kthread", 0);
  if (process.state === "alive") {
    const s = memorySizes(process);
    text += kilobytes("VmPeak", s.total) + kilobytes("VmSize", s.total);
    text += kilobytes("VmLck", process.mm.locked) + kilobytes("VmPin", 0);
    text += kilobytes("VmHWM", s.resident) + kilobytes("VmRSS", s.resident);
    text += kilobytes("RssAnon", s.resident - s.file) + kilobytes("RssFile", s.file) +
      kilobytes("RssShmem", 0);
    text += kilobytes("VmData", s.data - s.stack) + kilobytes("VmStk", s.stack) + kilobytes("VmExe", s.text);
    text += kilobytes("VmLib", 0) + kilobytes("VmPTE", Math.ceil(s.total / 512)) + kilobytes("VmSwap", 0);
    text += kilobytes("HugetlbPages", 0) + line("CoreDumping", 0) + line("THP_enabled", 0);
  }
  const [ignored, caught] = signalSets(process);
  text += line("Threads", Math.max(process.tasks.length, 1));
  text += line("SigQ", `${process.pending.size + thread.pending.size}/${process.limits.soft[11]}`);
  text += line("SigPnd", mask(thread.pending.set)) + line("ShdPnd", mask(process.pending.set));
  text += line("SigBlk", mask(thread.mask)) + line("SigIgn", mask(ignored)) + line("SigCgt", mask(caught));
  const caps = ([lo, hi]: readonly [number, number]) => mask({ lo, hi });
  text += line("CapInh", caps(cred.inheritable)) + line("CapPrm", caps(cred.permitted));
  text += line("CapEff", caps(cred.effective)) + line("CapBnd", "000001ffffffffff") +
    line("CapAmb", mask({ lo: 0, hi: 0 }));
  text += line("NoNewPrivs", thread.noNewPrivileges ? 1 : 0) + line("Seccomp", 0) +
    line("Seccomp_filters", 0);
  text += line("Cpus_allowed", 1) + line("Cpus_allowed_list", 0) + line("Mems_allowed", 1) +
    line("Mems_allowed_list", 0);
  text += line("voluntary_ctxt_switches", process.usage.voluntary);
  text += line("nonvoluntary_ctxt_switches", process.usage.involuntary);
  return bytesOfName(text);
}

// deno-fmt-ignore
const LIMITS: readonly (readonly [name: string, unit: string])[] = [
  ["Max cpu time", "seconds"], ["Max file size", "bytes"], ["Max data size", "bytes"], ["Max stack size", "bytes"],
  ["Max core file size", "bytes"], ["Max resident set", "bytes"], ["Max processes", "processes"],
  ["Max open files", "files"], ["Max locked memory", "bytes"], ["Max address space", "bytes"], ["Max file locks", "locks"],
  ["Max pending signals", "signals"], ["Max msgqueue size", "bytes"], ["Max nice priority", ""],
  ["Max realtime priority", ""], ["Max realtime timeout", "us"],
];

/** /proc/PID/limits. */
export function limitsText(process: LinuxProcess): string {
  const value = (n: number) => (n === Infinity ? "unlimited" : String(n)).padEnd(21);
  let text = "Limit                     Soft Limit           Hard Limit           Units     \n";
  LIMITS.forEach(([name, unit], i) => {
    text += name.padEnd(26) + value(process.limits.soft[i]) + value(process.limits.hard[i]) +
      unit.padEnd(10) + "\n";
  });
  return text;
}
