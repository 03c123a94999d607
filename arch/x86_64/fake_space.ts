/** A small address space for tests of the CPU alone: flat memory, page bits, code watching as core's does it. */
// cold: tests
import { BIAS, forgetPermissions, type Space, WATCHED } from "@guise/translator";
import { X86Cpu } from "./cpu.ts";

export const READ = 1, WRITE = 2, EXEC = 4;

export class FakeSpace implements Space {
  readonly memory: WebAssembly.Memory;
  readonly pages: WebAssembly.Memory = new WebAssembly.Memory({ initial: 17, maximum: 17 });
  /** What a mapping permits; the page table has less while pages are watched. */
  readonly #allowed = new Uint8Array(1 << 20);
  watcher: { invalidate(start: number, length: number): void } | undefined;
  readonly stubs: Set<number> = new Set();
  /** Addresses that `resolve` was asked about and refused. */
  readonly refused: number[] = [];

  constructor(wide = true, pages = 64, most = 1024) {
    this.memory = new WebAssembly.Memory(
      (wide
        ? { initial: BigInt(pages), maximum: BigInt(most), address: "i64" }
        : { initial: pages, maximum: most }) as WebAssembly.MemoryDescriptor,
    );
  }

  get u8(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }
  get table(): Uint8Array {
    return new Uint8Array(this.pages.buffer);
  }
  revoked = 0;
  map(start: number, length: number, prot: number): void {
    this.revoked++;
    forgetPermissions(this.u8);
    for (let p = start >>> 12; p < (start + length) >>> 12; p++) this.#allowed[p] = this.table[p] = prot;
  }
  write(address: number, bytes: ArrayLike<number>): void {
    this.u8.set(bytes, address - BIAS);
    this.watcher?.invalidate(address, bytes.length);
  }
  resolve(address: number, access: number): boolean {
    const page = address / 4096;
    if (!(page < 1 << 20) || !(this.#allowed[page | 0] & access)) {
      this.refused.push(address);
      return false;
    }
    if (access === WRITE) this.watcher?.invalidate((page | 0) * 4096, 4096);
    this.table[page | 0] = this.#allowed[page | 0];
    return true;
  }
  watchCode(start: number, length: number): void {
    forgetPermissions(this.u8);
    for (let p = start >>> 12; p < (start + length) >>> 12; p++) {
      this.table[p] = this.table[p] & ~WRITE | WATCHED;
    }
  }
  find(address: number): { stubs: boolean } {
    return { stubs: this.stubs.has(address >>> 12) };
  }
  /** A second space with the same contents. */
  fork(): FakeSpace {
    const copy = new FakeSpace(true, this.memory.buffer.byteLength / 65536);
    copy.u8.set(this.u8);
    copy.table.set(this.table), copy.#allowed.set(this.#allowed);
    return copy;
  }
}

export const CODE = 0x30000, DATA = 0x50000, STACK = 0x80000;

/** A CPU with code, 64 KiB of data, and a stack. The kernel leaves at every call and keeps what it was asked. */
export function machine(
  code: ArrayLike<number> = [],
  wide = true,
): { cpu: X86Cpu; space: FakeSpace; calls: number[]; kernel: { syscall(entry: number): 0 | 1 } } {
  const space = new FakeSpace(wide), calls: number[] = [];
  const kernel = {
    syscall: (n: number): 0 | 1 => (calls.push(n), 1),
    call: (n: number) => (calls.push(0x1000 + n), 1 as const),
  };
  const cpu = new X86Cpu(space, kernel);
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(DATA, 0x10000, READ | WRITE);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  space.write(CODE, code);
  cpu.frame.setNum(16, CODE);
  cpu.frame.setNum(4, STACK);
  return { cpu, space, calls, kernel };
}
