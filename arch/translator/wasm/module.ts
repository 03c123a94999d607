/** Modules: types, imports, functions, one table, exports, data. Imports are declared before functions. */
import { Func, type FunctionRef, Global, Mem, TYPE_BYTE } from "./function.ts";
import type { Type } from "./value.ts";
import { Writer } from "./writer.ts";

/** Size and kind of an imported memory. */
export interface MemoryLimits {
  /** Pages of 64 KiB. */
  readonly min: number;
  /** Pages it can grow to. */
  readonly max?: number;
  /** memory64: addresses are i64. */
  readonly wide?: boolean;
}

/** A module under construction. */
export class Module {
  #types: string[] = [];
  #typeBytes: [readonly Type[], readonly Type[]][] = [];
  #imports: ((w: Writer) => void)[] = [];
  #functions: { ref: FunctionRef; type: number; func?: Func }[] = [];
  readonly #globals: ("i32" | "i64")[] = [];
  #exports: { name: string; kind: number; index: number }[] = [];
  #table: FunctionRef[] = [];
  #data: { mem: Mem; offset: number; bytes: Uint8Array }[] = [];
  #custom: [name: string, bytes: Uint8Array][] = [];
  #importedFunctions = 0;
  #importedMemories = 0;
  #importedTables = 0;

  /** Index of a function type, for `callIndirect`. */
  type(params: readonly Type[], results: readonly Type[]): number {
    const key = `${params}>${results}`;
    let index = this.#types.indexOf(key);
    if (index < 0) {
      index = this.#types.push(key) - 1;
      this.#typeBytes.push([params, results]);
    }
    return index;
  }

