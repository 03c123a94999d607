/**
 * What axle's kernel knows: services by name with their queues, messages for services that do not exist yet, drivers by
 * interrupt line. Names are byte strings of at most 63 bytes.
 */
import { type Kernel, Key, type Process, type Task, WaitQueue } from "@guise/core";

/** Bytes of a service's name in a message, with its NUL. */
export const NAME_BYTES = 64;
/** The kernel's own service (W6). */
export const CORE = "com.axle.core";
/** Messages of this size and above are refused (W6). */
export const MESSAGE_LIMIT = 0x1000000;
/** Messages that wait for services that do not exist (W6). */
export const STORED_LIMIT = 512;
/** Messages in one queue; more are a failed assertion of axle's kernel. */
export const QUEUE_LIMIT = 2048 - 16;
/** Bytes that all waiting messages may have: ours, where axle's heap would end. */
export const HELD_LIMIT = 256 << 20;
/** Interrupt lines are 1 to 127 (W9). */
export const LINES = 128;

/** A message on its way. */
export interface Message {
  /** Who sent it. */
  readonly source: string;
  /** For whom it is. */
  readonly dest: string;
  /** Its first u32 tells its kind, by convention (W4). */
  readonly body: Uint8Array;
}

/** Takes a message for a service of the host; false ends the sender as a full queue does. */
export type Receive = (message: Message) => void | boolean;

/** A registered name. */
export class Service {
  readonly name: string;
  /** Undefined for a service of the host. */
  readonly process: AxleProcess | undefined;
  readonly queue: Message[] = [];
  /** Woken by every message that comes. */
  readonly arrived: WaitQueue = new WaitQueue();
  /** Who is told of its death. */
  readonly mourners: string[] = [];
  /** False from a crash on (W14). */
  enabled = true;
  /** Takes messages at once, or says false when it has too many: a service of the host. */
  readonly receive: Receive | undefined;

  constructor(name: string, process?: AxleProcess, receive?: Receive) {
    this.name = name;
    this.process = process;
    this.receive = receive;
  }
}

/** A process of axle: it has one task. */
export class AxleProcess {
  readonly axle: AxleKernel;
  readonly process: Process;
  readonly task: Task;
  /** The program's, then the service's (W5). */
  name: string;
  service: Service | undefined;
  /** The break, and the end of the pages that are mapped for it (W12). */
  brk = 0;
  heapEnd = 0;
  /** Where the heap must end. */
  heapLimit = 0;
  /** Where messages are delivered (W5, moved down as spec 8 says). */
  pool = 0;
  /** Woken by the interrupts of its lines. */
  readonly interrupts: WaitQueue = new WaitQueue();
  /** The service that is told what it does (event 215). */
  supervisor: string | undefined;
  /** Takes log lines, beside the kernel's log. */
  output: { write(bytes: Uint8Array): number } | undefined;
  ended = false;

  constructor(axle: AxleKernel, process: Process, task: Task, name: string) {
    this.axle = axle;
    this.process = process;
    this.task = task;
    this.name = name;
  }
}

/** A service whose code is the host's: a bridge to something else. */
export interface HostService {
  /** True when it was queued, false when it was stored for later or could not be. */
  send(dest: string, body: Uint8Array): boolean;
  /** Ends the service; who asked is told of its death. */
  close(): void;
}

/** What `send` did: `full`, `crowded` and `memory` are failed assertions of axle's kernel. */
export type Sent = "queued" | "stored" | "full" | "crowded" | "memory";

/** The axle part of a kernel. */
export class AxleKernel {
  readonly kernel: Kernel;
  readonly services: Map<string, Service> = new Map();
  readonly stored: Message[] = [];
  /** By interrupt line. */
  readonly drivers: ({ readonly process: AxleProcess; pending: number } | undefined)[] = [];
  /** Bytes of messages that wait. */
  #held = 0;
  readonly #log: ((line: string) => void) | undefined;

  constructor(kernel: Kernel, log?: (line: string) => void) {
    this.kernel = kernel;
    this.#log = log;
  }

