/** Dispositions of signals: one table a process, shared by CLONE_SIGHAND, reset by execve. */
import { SignalSet } from "./numbers.ts";

/** sa_handler's two special values. */
export const SIG_DFL = 0, SIG_IGN = 1;
// deno-fmt-ignore
/** sa_flags. */
export const SA_NOCLDSTOP = 1, SA_NOCLDWAIT = 2, SA_SIGINFO = 4, SA_UNSUPPORTED = 0x400, SA_EXPOSE_TAGBITS = 0x800,
  SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000, SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000,
  SA_RESETHAND = 0x80000000;

/** What one signal does. `handler` and `restorer` are guest addresses. */
export interface Action {
  readonly handler: number;
  readonly flags: number;
  readonly restorer: number;
  readonly mask: SignalSet;
}

/** The default. */
export const DEFAULT_ACTION: Action = { handler: SIG_DFL, flags: 0, restorer: 0, mask: SignalSet.EMPTY };

/** The 64 dispositions. */
export class SignalActions {
  readonly #actions: Action[];
  constructor(from?: SignalActions) {
    this.#actions = from ? from.#actions.slice() : new Array<Action>(65).fill(DEFAULT_ACTION);
  }
  get(signal: number): Action {
    return this.#actions[signal];
  }
  set(signal: number, action: Action): void {
    this.#actions[signal] = action;
  }
  /** After execve: handlers become defaults, ignored signals stay ignored. */
  afterExec(): SignalActions {
    const fresh = new SignalActions();
    for (let s = 1; s <= 64; s++) {
      if (this.#actions[s].handler === SIG_IGN) fresh.set(s, { ...DEFAULT_ACTION, handler: SIG_IGN });
    }
    return fresh;
  }
  /** All to default (CLONE_CLEAR_SIGHAND). */
  cleared(): SignalActions {
    return this.afterExec();
  }
}
