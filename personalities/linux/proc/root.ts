/** The root of /proc: processes by number, self, and the files of the whole machine. */
import { EINVAL, ENOENT, EPERM } from "@guise/core";
import {
  type Caller,
  type GeneratedDirectory,
  generatedDirectory,
  type GeneratedFile,
  type GeneratedNode,
  nameOfBytes,
  textOf,
} from "@guise/vfs/key";
import { type LinuxKernel, type LinuxTask, taskKey } from "../state.ts";
import { RELEASE, SYSNAME, VERSION } from "../uts.ts";
import { processDirectory } from "./process.ts";
import {
  cpuInfoText,
  DEVICES,
  FILE_SYSTEMS,
  loadText,
  memInfoText,
  systemStatText,
  uptimeText,
  versionText,
  vmStatText,
} from "./system.ts";

/** A file of that text. */
function file(read: (caller: Caller) => string | Uint8Array): GeneratedFile {
  return { kind: "file", read };
}

/** A file of a text that never changes. */
function fixed(text: string | number): GeneratedFile {
  return file(() => `${text}\n`);
}

/** The task that asks. */
function asking(caller: Caller): LinuxTask | undefined {
  return caller.task?.data.find(taskKey);
}

function uuid(linux: LinuxKernel): string {
  const bytes = new Uint8Array(16);
  linux.kernel.random(bytes);
  bytes[6] = bytes[6] & 0xf | 0x40;
  bytes[8] = bytes[8] & 0x3f | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A name that root may change. */
function hostText(read: () => string, set: (text: string) => void): GeneratedFile {
  return {
    kind: "file",
    mode: 0o644,
    read: () => read() + "\n",
    write: (bytes, caller) => {
      if (caller.cred.euid !== 0) return EPERM;
      const text = textOf(nameOfBytes(bytes)).replace(/\n[^]*$/, "");
      if (text.length > 64) return EINVAL;
      set(text);
      return bytes.length;
    },
  };
}

/** /proc/sys. */
function sysctl(linux: LinuxKernel): GeneratedDirectory {
  const boot = uuid(linux);
  const directory = generatedDirectory;
  return directory({
    fs: directory({
      "file-max": fixed(1048576),
      "file-nr": fixed("64\t0\t1048576"),
      "nr_open": fixed(1048576),
      "overflowgid": fixed(65534),
      "overflowuid": fixed(65534),
      "pipe-max-size": fixed(1048576),
      "protected_fifos": fixed(0),
      "protected_hardlinks": fixed(1),
      "protected_regular": fixed(0),
      "protected_symlinks": fixed(0),
      inotify: directory({ max_user_watches: fixed(8192), max_user_instances: fixed(128) }),
    }),
    kernel: directory({
      cap_last_cap: fixed(40),
      core_pattern: fixed("core"),
      domainname: hostText(() => linux.domainName, (text) => linux.domainName = text),
      hostname: hostText(() => linux.hostName, (text) => linux.hostName = text),
      msgmax: fixed(8192),
      ngroups_max: fixed(65536),
      osrelease: fixed(RELEASE),
      ostype: fixed(SYSNAME),
      overflowgid: fixed(65534),
      overflowuid: fixed(65534),
      perf_event_paranoid: fixed(4),
      pid_max: fixed(4194304),
      random: directory({
        boot_id: fixed(boot),
        entropy_avail: fixed(256),
        poolsize: fixed(256),
        uuid: file(() => uuid(linux) + "\n"),
      }),
      randomize_va_space: fixed(0),
      sem: fixed("32000\t1024000000\t500\t32000"),
      shmall: fixed("18446744073692774399"),
      shmmax: fixed("18446744073692774399"),
      tainted: fixed(0),
      "threads-max": fixed(32768),
      version: fixed(VERSION),
    }),
    net: directory({
      core: directory({ somaxconn: fixed(4096) }),
      ipv4: directory({ ip_local_port_range: fixed("32768\t60999") }),
    }),
    vm: directory({
      max_map_count: fixed(65530),
      mmap_min_addr: fixed(131072),
      overcommit_memory: fixed(0),
      overcommit_ratio: fixed(50),
      swappiness: fixed(60),
    }),
  });
}

/** The whole of /proc. */
export function procRoot(linux: LinuxKernel): GeneratedDirectory {
  const entries: Record<string, GeneratedNode> = {
    cmdline: fixed("guise"),
    cpuinfo: file(cpuInfoText),
    devices: file(() => DEVICES),
    filesystems: file(() => FILE_SYSTEMS),
    loadavg: file(() => loadText(linux)),
    meminfo: file(() => memInfoText(linux)),
    mounts: { kind: "link", target: () => "self/mounts" },
    net: { kind: "link", target: () => "self/net" },
    partitions: file(() => "major minor  #blocks  name\n\n"),
    self: {
      kind: "link",
      target: (caller) => {
        const pid = asking(caller)?.process.pid;
        return pid === undefined ? ENOENT : String(pid);
      },
    },
    stat: file(() => systemStatText(linux)),
    swaps: file(() => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
    sys: sysctl(linux),
    "thread-self": {
      kind: "link",
      target: (caller) => {
        const thread = asking(caller);
        return thread === undefined ? ENOENT : `${thread.process.pid}/task/${thread.tid}`;
      },
    },
    uptime: file(() => uptimeText(linux)),
    version: file(() => versionText()),
    vmstat: file(() => vmStatText(linux)),
  };
  const fixedNodes = new Map(Object.entries(entries));
  return {
    kind: "directory",
    lookup: (name) => {
      const entry = fixedNodes.get(name);
      if (entry !== undefined || !/^[1-9][0-9]*$/.test(name)) return entry;
      const process = linux.processes.get(Number(name)) ?? linux.tasks.get(Number(name))?.process;
      return process === undefined || process.state === "dead" ? undefined : processDirectory(process);
    },
    names: () => {
      const pids = [...linux.processes.values()].filter((p) => p.state !== "dead").map((p) => p.pid);
      return [...fixedNodes.keys(), ...pids.sort((a, b) => a - b).map(String)];
    },
  };
}
