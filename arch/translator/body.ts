/** The WebAssembly instance that a CPU works with. */
import type { Engine } from "./cache.ts";
import type { BaseCpu } from "./cpu.ts";
import type { CpuParts, Imports, Space } from "./parts.ts";

/**
 * An instance of the interpreter, bound to a memory. Memories are used again after a process has ended, and so are
 * their instances: instantiating is the largest part of a fork.
 */
export class Body {
  /** Whose it is; undefined while no CPU uses it. */
  cpu: BaseCpu | undefined;
  /** The architecture's part of what the instance calls. */
  own: Imports | undefined;
  readonly memory: WebAssembly.Memory;
  readonly pages: WebAssembly.Memory;
  readonly engine: Engine;
  readonly table: WebAssembly.Table = new WebAssembly.Table({ element: "anyfunc", initial: 0 });
  wide = true;
  module!: WebAssembly.Module;
  exports!: Record<string, (...args: number[]) => number>;
  /** The ways into the kernel from regions. */
  enter!: Imports;
  constructor(space: Space, engine: Engine) {
    this.memory = space.memory;
    this.pages = space.pages;
    this.engine = engine;
    bodies.set(space.memory, this);
  }

  instantiate(parts: CpuParts, host: Imports): void {
    const { memory, pages, table } = this;
    const imports = { guise: { memory, pages, engine: this.engine.memory, regions: table }, host };
    try {
      this.#make(parts, imports as unknown as WebAssembly.Imports);
    } catch (error) {
      // Another kind of memory than the module wants, or a host that knows none with 64-bit addresses.
      if (!(error instanceof WebAssembly.LinkError) && !(error instanceof WebAssembly.CompileError)) {
        throw error;
      }
      this.wide = false;
      this.#make(parts, imports as unknown as WebAssembly.Imports);
    }
  }
  #make(parts: CpuParts, imports: WebAssembly.Imports): void {
    this.module = parts.module(this.wide);
    this.exports = new WebAssembly.Instance(this.module, imports).exports as never;
  }
}

export const bodies: WeakMap<WebAssembly.Memory, Body> = new WeakMap();
