/** /proc/PID and /proc/PID/task/TID: directories of one process and of one thread, made once for each. */
import { EFAULT, EINVAL, EIO, ELOOP, ENOENT, type Errno, ESRCH } from "@guise/core";
import {
  bytesOfName,
  type Caller,
  contextKey,
  filesKey,
  type FileTable,
  type GeneratedDirectory,
  generatedDirectory,
  type GeneratedFile,
  type GeneratedLink,
  type GeneratedNode,
  type Location,
  locationText,
  majorOf,
  minorOf,
  type Name,
  nameOfBytes,
  type OpenFile,
  pathText,
  ROOT,
  walk,
} from "@guise/vfs/key";
import { credentialsKey } from "../credentials.ts";
import type { LinuxProcess, LinuxTask } from "../state.ts";
import { mapsText, smapsText } from "./maps.ts";
import { netDirectory } from "./net.ts";
import { limitsText, statmText, statText, statusText } from "./status.ts";

/** Makes a file whose text is `read`, while the process lives. */
function text(
  process: LinuxProcess,
  read: (caller: Caller) => string | Uint8Array | Errno,
  mode = 0o444,
): GeneratedFile {
  return { kind: "file", mode, read: (caller) => process.state === "dead" ? ESRCH : read(caller) };
}

/** Who owns a process's directory: its effective ids. */
function ownerOf(process: LinuxProcess): () => { uid: number; gid: number } {
  let last = { uid: 0, gid: 0 };
  return () => {
    const cred = process.leader?.task.data.find(credentialsKey);
    if (cred !== undefined) last = { uid: cred.euid, gid: cred.egid };
    return last;
  };
}

/** Bytes of a process's own memory; empty when it has none left. */
function memory(process: LinuxProcess, start: number, end: number): Uint8Array {
  if (process.state !== "alive" || end <= start) return new Uint8Array(0);
  return process.process.space.read(start, end - start) ?? new Uint8Array(0);
}

function tableOf(thread: LinuxTask | undefined): FileTable | undefined {
  return thread === undefined || thread.ended ? undefined : thread.task.data.find(filesKey);
}

/** A link per descriptor, or a file per descriptor: `make` builds the node of an open one. */
function descriptors(
  id: string,
  thread: () => LinuxTask | undefined,
  mode: number,
  make: (fd: number, file: OpenFile, id: string) => GeneratedNode,
): GeneratedDirectory {
  const nodes = new Map<number, { readonly file: OpenFile; readonly node: GeneratedNode }>();
  return {
    kind: "directory",
    mode,
    id,
    lookup(name) {
      if (!/^(0|[1-9][0-9]*)$/.test(name)) return undefined;
      const fd = Number(name);
      const file = tableOf(thread())?.get(fd);
      if (file === undefined) {
        nodes.delete(fd);
        return undefined;
      }
      let known = nodes.get(fd);
      if (known?.file !== file) nodes.set(fd, known = { file, node: make(fd, file, `${id}/${fd}`) });
      return known.node;
    },
    names() {
      return [...tableOf(thread())?.fds() ?? []].map(String);
    },
  };
}

function descriptorLink(
  thread: () => LinuxTask | undefined,
  fd: number,
  file: OpenFile,
  id: string,
): GeneratedLink {
  const now = (): OpenFile | undefined => tableOf(thread())?.get(fd);
  return {
    kind: "link",
    id,
    size: 64,
    mode: (file.readable ? 0o500 : 0) | (file.writable ? 0o300 : 0),
    target: (caller) => {
      const open = now();
      return open === undefined ? ENOENT : pathText(caller, open);
    },
    follow: (caller) => {
      const open = now();
      return open === undefined ? ENOENT : caller.fs.vfs.placeOf(open);
    },
  };
}

function descriptorInfo(thread: () => LinuxTask | undefined, fd: number, id: string): GeneratedFile {
  return {
    kind: "file",
    id,
    read: () => {
      const table = tableOf(thread());
      const file = table?.get(fd);
      if (table === undefined || file === undefined) return ENOENT;
      const flags = file.flags | (table.cloexec(fd) === true ? 0o2000000 : 0);
      const mount = file.location?.mount.id ?? 15;
      return `pos:\t${file.position}\nflags:\t0${
        flags.toString(8)
      }\nmnt_id:\t${mount}\nino:\t${file.inode.ino}\n`;
    },
  };
}

