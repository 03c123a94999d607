/**
 * `com.axle.core`: the kernel as a service (spec 4.3). A message to it is a command, done inside the send; an answer
 * comes as a message from that name with the same number. Commands for hardware that is not here (framebuffer, initial
 * RAM disk, physical memory) end the guest as a failed assertion does.
 */
import { type Outcome, READ, type Task, wait, WRITE } from "@guise/core";
import { Bad, readText } from "./args.ts";
import { halt, pageFault } from "./death.ts";
import { start } from "./start.ts";
import { type AxleProcess, CORE, NAME_BYTES, type Service, textOf } from "./state.ts";

const COPY_SERVICES = 200, MAP_FRAMEBUFFER = 201, SLEEP = 202, MAP_INITRD = 203, EXEC_BUFFER = 204;
const SHMEM_DESTROY = 205, PROFILE = 206, SLEEP_OR_MESSAGE = 207, NOTIFY_DEATH = 208, FLUSH = 209;
const SHMEM_CREATE = 210, QUERY = 211, MAP_PHYSICAL = 212, ALLOC_PHYSICAL = 213, FREE_PHYSICAL = 214;
const DEBUG = 666, DEBUG_MORE = 777;
/** Who may start programs. */
const MAY_EXEC: readonly string[] = ["com.axle.file_server", "com.axle.linker", "com.axle.ide"];
/** Bytes of shared memory that one command may ask for. */
const MOST_SHARED = 1 << 30;

/** Does a command; fields that a short message lacks are zero. */
export function commandOf(task: Task, it: AxleProcess, service: Service, message: Uint8Array): Outcome {
  const body = new Uint8Array(Math.max(message.length, 256));
  body.set(message);
  const view = new DataView(body.buffer);
  const event = view.getUint32(0, true);
  const name = (at: number): string => textOf(body.subarray(at, at + NAME_BYTES));
  switch (event) {
    case SLEEP:
      return sleep(it, view.getUint32(4, true));
    case SLEEP_OR_MESSAGE:
      return sleep(it, view.getUint32(4, true), service);
    case EXEC_BUFFER:
      return exec(task, it, service, view);
    case NOTIFY_DEATH:
      it.axle.services.get(name(4))?.mourners.push(service.name);
      return 1;
    case FLUSH:
      return flush(task, it, service, name(4));
    case SHMEM_CREATE:
      return share(task, it, service, name(4), view.getUint32(68, true));
    case QUERY:
      body.fill(0, 4 + NAME_BYTES, 72);
      body[68] = it.axle.services.has(name(4)) ? 1 : 0;
      return reply(task, it, service, body.slice(0, 72));
    case DEBUG:
    case DEBUG_MORE:
      return 1;
    case SHMEM_DESTROY:
      return halt(task, "Deprecated");
    case COPY_SERVICES:
    case PROFILE:
      return halt(task, "NotImplemented");
    case MAP_FRAMEBUFFER:
      if (service.name !== "com.axle.awm") return halt(task, "Only AWM may use this syscall");
      return missing(task, event);
    case MAP_INITRD:
      if (service.name !== MAY_EXEC[0]) return halt(task, "Only File Server may use this syscall");
      return missing(task, event);
    case MAP_PHYSICAL:
    case ALLOC_PHYSICAL:
    case FREE_PHYSICAL:
      return missing(task, event);
    default:
      it.axle.log(`Unknown message: ${event | 0}`, it);
      return halt(task, "Unknown message to core");
  }
}

function missing(task: Task, event: number): Outcome {
  return halt(task, `command ${event} to ${CORE} needs hardware that is not here`);
}

/** The send itself takes that long; with a service it ends with the next message, too (not with one that is there). */
function sleep(it: AxleProcess, ms: number, service?: Service): Outcome {
  const deadline = it.process.kernel.clock.monotonic() + ms * 1e6;
  return wait(service === undefined ? [] : [service.arrived], deadline, () => 1);
}

function reply(task: Task, it: AxleProcess, service: Service, body: Uint8Array): Outcome {
  if (it.axle.deliver(service, { source: CORE, dest: service.name, body })) return 1;
  return halt(task, "would exceed");
}

/** Takes back what the caller sent to a service that does not exist. */
function flush(task: Task, it: AxleProcess, service: Service, dest: string): Outcome {
  if (it.axle.services.has(dest)) return halt(task, "NotImplemented");
  it.axle.unstore((message) => message.dest === dest && message.source === service.name);
  return 1;
}

/** Memory of both services; the other one is not told, and there is no answer when it does not exist. */
function share(task: Task, it: AxleProcess, service: Service, name: string, size: number): Outcome {
  const other = it.axle.services.get(name)?.process;
  if (other === undefined) return 1;
  const length = Math.ceil(size / 4096) * 4096;
  if (length === 0 || length > MOST_SHARED) return halt(task, `shared memory of ${size} bytes`);
  const backing = { size: length, identity: {}, name: "[shared]", fill: zero };
  const request = { address: 0, length, prot: READ | WRITE, shared: true, backing };
  const local = it.process.space.map(request);
  const remote = local < 0 ? local : other.process.space.map(request);
  if (local < 0 || remote < 0) return halt(task, `no room for shared memory of ${size} bytes`);
  const body = new Uint8Array(24), view = new DataView(body.buffer);
  view.setUint32(0, SHMEM_CREATE, true);
  view.setUint32(8, local, true);
  view.setUint32(16, remote, true);
  return reply(task, it, service, body);
}

function zero(_offset: number, into: Uint8Array): number {
  into.fill(0);
  return into.length;
}

/** A new process from an ELF file in the caller's memory: {204, name* @8, bool supervisor @16, buf* @24, u32 size @32}. */
function exec(task: Task, it: AxleProcess, service: Service, view: DataView): Outcome {
  if (!MAY_EXEC.includes(service.name)) return halt(task, "Only certain services may use this syscall");
  const pointer = (at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  const called = readText(task, pointer(8), 256);
  if (called instanceof Bad) return pageFault(task, called.address, READ);
  const program = task.space.read(pointer(24), view.getUint32(32, true));
  if (program === undefined) return pageFault(task, pointer(24), READ);
  const { kernel, personality, cpu } = it.process;
  const space = kernel.createSpace();
  if (space === undefined) return halt(task, "no memory for another process");
  const process = kernel.createProcess(personality, cpu.arch.name, space);
  const options = {
    ...(it.output === undefined ? {} : { files: [undefined, it.output] }),
    ...(view.getUint8(16) === 0 ? {} : { supervisor: service.name }),
  };
  const request = { program, args: [called], env: {}, options };
  const failed = start(process, request);
  if (failed === undefined) kernel.emit({ kind: "spawn", process, parent: it.process, request });
  else {
    it.axle.log(failed.error, it);
    kernel.ended(process, { code: failed.status, message: failed.error });
  }
  return 1;
}
