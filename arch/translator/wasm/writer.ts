/** Bytes of a WebAssembly module, written straight into a buffer that grows and is reused. */
// cold: constants of 64 bits, while code is generated

/** A growing byte buffer with the integer formats of WebAssembly. `reset` keeps the buffer. */
export class Writer {
  /** The buffer; valid up to `length`. */
  bytes: Uint8Array;
  /** Bytes written. */
  length = 0;
  /** Number of open blocks, for the relative depths of branches. */
  depth = 0;

  /** `capacity`: bytes to begin with. */
  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Begins again in the same buffer. */
  reset(): void {
    this.length = 0;
    this.depth = 0;
  }

  #room(n: number): void {
    if (this.length + n <= this.bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + n));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }

  /** One byte. */
  byte(v: number): void {
    if (this.length === this.bytes.length) this.#room(1);
    this.bytes[this.length++] = v;
  }

  /** Bytes as they are. */
  raw(v: Uint8Array): void {
    this.#room(v.length);
    this.bytes.set(v, this.length);
    this.length += v.length;
  }

  /** Unsigned LEB128 of an integer below 2^53. */
  u(v: number): void {
    if (v < 128) return this.byte(v);
    while (v >= 128) {
      this.byte(v % 128 + 128);
      v = Math.floor(v / 128);
    }
    this.byte(v);
  }

  /** Signed LEB128 of a safe integer. */
  s(v: number): void {
    // All but long addresses.
    for (let w = v | 0; w === v;) {
      const low = w & 127;
      w = v = w >> 7;
      if (w === (low & 64 ? -1 : 0)) return this.byte(low);
      this.byte(low | 128);
    }
    for (;;) {
      const low = ((v % 128) + 128) % 128;
      v = (v - low) / 128;
      if ((v === 0 && low < 64) || (v === -1 && low >= 64)) return this.byte(low);
      this.byte(low | 128);
    }
  }

  /** Signed LEB128 of a 64-bit integer. */
  big(v: bigint): void {
    v = BigInt.asIntN(64, v);
    for (;;) {
      const low = Number(v & 127n);
      v >>= 7n;
      if ((v === 0n && low < 64) || (v === -1n && low >= 64)) return this.byte(low);
      this.byte(low | 128);
    }
  }

  /** A name: length and UTF-8. */
  name(v: string): void {
    const bytes = new TextEncoder().encode(v);
    this.u(bytes.length);
    this.raw(bytes);
  }

  /** A copy of what was written. */
  take(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length) as Uint8Array<ArrayBuffer>;
  }
}