/** cwd and root: links to a place. */
function placeLink(thread: () => LinuxTask | undefined, which: "cwd" | "root"): GeneratedLink {
  const place = (): Location | undefined => thread()?.task.data.find(contextKey)?.[which];
  return {
    kind: "link",
    target: (caller) => {
      const at = place();
      return at === undefined ? ENOENT : locationText(caller, at);
    },
    follow: () => place() ?? ENOENT,
  };
}

function exeLink(process: LinuxProcess): GeneratedLink {
  const gone = (): boolean => process.state !== "alive" || process.exe === "";
  let walking = false;
  return {
    kind: "link",
    target: () => gone() ? ENOENT : process.exe,
    follow: (caller) => {
      if (gone()) return ENOENT;
      // The name may now belong to a link that leads here again.
      if (walking) return ELOOP;
      walking = true;
      const at = walk({ fs: caller.fs, cred: ROOT, task: caller.task }, undefined, process.exe);
      walking = false;
      return at;
    },
  };
}

function octalEscape(path: Name): string {
  return path.replace(/[\t\n \\]/g, (c) => "\\" + c.charCodeAt(0).toString(8).padStart(3, "0"));
}

/** /proc/PID/mounts. */
export function mountsText(caller: Caller): Uint8Array {
  const lines = caller.fs.vfs.mountLines(caller.fs.root);
  return bytesOfName(
    lines.map((l) => `${octalEscape(l.source)} ${octalEscape(l.path)} ${l.type} ${l.options} 0 0\n`).join(""),
  );
}

function mountInfoText(caller: Caller): Uint8Array {
  const lines = caller.fs.vfs.mountLines(caller.fs.root);
  return bytesOfName(
    lines.map(({ mount, path, type, source, options }) => {
      const device = `${majorOf(mount.fs.dev)}:${minorOf(mount.fs.dev)}`;
      const parent = mount.point?.mount.id ?? 1;
      const state = mount.fs.readonly ? "ro" : "rw";
      return `${mount.id} ${parent} ${device} / ${octalEscape(path)} ${options} - ${type} ${
        octalEscape(source)
      } ${state}\n`;
    }).join(""),
  );
}

const oomScores = new WeakMap<LinuxProcess, number>();

/** oom_score_adj: kept, without effect. */
function oomScore(process: LinuxProcess): GeneratedFile {
  return {
    kind: "file",
    mode: 0o644,
    read: () => `${oomScores.get(process) ?? 0}\n`,
    write: (bytes) => {
      const value = Number(nameOfBytes(bytes).trim() || NaN);
      if (!Number.isInteger(value) || value < -1000 || value > 1000) return EINVAL;
      oomScores.set(process, value);
      return bytes.length;
    },
  };
}

function comm(process: LinuxProcess, thread: () => LinuxTask | undefined): GeneratedFile {
  return {
    kind: "file",
    mode: 0o644,
    read: () => {
      const t = thread();
      return t === undefined ? ESRCH : bytesOfName(t.name + "\n");
    },
    write: (bytes, caller) => {
      const t = thread();
      if (t === undefined) return ESRCH;
      if (caller.task === undefined || caller.task.process !== process.process) return EINVAL;
      t.name = nameOfBytes(bytes).replace(/\0[^]*$/, "").slice(0, 15);
      return bytes.length;
    },
  };
}

/** /proc/PID/mem: the process's memory at its own addresses. */
function memoryFile(process: LinuxProcess): GeneratedFile {
  return {
    kind: "file",
    mode: 0o600,
    readAt: (into, offset) => {
      if (process.state !== "alive") return 0;
      const { space } = process.process;
      let done = 0;
      while (done < into.length) {
        const step = Math.min(4096 - (offset + done) % 4096, into.length - done);
        const bytes = space.read(offset + done, step);
        if (bytes === undefined) break;
        into.set(bytes, done);
        done += step;
      }
      return done > 0 || into.length === 0 ? done : EIO;
    },
    writeAt: (from, offset) => {
      if (process.state !== "alive") return 0;
      return process.process.space.write(offset, from) ? from.length : EFAULT;
    },
  };
}