  /** Imports a function. */
  importFunction(
    module: string,
    name: string,
    params: readonly Type[],
    results: readonly Type[],
  ): FunctionRef {
    if (this.#functions.length) throw new Error("import functions before declaring any");
    const type = this.type(params, results);
    this.#imports.push((w) => (w.name(module), w.name(name), w.byte(0), w.u(type)));
    return { index: this.#importedFunctions++, params, results };
  }

  /** Imports a memory; the first is memory 0. */
  importMemory(module: string, name: string, limits: MemoryLimits): Mem {
    this.#imports.push((w) => {
      w.name(module), w.name(name), w.byte(2);
      w.byte((limits.max === undefined ? 0 : 1) | (limits.wide ? 4 : 0));
      w.u(limits.min);
      if (limits.max !== undefined) w.u(limits.max);
    });
    return new Mem(this.#importedMemories++, limits.wide ?? false);
  }

  /** A table of functions; gives its index. Imported tables come before the module's own. */
  importTable(module: string, name: string, min: number): number {
    this.#imports.push((w) => (w.name(module), w.name(name), w.byte(1), w.byte(0x70), w.byte(0), w.u(min)));
    return this.#importedTables++;
  }

  /** Index of the module's own table. */
  get table(): number {
    return this.#importedTables;
  }
  exportTable(name: string): void {
    this.#exports.push({ name, kind: 1, index: this.table });
  }

  /** A variable of each instance; it begins as -1. */
  global<T extends "i32" | "i64">(type: T): Global<T> {
    return new Global(type, this.#globals.push(type) - 1);
  }

  /** Declares a function; give its body with `define` before `bytes`. */
  declare(params: readonly Type[], results: readonly Type[]): FunctionRef {
    const ref = { index: this.#importedFunctions + this.#functions.length, params, results };
    this.#functions.push({ ref, type: this.type(params, results) });
    return ref;
  }

  /** Gives a declared function its body. */
  define(ref: FunctionRef, body: (f: Func) => void): void {
    const slot = this.#functions[ref.index - this.#importedFunctions];
    if (slot.func) throw new Error("function defined twice");
    body(slot.func = new Func(ref));
  }

  /** As `define`, for a function body of a class of its own. */
  adopt<F extends Func>(func: F): F {
    const slot = this.#functions[func.ref.index - this.#importedFunctions];
    if (slot.func) throw new Error("function defined twice");
    slot.func = func;
    return func;
  }

  /** Declares and defines. */
  func(params: readonly Type[], results: readonly Type[], body: (f: Func) => void): FunctionRef {
    const ref = this.declare(params, results);
    this.define(ref, body);
    return ref;
  }

  /** Exports a function. */
  export(name: string, ref: FunctionRef): void {
    this.#exports.push({ name, kind: 0, index: ref.index });
  }

  /** Puts a function into the module's own table and gives its place. */
  tableSlot(ref: FunctionRef): number {
    return this.#table.push(ref) - 1;
  }

  /** A section that engines ignore. */
  custom(name: string, bytes: Uint8Array): void {
    this.#custom.push([name, bytes]);
  }

  /** Bytes that instantiation puts into a memory. */
  data(mem: Mem, offset: number, bytes: Uint8Array): void {
    this.#data.push({ mem, offset, bytes });
  }

  /** The encoded module. */
  bytes(): Uint8Array<ArrayBuffer> {
    const out = new Writer(1 << 16), section = new Writer(1 << 12);
    const put = (id: number, count: number, body: (w: Writer) => void) => {
      if (!count) return;
      section.reset();
      section.u(count);
      body(section);
      out.byte(id), out.u(section.length), out.raw(section.bytes.subarray(0, section.length));
    };
    out.raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    put(1, this.#typeBytes.length, (w) => {
      for (const [params, results] of this.#typeBytes) {
        w.byte(0x60);
        for (const list of [params, results]) {
          w.u(list.length);
          for (const t of list) w.byte(TYPE_BYTE[t]);
        }
      }
    });
    put(2, this.#imports.length, (w) => this.#imports.forEach((i) => i(w)));
    put(3, this.#functions.length, (w) => this.#functions.forEach((f) => w.u(f.type)));
    put(4, this.#table.length ? 1 : 0, (w) => {
      w.byte(0x70), w.byte(0), w.u(this.#table.length);
    });
    put(6, this.#globals.length, (w) => {
      for (const type of this.#globals) {
        w.byte(TYPE_BYTE[type]), w.byte(1), w.byte(type === "i64" ? 0x42 : 0x41), w.s(-1), w.byte(0x0b);
      }
    });
    put(7, this.#exports.length, (w) => {
      for (const e of this.#exports) w.name(e.name), w.byte(e.kind), w.u(e.index);
    });
    put(9, this.#table.length ? 1 : 0, (w) => {
      if (this.table) w.byte(2), w.u(this.table);
      else w.byte(0);
      w.byte(0x41), w.byte(0), w.byte(0x0b);
      if (this.table) w.byte(0);
      w.u(this.#table.length);
      for (const f of this.#table) w.u(f.index);
    });
    const hinted = this.#functions.filter((f) => f.func?.hints.length);
    if (hinted.length) {
      section.reset();
      section.name("metadata.code.branch_hint");
      section.u(hinted.length);
      for (const f of hinted) f.func!.finishHints(section);
      out.byte(0), out.u(section.length), out.raw(section.bytes.subarray(0, section.length));
    }
    put(10, this.#functions.length, (w) => {
      for (const f of this.#functions) {
        if (!f.func) throw new Error(`function ${f.ref.index} was declared and never defined`);
        f.func.finish(w);
      }
    });
    put(11, this.#data.length, (w) => {
      for (const d of this.#data) {
        if (d.mem.index) w.byte(2), w.u(d.mem.index);
        else w.byte(0);
        w.byte(d.mem.wide ? 0x42 : 0x41), w.s(d.offset), w.byte(0x0b), w.u(d.bytes.length), w.raw(d.bytes);
      }
    });
    for (const [name, bytes] of this.#custom) {
      section.reset();
      section.name(name), section.raw(bytes);
      out.byte(0), out.u(section.length), out.raw(section.bytes.subarray(0, section.length));
    }
    return out.take();
  }
}
