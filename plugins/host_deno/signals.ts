/**
 * Signals of the host for the guest in the foreground. A guest may ignore ^C; the person at the keyboard keeps the last
 * word: a second one within a second ends the host.
 */

const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15, SIGTSTP: 20, SIGWINCH: 28 } as const;

/** What {@link hostSignals} needs. */
export interface HostSignalsOptions {
  /** Takes the number of a signal for the guest. */
  readonly deliver: (signal: number) => void;
  /** Ends the host; default exits with status 130. */
  readonly end?: () => void;
  /** Milliseconds, for the second ^C. Default performance.now. */
  readonly now?: () => number;
}

/** Decides what a ^C does. */
export class Interrupts {
  #last = -Infinity;
  readonly #options: HostSignalsOptions;
  /** Signals go where `options` says. */
  constructor(options: HostSignalsOptions) {
    this.#options = options;
  }
  /** A signal has come. */
  take(signal: number): void {
    if (signal === numbers.SIGINT) {
      const now = (this.#options.now ?? performance.now.bind(performance))();
      if (now - this.#last < 1000) return (this.#options.end ?? (() => Deno.exit(130)))();
      this.#last = now;
    }
    this.#options.deliver(signal);
  }
}

/** Stops this process as the host's ^Z would have; what comes after happens when it is continued. */
export function stopHost(): void {
  Deno.kill(Deno.pid, "SIGSTOP");
}

/** Listens until the result is called. */
export function hostSignals(options: HostSignalsOptions): () => void {
  const interrupts = new Interrupts(options);
  const removals: (() => void)[] = [];
  const names = Deno.build.os === "windows"
    ? ["SIGINT"] as const
    : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGWINCH"] as const;
  for (const name of names) {
    const listener = () => interrupts.take(numbers[name]);
    Deno.addSignalListener(name, listener);
    removals.push(() => Deno.removeSignalListener(name, listener));
  }
  return () => removals.splice(0).forEach((remove) => remove());
}