/** What a process's and a thread's directory have in common. `whole`: of the group. */
function common(
  process: LinuxProcess,
  thread: () => LinuxTask | undefined,
  whole: boolean,
): Record<string, GeneratedNode> {
  const id = whole ? `pid:${process.pid}` : `tid:${thread()?.tid}`;
  const live = (read: (t: LinuxTask) => string | Uint8Array): GeneratedFile =>
    text(process, () => {
      const t = thread();
      return t === undefined ? ESRCH : read(t);
    });
  return {
    auxv: text(process, () => process.state === "alive" ? process.mm.auxv : new Uint8Array(0), 0o400),
    cgroup: text(process, () => "0::/\n"),
    cmdline: text(process, () => memory(process, process.mm.argStart, process.mm.argEnd)),
    comm: comm(process, thread),
    cwd: placeLink(thread, "cwd"),
    environ: text(process, () => memory(process, process.mm.envStart, process.mm.envEnd), 0o400),
    exe: exeLink(process),
    fd: descriptors(id + "/fd", thread, 0o500, (fd, file, name) => descriptorLink(thread, fd, file, name)),
    fdinfo: descriptors(id + "/fdinfo", thread, 0o555, (fd, _file, name) => descriptorInfo(thread, fd, name)),
    io: text(
      process,
      () =>
        "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n",
      0o400,
    ),
    limits: text(process, () => limitsText(process)),
    loginuid: text(process, () => "4294967295", 0o644),
    maps: text(process, () => process.state === "alive" ? mapsText(process) : ""),
    mem: memoryFile(process),
    mountinfo: text(process, mountInfoText),
    mounts: text(process, mountsText),
    net: netDirectory,
    oom_score: text(process, () => "0\n"),
    oom_score_adj: oomScore(process),
    personality: text(process, () => "00000000\n", 0o400),
    root: placeLink(thread, "root"),
    smaps: text(process, () => process.state === "alive" ? smapsText(process) : ""),
    stat: live((t) => statText(t, whole)),
    statm: text(process, () => statmText(process)),
    status: live(statusText),
    wchan: text(process, () => "0"),
  };
}

const threads = new WeakMap<LinuxTask, GeneratedDirectory>();

function threadDirectory(thread: LinuxTask): GeneratedDirectory {
  let made = threads.get(thread);
  if (made === undefined) {
    const { process } = thread;
    const entries = common(
      process,
      () => thread.ended && thread !== process.leader ? undefined : thread,
      false,
    );
    const children = text(process, () => [...process.children].map((child) => child.pid + " ").join(""));
    made = generatedDirectory({ ...entries, children }, {
      owner: ownerOf(process),
      id: `task:${thread.tid}`,
    });
    threads.set(thread, made);
  }
  return made;
}

function taskDirectory(process: LinuxProcess): GeneratedDirectory {
  return {
    kind: "directory",
    id: `tasks:${process.pid}`,
    lookup: (name) => {
      const thread = process.tasks.find((t) => String(t.tid) === name);
      return thread === undefined ? undefined : threadDirectory(thread);
    },
    names: () => process.tasks.map((t) => String(t.tid)),
  };
}

const directories = new WeakMap<LinuxProcess, GeneratedDirectory>();

/** The directory of a process. */
export function processDirectory(process: LinuxProcess): GeneratedDirectory {
  let made = directories.get(process);
  if (made === undefined) {
    let last = process.leader as LinuxTask | undefined;
    const leader = (): LinuxTask | undefined => last = process.leader ?? last;
    const entries = { ...common(process, leader, true), task: taskDirectory(process) };
    made = generatedDirectory(entries, {
      owner: ownerOf(process),
      id: `pid:${process.pid}`,
      immutable: true,
    });
    directories.set(process, made);
  }
  return made;
}
