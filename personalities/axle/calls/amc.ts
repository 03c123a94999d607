/** amc: messages between named services (W4-W7). */
import {
  type ArgType,
  argType,
  int,
  type Outcome,
  READ,
  type Syscall,
  syscall,
  type Task,
  uint,
  wait,
  WRITE,
} from "@guise/core";
import { Bad, body, name, out, readText } from "../args.ts";
import { commandOf } from "../core_service.ts";
import { halt, pageFault, taskAssert } from "../death.ts";
import { POOL_BYTES, poolOf } from "../places.ts";
import { bytesOf, callerOf, CORE, type Message, MESSAGE_LIMIT, NAME_BYTES, Service } from "../state.ts";

/** Bytes before a message's body (W4). */
const HEADER = 132;
/** Names that one call may wait for; ours, since axle has no limit and the host must not hang. */
const MOST_NAMES = 4096;

const badName = (task: Task, bad: Bad): Outcome => pageFault(task, bad.address, bad.access);
const NOT_A_SERVICE = "Current task is not a registered amc service";

const registerService: Syscall = syscall({
  name: "amc_register_service",
  doc: "Makes the process a service of that name and maps its delivery pool.",
  args: { name },
  run(task, { name }): Outcome {
    if (name instanceof Bad) return badName(task, name);
    if (name === undefined) return pageFault(task, 0, READ);
    const it = callerOf(task), { axle } = it;
    if (name.length >= NAME_BYTES) return halt(task, "AMC service name exceeded max size!");
    if (it.service !== undefined) return halt(task, "A process can expose only one service name");
    if (axle.services.has(name)) {
      // axle names the loser so, and its crash report comes from that name (W5).
      const other = `com.axle.invalid_service_name_${name}_time_${axle.now}`.slice(0, NAME_BYTES - 1);
      become(task, other);
      return taskAssert(task, "AMC service name already registered");
    }
    if (!become(task, name)) return halt(task, "no room for the delivery pool");
    return 0;
  },
});

function become(task: Task, name: string): boolean {
  const it = callerOf(task);
  it.pool = poolOf(it);
  if (it.pool === 0) return false;
  it.name = name;
  it.service = new Service(name, it);
  it.axle.add(it.service);
  return true;
}

const messageSend: Syscall = syscall({
  name: "amc_message_send",
  doc: "Queues a copy of a message, or stores it for a service that does not exist yet (0).",
  args: { dest: name, body },
  run(task, { dest, body }): Outcome {
    const it = callerOf(task), { service } = it;
    if (service === undefined) return halt(task, NOT_A_SERVICE);
    if (body.length >= MESSAGE_LIMIT) return halt(task, "Message exceeded max size");
    if (dest === undefined) return halt(task, "NULL destination service provided");
    if (dest instanceof Bad) return badName(task, dest);
    const bytes = task.space.read(body.address, body.length);
    if (bytes === undefined) return pageFault(task, firstBad(task, body.address, body.length), READ);
    if (dest === CORE) return commandOf(task, it, service, bytes);
    switch (it.axle.send(service.name, dest, bytes)) {
      case "queued":
        return 1;
      case "stored":
        return 0;
      case "full":
        return halt(task, "array is full: messages to unknown services");
      case "crowded":
        return halt(task, "would exceed");
      case "memory":
        return halt(task, "no memory for more messages");
    }
  },
});

/** Where a range stops being readable. */
function firstBad(task: Task, address: number, length: number): number {
  for (let at = address; at < address + length; at = Math.floor(at / 4096) * 4096 + 4096) {
    if (!task.space.check(at, 1, READ)) return at;
  }
  return address;
}

