/**
 * Giving the host's event loop its turn, quickly: a timer costs one to four milliseconds. A message is quick, but in
 * Deno messages that follow each other hold up timers and reads; an immediate lets timers run, and a message
 * after it lets finished reads through. Browsers have no immediates, and there messages are fair.
 */

type SetImmediate = (callback: () => void) => unknown;

/** Turns for one run of a kernel. */
export class HostTurn {
  readonly #channel = typeof MessageChannel === "undefined" ? undefined : new MessageChannel();
  readonly #immediate = (globalThis as unknown as { setImmediate?: SetImmediate }).setImmediate;
  #resume: (() => void) | undefined;

  constructor() {
    if (this.#channel !== undefined) this.#channel.port1.onmessage = () => this.#resume?.();
  }

  /** Comes back after the host has done what is due; `reads`: also reads that have finished. */
  async take(reads: boolean): Promise<void> {
    const immediate = this.#immediate;
    if (immediate !== undefined) {
      await new Promise<void>((resolve) => void immediate(resolve));
      if (!reads) return;
    }
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      if (this.#channel === undefined) setTimeout(resolve, 0);
      else this.#channel.port2.postMessage(0);
    });
  }

  close(): void {
    this.#channel?.port1.close();
  }
}
