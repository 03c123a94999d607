/**
 * Giving the host's event loop its turn, quickly: a timer costs one to four milliseconds. A message is quick, but in
 * Deno messages that follow each other hold up timers and reads; an immediate lets timers run, and a message
 * after it lets finished reads through. Browsers have no immediates, and there messages are fair.
 *
 * Where immediates come with Node's timers, asking for them (or for a timeout) the first time loads those, which takes longer
 * than a short program: a run's first turns are given by messages alone, and then for a while by a digest now and then, whose
 * thread the host has to wait for, doing all else that is due.
 */

type SetImmediate = (callback: () => void) => unknown;

/** Turns that a message gives alone, and turns without an immediate; of those one in so many is a digest. */
const BY_MESSAGE = 6, EARLY = 50, DIGEST = 3;
const NOTHING = new Uint8Array(1);

/** Turns for one run of a kernel. */
export class HostTurn {
  #channel: MessageChannel | undefined;
  #resume: (() => void) | undefined;
  #turns = 0;

  /** Comes back after the host has done what is due; `reads`: also reads that have finished. */
  async take(reads: boolean): Promise<void> {
    const turn = this.#turns++;
    const early = turn < EARLY && typeof MessageChannel !== "undefined";
    if (early && turn >= BY_MESSAGE && (reads || turn % DIGEST === 0)) {
      // Not everywhere: pages that did not come by a secure connection have none.
      const digest = globalThis.crypto?.subtle?.digest("SHA-1", NOTHING);
      if (digest !== undefined) return void await digest;
    }
    const immediate = early
      ? undefined
      : (globalThis as unknown as { setImmediate?: SetImmediate }).setImmediate;
    if (immediate !== undefined) {
      await new Promise<void>((resolve) => void immediate(resolve));
      if (!reads) return;
    }
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      if (typeof MessageChannel === "undefined") setTimeout(resolve, 0);
      else (this.#channel ??= this.#open()).port2.postMessage(0);
    });
  }

  #open(): MessageChannel {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => this.#resume?.();
    return channel;
  }

  close(): void {
    this.#channel?.port1.close();
  }
}
