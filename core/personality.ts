/** The contract of a personality: what the kernel means to the processes that chose it. */
import type { Trap } from "./arch.ts";
import type { Control, Outcome } from "./outcome.ts";
import type { SyscallTable } from "./syscall.ts";
import type { Process, Task } from "./task.ts";
import type { Kernel } from "./kernel.ts";

/** What to run. */
export interface SpawnRequest {
  /** Path in the guest's file system, or the bytes of a program. */
  readonly program: string | Uint8Array;
  /** The first one is the program's name. */
  readonly args: readonly string[];
  /** The environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory in the guest; default `/`. */
  readonly cwd?: string;
  /** More, by the personality's own keys (user, rlimits, files 0-2). */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Why a program could not be started. */
export interface StartFailure {
  /** For a person. */
  readonly error: string;
  /** What the process exits with: 126, 127. */
  readonly status: number;
  /** ELF e_machine of a program for an architecture that is not there: see {@link Kernel.bring}. */
  readonly machine?: number;
}

/** How a process ended: `code` 0-255, or killed by `signal`. */
export interface ExitStatus {
  /** 0 to 255. */
  readonly code: number;
  /** The signal that killed it. */
  readonly signal?: number;
  /** One line for a person when it was killed by a fault: pc, symbol and mapping. */
  readonly message?: string;
  /** See {@link StartFailure}. */
  readonly machine?: number;
}

/** A call stub or vDSO export that guest code calls directly. */
export interface VdsoExport {
  /** Symbol name. */
  readonly name: string;
  /** Symbol version, `LINUX_2.6`. */
  readonly version: string;
  /** A second, weak name of the same code: `clock_gettime` beside `__vdso_clock_gettime` (X17). */
  readonly alias?: string;
  /** Guest code by architecture, assembled at image building; or a host function reached through a call stub. */
  readonly code?: Readonly<Record<string, string>>;
  /** Called by the stub. */
  readonly call?: (task: Task) => Outcome;
}

/** What the kernel means to a process: its calls, its faults, its programs. */
export interface Personality {
  /** What `spawn` calls it. */
  readonly name: string;
  /** Rows by architecture and entry. */
  readonly tables: readonly SyscallTable[];
  /** Functions of its vDSO. */
  readonly exports?: readonly VdsoExport[];
  /** Called once for a kernel. */
  setup?(kernel: Kernel): void;
  /** Loads the program into a new process and sets its first task's registers. Returns a text for a person when it cannot. */
  start(
    process: Process,
    request: SpawnRequest,
  ): undefined | StartFailure;
  /** Writes a handler's number to the result register the way this kernel tells errors. Default: as it is, sign-extended. */
  encode?(task: Task, value: number): void;
  /** A call with no row in the table. Default: reported once as an event, answer ENOSYS. `entry` is the name of the way in. */
  unknown?(task: Task, number: number, entry: string): Outcome;
  /** A trap that is not a call: page fault, illegal opcode…: change the task (deliver a signal, end it). */
  fault(task: Task, trap: Trap): Control | undefined;
  /** A direct call of a stub with this number (OSv's libc, host vDSO exports). */
  call?(task: Task, target: number): Outcome;
  /** The name of the function behind a target, for statistics and traces. */
  callName?(target: number): string;
  /** `task.attention` is set and the task is about to run guest code: deliver signals. `outcome`: what the interrupted call gave. */
  attend?(task: Task, outcome: Outcome | undefined): Control | undefined;
  /** A signal from outside for the process in the foreground: ^C of the host's terminal, SIGTERM, an end by time (9). */
  signal?(process: Process, signal: number): void;
  /**
   * The task begins to run, or has run for about 100 us: refresh what the guest reads without a call (vvar's clock).
   * Must be quick.
   */
  refresh?(task: Task): void;
  /** All tasks of the process are gone. Without it the kernel says `ended` with code 0. */
  ended?(process: Process): void;
}