  /** A line for axle's log, without its end; a message of the kernel when nobody takes it. */
  log(line: string, from?: AxleProcess): void {
    this.#log?.(line);
    from?.output?.write(new TextEncoder().encode(line + "\n"));
    if (this.#log === undefined && from?.output === undefined) {
      this.kernel.emit({ kind: "message", text: line });
    }
  }

  /** Milliseconds since the kernel started. */
  get now(): number {
    return Math.floor(this.kernel.clock.monotonic() / 1e6);
  }

  /** Queues or stores a message; the caller says what follows when neither is possible (W6). Takes the body over. */
  send(source: string, dest: string, body: Uint8Array): Sent {
    const message: Message = { source, dest, body };
    if (this.#held + body.length > HELD_LIMIT) return "memory";
    const service = this.services.get(dest);
    if (service === undefined || !service.enabled) {
      if (this.stored.length >= STORED_LIMIT) return "full";
      this.stored.push(message);
      this.#held += body.length;
      return "stored";
    }
    return this.deliver(service, message) ? "queued" : "crowded";
  }

  /** Into a service's queue; false when that is full. */
  deliver(service: Service, message: Message): boolean {
    if (service.receive !== undefined) return service.receive(message) !== false;
    if (service.queue.length >= QUEUE_LIMIT) return false;
    service.queue.push(message);
    this.#held += message.body.length;
    service.arrived.wake();
    return true;
  }

  /** A new service gets what was stored for it, first in first out (W5). */
  add(service: Service): void {
    this.services.set(service.name, service);
    for (const message of this.unstore((message) => message.dest === service.name)) {
      this.deliver(service, message);
    }
  }

  /** Takes those stored messages out, in their order. */
  unstore(which: (message: Message) => boolean): Message[] {
    const taken = this.stored.filter(which);
    if (taken.length > 0) {
      this.stored.splice(
        0,
        Infinity,
        ...this.stored.filter((message) => !which(message)),
      );
    }
    for (const { body } of taken) this.#held -= body.length;
    return taken;
  }

  /** Takes one message out of a service's queue. */
  take(service: Service, index: number): Message {
    const [message] = service.queue.splice(index, 1);
    this.#held -= message.body.length;
    return message;
  }

  /** The service is gone with what was in its queue; who asked is told ({208, name}). */
  remove(service: Service): void {
    if (this.services.get(service.name) === service) this.services.delete(service.name);
    for (const { body } of service.queue.splice(0)) this.#held -= body.length;
    const notice = new Uint8Array(4 + NAME_BYTES);
    new DataView(notice.buffer).setUint32(0, 208, true);
    notice.set(bytesOf(service.name), 4);
    for (const mourner of service.mourners.splice(0)) this.send(CORE, mourner, notice.slice());
  }

  /** Registers a service of the host; undefined when the name is taken or too long. */
  attach(name: string, receive: Receive): HostService | undefined {
    if (name === CORE || name.length >= NAME_BYTES || this.services.has(name)) return undefined;
    const service = new Service(name, undefined, receive);
    this.add(service);
    return {
      send: (dest, body) => body.length < MESSAGE_LIMIT && this.send(name, dest, body.slice()) === "queued",
      close: () => this.remove(service),
    };
  }

  /** A software interrupt on a line: what a device would do. False when no driver is there (W9). */
  interrupt(line: number): boolean {
    const driver = this.drivers[line];
    if (driver === undefined) return false;
    driver.pending++;
    driver.process.interrupts.wake();
    return true;
  }
}

/** The axle part of a kernel with the plugin. */
export const axleKey: Key<AxleKernel> = new Key<AxleKernel>("axle");
/** On each process of axle. */
export const processKey: Key<AxleProcess> = new Key<AxleProcess>("axle process");

/** Who makes the call. */
export function callerOf(task: Task): AxleProcess {
  return task.process.data.get(processKey);
}

/** The bytes of a byte string. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Bytes as a byte string, up to a NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}
