/**
 * Giving the host's event loop its turn, quickly: a timer costs one to four milliseconds. A message is quick, but in
 * Deno messages that follow each other hold up timers and reads; an immediate lets timers run, and a message
 * after it lets finished reads through. Browsers have no immediates, and there messages are fair.
 *
 * Where immediates come with Node's timers, asking for them (or for a timeout) the first time loads those, which takes 6 ms. So turns
 * are given by messages, and now and then by a digest, whose thread the host has to wait for, doing all else that is due; reads that
 * go on for long are worth immediates, which let more of them through.
 */

type SetImmediate = (callback: () => void) => unknown;

/** A run's first turns, which messages alone give; of those after them one in so many lets all that is due through; turns without an immediate. */
const BY_MESSAGE = 6, FAIR = 3, EARLY = 50;
const NOTHING = new Uint8Array(1);

/** Turns for one run of a kernel. */
export class HostTurn {
  #channel: MessageChannel | undefined;
  #resume: (() => void) | undefined;
  #turns = 0;

  /** Comes back after the host has done what is due; `reads`: also reads that have finished. */
  async take(reads: boolean): Promise<void> {
    const turn = this.#turns++;
    const message = typeof MessageChannel !== "undefined";
    if (!message || (turn >= BY_MESSAGE && (reads || turn % FAIR === 0))) {
      // Not everywhere: pages that did not come by a secure connection have none.
      const digest = reads && turn >= EARLY ? undefined : globalThis.crypto?.subtle?.digest("SHA-1", NOTHING);
      if (digest !== undefined) return void await digest;
      const immediate = (globalThis as unknown as { setImmediate?: SetImmediate }).setImmediate;
      if (immediate !== undefined) {
        await new Promise<void>((resolve) => void immediate(resolve));
        if (!reads) return;
      }
    }
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      if (!message) setTimeout(resolve, 0);
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
