/** Starting a process of axle: from `kernel.spawn`, and by another service (EXEC_BUFFER). */
import { errnoText, type Process, READ, type SpawnRequest, WRITE } from "@guise/core";
import { credentialsOf, nameOf, type OpenFile, vfsKey, walk } from "@guise/vfs/key";
import { inform } from "./death.ts";
import { load } from "./load.ts";
import { baseAbove, STACK_BYTES } from "./places.ts";
import { axleKey, AxleProcess, processKey } from "./state.ts";

/** What a start answers when it cannot. */
export type Failure = { readonly error: string; readonly status: number };

/** Keys of SpawnRequest.options that this personality knows. */
export interface AxleSpawnOptions {
  /** The one at index 1 gets the log lines of the process. */
  readonly files?: readonly (OpenFile | undefined)[];
  /** The service that is told what the process does. */
  readonly supervisor?: string;
}

/** The bytes of a program in the guest's files. */
function programOf(process: Process, path: string): Uint8Array | Failure {
  const vfs = process.kernel.data.find(vfsKey);
  if (vfs === undefined) return { error: `${path}: this kernel has no file system`, status: 127 };
  const fs = vfs.createContext();
  try {
    const at = walk({ fs, cred: credentialsOf(0, 0) }, undefined, nameOf(path));
    if (typeof at === "number") return { error: `${path}: ${errnoText(at)}`, status: 127 };
    const backing = at.inode.backing(path);
    if (typeof backing === "number") return { error: `${path}: ${errnoText(backing)}`, status: 126 };
    const bytes = new Uint8Array(backing.size);
    return bytes.subarray(0, backing.fill(0, bytes));
  } finally {
    fs.drop();
  }
}

/** See Personality.start. */
export function start(process: Process, request: SpawnRequest): Failure | undefined {
  const { program } = request, { space } = process, { arch } = process.cpu;
  const called = request.args[0] ?? (typeof program === "string" ? program : "program");
  const { tables } = process.personality;
  if (!tables.some((table) => table.arch === arch.name)) {
    const known = tables.map((table) => table.arch).join(", ");
    return { error: `${called}: axle runs on ${known} only, not on ${arch.name}`, status: 126 };
  }
  const bytes = typeof program === "string" ? programOf(process, program) : program;
  if ("error" in bytes) return bytes;
  const loaded = load(space, bytes, arch.elfMachine);
  if (typeof loaded === "string") return { error: `${called}: ${loaded}`, status: 126 };
  const base = space.mapBase = baseAbove(loaded.end);
  const stack = space.map({
    address: base - STACK_BYTES,
    length: STACK_BYTES,
    prot: READ | WRITE,
    fixed: "exclusive",
    name: "[stack]",
  });
  if (stack < 0) return { error: `${called}: no room for the stack`, status: 126 };

  const task = process.addTask();
  const it = new AxleProcess(process.kernel.data.get(axleKey), process, task, called);
  process.data.set(processKey, it);
  it.brk = loaded.brk;
  it.heapEnd = loaded.end;
  it.heapLimit = stack;
  const { files, supervisor } = (request.options ?? {}) as AxleSpawnOptions;
  it.output = files?.[1];
  it.supervisor = supervisor;
  // Nine words above the stack pointer, and what crt0 takes for argc and argv (W11).
  const sp = base - 9 * 8;
  task.frame.setNum(arch.sp, sp);
  task.frame.setNum(arch.pc, loaded.entry);
  task.frame.setNum(arch.register("rdi"), sp);
  task.frame.setNum(arch.register("rsi"), loaded.entry);
  inform(it, 0, 0);
  inform(it, 1, loaded.entry);
  return undefined;
}
