/** What OSv keeps about a process beside what Linux's services keep: how it was linked, its heap, streams and handlers. */
import { errnoText, Key, type Outcome, type Process, type Task } from "@guise/core";
import type { DynamicObject, Linked } from "@guise/elf/key";
import type { OpenFile } from "@guise/vfs/key";
import type { Heap } from "./heap.ts";
import type { Streams } from "./libc/streams.ts";

/** A function of atexit or __cxa_atexit. */
export interface ExitHandler {
  readonly address: number;
  readonly argument: number;
  /** In the library that registered it: its functions go with it; 0: the program's. */
  readonly object: number;
}

/** The OSv part of a process. */
export class OsvProcess {
  readonly process: Process;
  /** Undefined for static programs. */
  linked: Linked | undefined;
  readonly heap: Heap;
  readonly streams: Streams;
  /** Bytes from the thread pointer to errno: known once the libc under us has been asked. */
  errnoOffset = 0;
  readonly exitHandlers: ExitHandler[] = [];
  /** The console: where the kernel's own lines go. */
  console: OpenFile | undefined;
  /** Lines that are logged once. */
  readonly logged: Set<string> = new Set();
  /** The initial stack's environment, for a program that reads `environ`. */
  environment = 0;
  argc = 0;
  argv = 0;
  /** What dlopen has loaded, in the order of init functions. */
  readonly opened: DynamicObject[] = [];
  /** Functions that nothing defines, with who wants them: targets after the exported ones. */
  readonly missing: string[] = [];
  exiting = false;
  /** Lines that OSv writes only when it is verbose are written. */
  verbose = false;
  /** True for libraries that the kernel is. */
  standsIn: (soname: string) => boolean = () => false;
  /** Where a signal handler returns to: a stub; 0: none. */
  sigreturn = 0;
  /** A function that does nothing: signals are delivered when it is called. */
  pause = 0;
  /** From the first pthread_cancel on: the end of the calling thread when it was cancelled and heeds that. */
  cancelPoint: ((task: Task) => Outcome | undefined) | undefined;
  /** Target of the stub that a thread begins in. */
  threadBegin = 0;
  /** Target of the stub that a thread's function returns to. */
  threadEnd = 0;
  /** The locale of setlocale: `C` or `C.UTF-8`, as the program sees it. */
  locale = "C";
  /** Static strings handed to the guest, by text. */
  readonly strings: Map<string, number> = new Map();

  constructor(process: Process, heap: Heap, streams: Streams) {
    this.process = process;
    this.heap = heap;
    this.streams = streams;
  }

  /** A line on the console. */
  log(text: string): void {
    this.console?.write(new TextEncoder().encode(text));
  }
  /** The same, the first time only. */
  logOnce(text: string): void {
    if (this.logged.has(text)) return;
    this.logged.add(text);
    this.log(text);
  }
  /** strerror's text. */
  words(errno: number): string {
    return errno === 0 ? "Success" : errnoText(-errno);
  }
  /** The address of a NUL-terminated constant; 0 without memory. */
  string(text: string): number {
    let at = this.strings.get(text);
    if (at === undefined) {
      const bytes = new TextEncoder().encode(text + "\0");
      at = this.heap.allocate(bytes.length);
      if (at !== 0) this.process.space.write(at, bytes);
      this.strings.set(text, at);
    }
    return at;
  }
}

/** Where it is kept. */
export const osvKey: Key<OsvProcess> = new Key<OsvProcess>("osv process");

/** The OSv part of a task's process. */
export function osvOf(task: Task): OsvProcess {
  return task.process.data.get(osvKey);
}
