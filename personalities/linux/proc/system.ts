/** The files of /proc that tell of the whole machine: processors, memory, time, versions. */
import type { Caller } from "@guise/vfs/key";
import { type LinuxKernel, type LinuxProcess, taskKey } from "../state.ts";
import { BOOT_OFFSET } from "../time/clocks.ts";
import { RELEASE, SYSNAME, VERSION } from "../uts.ts";

/** What /proc/cpuinfo says of the one processor, by architecture: only what CPUID and HWCAP announce. */
const CPU_INFO: Readonly<Record<string, string>> = {
  "x86-64": `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 55
model name\t: Guise virtual x86-64 processor
stepping\t: 9
cpu MHz\t\t: 1000.000
cache size\t: 8192 KB
physical id\t: 0
siblings\t: 1
core id\t\t: 0
cpu cores\t: 1
apicid\t\t: 0
initial apicid\t: 0
fpu\t\t: yes
fpu_exception\t: yes
cpuid level\t: 7
wp\t\t: yes
flags\t\t: fpu pse tsc msr pae cx8 apic sep pge mca cmov pat clflush mmx fxsr sse sse2 syscall nx rdtscp lm constant_tsc nopl cpuid pni ssse3 cx16 sse4_1 sse4_2 popcnt hypervisor lahf_lm fsgsbase
bugs\t\t:
bogomips\t: 2000.00
clflush size\t: 64
cache_alignment\t: 64
address sizes\t: 48 bits physical, 48 bits virtual
power management:

`,
  aarch64: `processor\t: 0
BogoMIPS\t: 62.50
Features\t: fp asimd crc32 atomics fphp asimdhp asimdrdm asimddp
CPU implementer\t: 0x00
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0x000
CPU revision\t: 0

`,
};

/** The process that asks, if it is one of ours. */
function asking(caller: Caller): LinuxProcess | undefined {
  return caller.task?.data.find(taskKey)?.process;
}

/** /proc/cpuinfo, of the architecture of the process that asks. */
export function cpuInfoText(caller: Caller): string {
  return CPU_INFO[asking(caller)?.arch.name ?? "x86-64"] ?? "";
}

/** Bytes of memory that there are, and that are not committed. */
export function memoryOf(linux: LinuxKernel): { readonly total: number; readonly free: number } {
  const total = linux.kernel.options.memoryLimit ?? 4 * 2 ** 30;
  let used = 0;
  const seen = new Set<object>();
  for (const { process, state } of linux.processes.values()) {
    if (state !== "alive" || seen.has(process.space)) continue;
    seen.add(process.space);
    used += process.space.committed;
  }
  return { total, free: Math.max(0, total - used) };
}

// deno-fmt-ignore
/** Lines of meminfo after the first three: zero, or the name of a value. */
const MEMORY_LINES: readonly (readonly [name: string, value: "zero" | "cached" | "used"])[] = [
  ["Buffers", "zero"], ["Cached", "cached"], ["SwapCached", "zero"], ["Active", "used"], ["Inactive", "zero"],
  ["Active(anon)", "used"], ["Inactive(anon)", "zero"], ["Active(file)", "zero"], ["Inactive(file)", "zero"],
  ["Unevictable", "zero"], ["Mlocked", "zero"], ["SwapTotal", "zero"], ["SwapFree", "zero"], ["Dirty", "zero"],
  ["Writeback", "zero"], ["AnonPages", "used"], ["Mapped", "zero"], ["Shmem", "zero"], ["KReclaimable", "zero"],
  ["Slab", "zero"], ["SReclaimable", "zero"], ["SUnreclaim", "zero"], ["KernelStack", "zero"], ["PageTables", "zero"],
  ["NFS_Unstable", "zero"], ["Bounce", "zero"], ["WritebackTmp", "zero"], ["CommitLimit", "zero"],
  ["Committed_AS", "used"], ["VmallocTotal", "zero"], ["VmallocUsed", "zero"], ["VmallocChunk", "zero"],
];

