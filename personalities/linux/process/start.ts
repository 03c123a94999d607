/** The first program: what `kernel.spawn` asks the personality to do. Errors are texts for the person who runs it. */
import {
  type Backing,
  ENOENT,
  type Errno,
  errnoText,
  type Process,
  type SpawnRequest,
  type StartFailure,
  type Task,
} from "@guise/core";
import { bytesOfName, nameOf, nameOfBytes, walk } from "@guise/vfs/key";
import { linuxArch } from "../arch/mod.ts";
import { type Credentials, login } from "../credentials.ts";
import { callerOf, firstFiles } from "../files.ts";
import { Limits } from "../limits.ts";
import { kernelKey, LinuxKernel, threadOf } from "../state.ts";
import { createFirst } from "./create.ts";
import { enterProgram, openExecutable, planProgram } from "./image.ts";

/** Keys of {@link SpawnRequest.options} that this personality knows, beside those of files.ts. */
export interface LinuxSpawnOptions {
  /** Who the program is; default root. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups?: readonly number[] };
  /** Soft and hard values by number of the limit. */
  readonly limits?: readonly (readonly [limit: number, soft: number, hard: number])[];
}

type Failure = StartFailure;

/** The Linux part of a kernel, made when first asked for. */
export function linuxOf(process: Process): LinuxKernel {
  const { data } = process.kernel;
  let linux = data.find(kernelKey);
  if (linux === undefined) data.set(kernelKey, linux = new LinuxKernel(process.kernel));
  return linux;
}

/** See Personality.start. */
export function start(process: Process, request: SpawnRequest): Failure | undefined {
  const options = (request.options ?? {}) as LinuxSpawnOptions;
  const arch = linuxArch(process.arch.name);
  if (arch === undefined) {
    return { error: `this Linux has no system calls for ${process.arch.name}`, status: 126 };
  }
  const limits = new Limits();
  for (const [which, soft, hard] of options.limits ?? []) limits.set(which, soft, hard);
  const { uid, gid, groups } = options.user ?? { uid: 0, gid: 0 };
  const credentials: Credentials = login(uid, gid, groups ?? []);
  const thread = createFirst(linuxOf(process), process, arch, credentials, limits);
  const { task } = thread;
  const failed = firstFiles(task, request) ?? load(task, request);
  if (failed === undefined) return undefined;
  undo(task);
  return failed;
}

/** Takes a process that never ran out of the tables again. */
function undo(task: Task): void {
  const { process } = threadOf(task);
  process.state = "dead";
  process.linux.processes.delete(process.pid);
  process.linux.tasks.delete(process.pid);
}

function load(task: Task, request: SpawnRequest): Failure | undefined {
  const encode = (text: string) => new TextEncoder().encode(text);
  const { program } = request;
  let file: Backing, exe: string, path: Uint8Array;
  if (typeof program === "string") {
    const name = nameOf(program);
    const location = walk(callerOf(task), undefined, name);
    if (typeof location === "number") return refusal(program, location);
    const opened = openExecutable(task, location);
    if (typeof opened === "number") return refusal(program, opened);
    file = opened.backing;
    exe = opened.path;
    path = bytesOfName(name);
  } else {
    file = bytesBacking(program);
    exe = "/program";
    path = encode(request.args[0] ?? "program");
  }
  const args = request.args.map(encode);
  const plan = planProgram(task, file, path, args);
  if (plan.kind === "refused") {
    const missing = plan.errno === ENOENT && plan.file === undefined;
    const status = missing ? 127 : 126;
    return { error: `${nameText(path)}: ${plan.reason}`, status, machine: plan.machine };
  }
  const env = Object.entries(request.env).map(([name, value]) => encode(`${name}=${value}`));
  if (typeof program === "string" && plan.program.file.identity !== file.identity) {
    exe = nameOfBytes(plan.program.path);
  }
  const failed = enterProgram(task, { plan, env, execfn: path, exe, secure: false });
  if (failed !== undefined) return { error: `${nameText(path)}: ${failed}`, status: 126 };
  const slash = path.lastIndexOf(0x2f);
  const thread = threadOf(task);
  thread.name = nameOfBytes(path.subarray(slash + 1, slash + 16));
  thread.process.execed = true;
  return undefined;
}

function nameText(path: Uint8Array): string {
  return new TextDecoder().decode(path);
}

function refusal(program: string, errno: Errno): Failure {
  const text = errnoText(errno);
  return {
    error: `${program}: ${text.charAt(0).toLowerCase()}${text.slice(1)}`,
    status: errno === ENOENT ? 127 : 126,
  };
}

/** A program that is only bytes. */
function bytesBacking(bytes: Uint8Array): Backing {
  return {
    size: bytes.length,
    identity: bytes,
    name: "/program",
    fill(offset, into) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      into.fill(0, part.length);
      return part.length;
    },
  };
}
