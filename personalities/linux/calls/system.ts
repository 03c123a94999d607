/** The machine and its settings: uname, host names, sysinfo, random numbers. */
import { EFAULT, EINVAL, EPERM, type Syscall, syscall, type Task } from "@guise/core";
import { outStruct } from "../args/buffer.ts";
import { fields, get64, Scratch } from "../args/layout.ts";
import { address, flagWord, int, size, word } from "../args/scalar.ts";
import { hex } from "../args/text.ts";
import { CAP_SYS_ADMIN, CAP_SYS_BOOT, credentialsKey } from "../credentials.ts";
import type { Rows } from "../rows.ts";
import { processOf } from "../state.ts";
import { BOOT_OFFSET } from "../time/clocks.ts";
import { RELEASE, SYSNAME, VERSION } from "../uts.ts";

const FIELD = 65;

const utsname = outStruct("struct utsname *buf", (task, at) => {
  const bytes = task.space.read(at, 6 * FIELD);
  if (bytes === undefined) return undefined;
  const text = (i: number) =>
    new TextDecoder().decode(bytes.subarray(i * FIELD, (i + 1) * FIELD)).replace(/\0.*$/s, "");
  return `{sysname="${text(0)}", nodename="${text(1)}", ...}`;
});

const uname: Syscall = syscall({
  name: "uname",
  doc: "Names the system, the host, the release and the machine.",
  args: { buf: utsname },
  run: (task, { buf }) => {
    const { linux, arch } = processOf(task);
    const bytes = new Uint8Array(6 * FIELD);
    const encoder = new TextEncoder();
    [SYSNAME, linux.hostName, RELEASE, VERSION, arch.machine, linux.domainName].forEach((text, i) => {
      encoder.encodeInto(text, bytes.subarray(i * FIELD, (i + 1) * FIELD - 1));
    });
    return task.space.write(buf, bytes) ? 0 : EFAULT;
  },
});

function setName(task: Task, at: number, length: number): string | number {
  if (!task.data.get(credentialsKey).capable(CAP_SYS_ADMIN)) return EPERM;
  if (length < 0 || length > 64) return EINVAL;
  const bytes = task.space.read(at, length);
  return bytes === undefined ? EFAULT : new TextDecoder().decode(bytes).replace(/\0.*$/s, "");
}

const sethostname: Syscall = syscall({
  name: "sethostname",
  doc: "Sets the host's name.",
  args: { name: address, length: int },
  run: (task, { name, length }) => {
    const text = setName(task, name, length);
    if (typeof text === "number") return text;
    processOf(task).linux.hostName = text;
    return 0;
  },
});

const setdomainname: Syscall = syscall({
  name: "setdomainname",
  doc: "Sets the domain's name.",
  args: { name: address, length: int },
  run: (task, { name, length }) => {
    const text = setName(task, name, length);
    if (typeof text === "number") return text;
    processOf(task).linux.domainName = text;
    return 0;
  },
});

/** Memory that programs are told of, in bytes: what an address space can have. */
const TOTAL_MEMORY = 4 * 2 ** 30;
const scratch = new Scratch(112);

const sysinfo: Syscall = syscall({
  name: "sysinfo",
  doc: "Tells uptime, load, memory and the number of processes.",
  args: {
    info: outStruct("struct sysinfo *info", (task, at) => {
      const view = fields(task, at, 112);
      if (view === undefined) return undefined;
      const u = (offset: number) => get64(view, offset);
      return `{uptime=${u(0)}, loads=[${u(8)}, ${u(16)}, ${u(24)}], totalram=${u(32)}, freeram=${u(40)}, ` +
        `sharedram=${u(48)}, bufferram=${u(56)}, totalswap=${u(64)}, freeswap=${u(72)}, ` +
        `procs=${view.getUint16(80, true)}, totalhigh=${u(88)}, freehigh=${u(96)}, mem_unit=${
          view.getUint32(104, true)
        }}`;
    }),
  },
  run: (task, { info }) => {
    const { linux } = processOf(task);
    scratch.clear();
    scratch.u64(0, Math.floor((task.kernel.clock.monotonic() + BOOT_OFFSET) / 1e9));
    scratch.u64(32, TOTAL_MEMORY);
    scratch.u64(40, Math.max(0, TOTAL_MEMORY - task.space.committed));
    scratch.u16(80, linux.tasks.size);
    scratch.u32(104, 1);
    return scratch.store(task, info, 112);
  },
});

const GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4;

const randomBytes = {
  ...outStruct("void *buf", () => undefined),
  format:
    (abi: { readonly registers: readonly number[] }, slot: number) =>
    (task: Task, result: number | undefined) => {
      const at = task.frame.num(abi.registers[slot]);
      const bytes = result !== undefined && result > 0
        ? task.space.read(at, Math.min(result, 32))
        : undefined;
      if (bytes === undefined) return at === 0 ? "NULL" : hex(at);
      const text = [...bytes].map((b) => "\\x" + b.toString(16).padStart(2, "0")).join("");
      return `"${text}"${result! > 32 ? "..." : ""}`;
    },
};

const getrandom: Syscall = syscall({
  name: "getrandom",
  doc: "Fills memory with random bytes.",
  args: {
    buf: randomBytes,
    count: size,
    flags: flagWord([[1, "GRND_NONBLOCK"], [2, "GRND_RANDOM"], [4, "GRND_INSECURE"]], "GRND_???"),
  },
  run: (task, { buf, count, flags }) => {
    if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) return EINVAL;
    if ((flags & (GRND_RANDOM | GRND_INSECURE)) === (GRND_RANDOM | GRND_INSECURE)) return EINVAL;
    const length = Math.min(count, 32 << 20);
    const bytes = new Uint8Array(Math.min(length, 65536));
    let done = 0;
    while (done < length) {
      const part = bytes.subarray(0, Math.min(bytes.length, length - done));
      task.kernel.random(part);
      if (!task.space.write(buf + done, part)) return done > 0 ? done : EFAULT;
      done += part.length;
    }
    return done;
  },
});

const reboot: Syscall = syscall({
  name: "reboot",
  doc: "Would stop the machine: EPERM, also for root, since there is none.",
  args: { magic: word, magic2: word, command: word, argument: address },
  support: "none",
  run: (task) => task.data.get(credentialsKey).capable(CAP_SYS_BOOT) ? EINVAL : EPERM,
});

const syslog: Syscall = syscall({
  name: "syslog",
  doc: "Reads the kernel's messages: there are none.",
  args: { action: int, buf: address, length: int },
  support: "partial",
  note: "no messages",
  run: (task, { action }) => {
    if (action < 0 || action > 10) return EINVAL;
    if (action !== 10 && action !== 3 && !task.data.get(credentialsKey).capable(CAP_SYS_ADMIN)) return EPERM;
    return action === 10 ? 262144 : 0;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[63, 160], uname],
  [[99, 179], sysinfo],
  [[103, 116], syslog],
  [[169, 142], reboot],
  [[170, 161], sethostname],
  [[171, 162], setdomainname],
  [[318, 278], getrandom],
];