/** /proc/meminfo. */
export function memInfoText(linux: LinuxKernel): string {
  const { total, free } = memoryOf(linux);
  const line = (name: string, bytes: number) =>
    `${(name + ":").padEnd(16)}${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;
  const values = { zero: 0, cached: 0, used: total - free };
  let text = line("MemTotal", total) + line("MemFree", free) + line("MemAvailable", free);
  for (const [name, value] of MEMORY_LINES) text += line(name, values[value]);
  return text +
    "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n" +
    "Hugepagesize:       2048 kB\n";
}

function cpuSeconds(linux: LinuxKernel): number {
  let ns = 0;
  for (const process of linux.processes.values()) {
    ns += process.usage.user + process.usage.system;
    for (const thread of process.tasks) ns += thread.task.cpuTime;
  }
  return ns / 1e9;
}

function upSeconds(linux: LinuxKernel): number {
  return (linux.kernel.clock.monotonic() + BOOT_OFFSET) / 1e9;
}

/** /proc/uptime. */
export function uptimeText(linux: LinuxKernel): string {
  const up = upSeconds(linux);
  return `${up.toFixed(2)} ${Math.max(0, up - cpuSeconds(linux)).toFixed(2)}\n`;
}

/** /proc/stat. */
export function systemStatText(linux: LinuxKernel): string {
  const busy = Math.floor(cpuSeconds(linux) * 100);
  const idle = Math.max(0, Math.floor(upSeconds(linux) * 100) - busy);
  const now: [number, number] = [0, 0];
  linux.kernel.clock.realtime(now);
  const cpu = `${busy} 0 0 ${idle} 0 0 0 0 0 0`;
  const running = [...linux.tasks.values()].filter((t) => /^run/.test(t.task.state.kind)).length;
  return `cpu  ${cpu}\ncpu0 ${cpu}\nintr 0\nctxt 0\nbtime ${Math.floor(now[0] - upSeconds(linux))}\n` +
    `processes ${lastPid(linux)}\nprocs_running ${
      Math.max(running, 1)
    }\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`;
}

function lastPid(linux: LinuxKernel): number {
  let last = 1;
  for (const tid of linux.tasks.keys()) last = Math.max(last, tid);
  return last;
}

/** /proc/vmstat: the counters that vmstat(8) cannot do without. */
export function vmStatText(linux: LinuxKernel): string {
  const { total, free } = memoryOf(linux);
  let faults = 0;
  for (const process of linux.processes.values()) faults += process.usage.minorFaults;
  const counters = {
    nr_free_pages: Math.floor(free / 4096),
    nr_anon_pages: Math.floor((total - free) / 4096),
    nr_mapped: 0,
    nr_dirty: 0,
    nr_writeback: 0,
    pgpgin: 0,
    pgpgout: 0,
    pswpin: 0,
    pswpout: 0,
    pgfault: faults,
    pgmajfault: 0,
    oom_kill: 0,
  };
  return Object.entries(counters).map(([name, value]) => `${name} ${value}\n`).join("");
}

/** /proc/loadavg. */
export function loadText(linux: LinuxKernel): string {
  const running = [...linux.tasks.values()].filter((t) => /^run/.test(t.task.state.kind)).length;
  return `0.00 0.00 0.00 ${Math.max(running, 1)}/${linux.tasks.size} ${lastPid(linux)}\n`;
}

/** /proc/version. */
export function versionText(): string {
  return `${SYSNAME} version ${RELEASE} (guise@guise) ${VERSION}\n`;
}

/** /proc/filesystems. */
export const FILE_SYSTEMS: string = ["sysfs", "tmpfs", "proc", "devtmpfs", "pipefs", "overlay"].map((name) =>
  `nodev\t${name}\n`
).join("");

/** /proc/devices. */
export const DEVICES: string =
  "Character devices:\n  1 mem\n  4 tty\n  5 /dev/tty\n  5 /dev/console\n136 pts\n\nBlock devices:\n";
