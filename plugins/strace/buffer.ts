/**
 * Text as bytes in large pieces, for a trace that goes to a file. Nearly all of it is ASCII and comes in short pieces, for which an
 * encoder's call costs more than the loop.
 */

/** Collects text; gives bytes to `write` when there are many, and at {@link TextBuffer.flush}. */
export class TextBuffer {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #bytes: Uint8Array;
  #used = 0;

  /** `write` gets views that are valid during the call. */
  constructor(write: (bytes: Uint8Array) => void, size: number = 65536) {
    this.#write = write;
    this.#bytes = new Uint8Array(size);
  }

  /** Adds text. */
  add(text: string): void {
    const bytes = this.#bytes;
    const { length } = text;
    if (this.#used + length > bytes.length) this.flush();
    let at = this.#used;
    if (length <= bytes.length) {
      let i = 0;
      for (; i < length; i++) {
        const c = text.charCodeAt(i);
        if (c > 127) break;
        bytes[at++] = c;
      }
      if (i === length) {
        this.#used = at;
        return;
      }
    }
    this.flush();
    this.#write(new TextEncoder().encode(text));
  }
  /** Writes what there is. */
  flush(): void {
    if (this.#used === 0) return;
    const used = this.#used;
    this.#used = 0;
    this.#write(this.#bytes.subarray(0, used));
  }
}