/** The first queued message that matches, taken from the queue and copied to the pool; else waits for any (W7). */
function receive(
  task: Task,
  out: number | Bad,
  sources: ReadonlySet<string> | undefined,
  event?: number,
): Outcome {
  const it = callerOf(task), { service } = it;
  if (service === undefined) return halt(task, NOT_A_SERVICE);
  if (out instanceof Bad) return badName(task, out);
  const index = service.queue.findIndex((message) => matches(message, sources, event));
  if (index < 0) return wait([service.arrived]);
  const message = it.axle.take(service, index);
  const bytes = new Uint8Array(HEADER + message.body.length);
  bytes.set(bytesOf(message.source).subarray(0, NAME_BYTES - 1), 0);
  bytes.set(bytesOf(message.dest).subarray(0, NAME_BYTES - 1), NAME_BYTES);
  new DataView(bytes.buffer).setUint32(2 * NAME_BYTES, message.body.length, true);
  bytes.set(message.body, HEADER);
  if (bytes.length > POOL_BYTES || !task.space.write(it.pool, bytes)) {
    return halt(task, "no memory for the delivery pool");
  }
  if (!task.space.setNum64(out, it.pool)) return pageFault(task, out, WRITE);
  return 0;
}

function matches(message: Message, sources: ReadonlySet<string> | undefined, event?: number): boolean {
  if (sources !== undefined && !sources.has(message.source)) return false;
  if (event === undefined) return true;
  const { body } = message;
  return body.length >= 4 && (body[0] | body[1] << 8 | body[2] << 16 | body[3] << 24) >>> 0 === event;
}

const messageAwait: Syscall = syscall({
  name: "amc_message_await",
  doc: "The next message from a service, in the delivery pool; waits for it.",
  args: { source: name, msg: out },
  run(task, { source, msg }): Outcome {
    if (source instanceof Bad) return badName(task, source);
    if (source === undefined) return pageFault(task, 0, READ);
    return receive(task, msg, new Set([source]));
  },
});

const messageAwaitEvent: Syscall = syscall({
  name: "amc_message_await__u32_event",
  doc: "The next message from a service whose first u32 is `event`.",
  args: { source: name, event: uint, msg: out },
  run(task, { source, event, msg }): Outcome {
    if (source instanceof Bad) return badName(task, source);
    if (source === undefined) return pageFault(task, 0, READ);
    return receive(task, msg, new Set([source]), event);
  },
});

/** A list of names: its address; it is read with the count. */
const names: ArgType<number> = argType({
  label: "const char **",
  decode: (raw) => raw,
  text: (raw) => raw === 0 ? "NULL" : `0x${raw.toString(16)}`,
});

const messageAwaitFrom: Syscall = syscall({
  name: "amc_message_await_from_services",
  doc: "The next message from one of several services; from any when there are none.",
  args: { n: int, names, msg: out },
  run(task, { n, names, msg }): Outcome {
    if (n <= 0 || names === 0) return receive(task, msg, undefined);
    if (n > MOST_NAMES) return halt(task, `${n} names of services to wait for`);
    const sources = new Set<string>();
    for (let i = 0; i < n; i++) {
      const at = task.space.getNum64(names + 8 * i);
      if (at === undefined) return pageFault(task, names + 8 * i, READ);
      const source = readText(task, at, NAME_BYTES);
      if (source instanceof Bad) return badName(task, source);
      sources.add(source);
    }
    return receive(task, msg, sources);
  },
});

const messageAwaitAny: Syscall = syscall({
  name: "amc_message_await_any",
  doc: "The next message.",
  args: { msg: out },
  run: (task, { msg }) => receive(task, msg, undefined),
});

const hasMessageFrom: Syscall = syscall({
  name: "amc_has_message_from",
  doc: "Whether a message from a service is queued.",
  args: { source: name },
  run(task, { source }): Outcome {
    if (source instanceof Bad) return badName(task, source);
    if (source === undefined) return pageFault(task, 0, READ);
    const { service } = callerOf(task);
    if (service === undefined) return halt(task, NOT_A_SERVICE);
    return service.queue.some((message) => message.source === source) ? 1 : 0;
  },
});

const hasMessage: Syscall = syscall({
  name: "amc_has_message",
  doc: "Whether a message is queued.",
  args: {},
  run(task): Outcome {
    const { service } = callerOf(task);
    if (service === undefined) return halt(task, NOT_A_SERVICE);
    return service.queue.length > 0 ? 1 : 0;
  },
});

/** By number (W3). */
export const amc: readonly (readonly [number, Syscall])[] = [
  [0, registerService],
  [1, messageSend],
  [2, messageAwait],
  [3, messageAwaitEvent],
  [4, messageAwaitFrom],
  [5, messageAwaitAny],
  [6, hasMessageFrom],
  [7, hasMessage],
];
