/**
 * What semantics have in a region beside its registers: memory of the guest and of the engine, and functions of the interpreter's module; and how
 * it is found out what such a function does with the state.
 */
import type { Env, TypeOf } from "../machine.ts";
import { PAGE_BIAS } from "../layout.ts";
import {
  type Address,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  type Int,
  type Load,
  type Store,
  type Type,
  type Value,
} from "../wasm/mod.ts";
import type { RegionFunc } from "./func.ts";
import type { Slots } from "./slots.ts";
import type { Memories } from "./state.ts";
import type { Windows } from "./window.ts";

/** A function of the interpreter's module that semantics call. */
export interface Helper extends FunctionRef {
  index: number;
  readonly name: string;
  /** Slots that it reads or writes in the state block. */
  readonly reads: ReadonlySet<number>;
  readonly writes: ReadonlySet<number>;
  /** It computes offsets in the state block, writes memory of the guest, or calls JavaScript: not to be called with state in locals. */
  readonly opaque: boolean;
}

/** Who gives functions of the interpreter's module. */
export interface Helpers {
  helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: Env, ...params: Value<never>[]) => void,
  ): Helper;
  readonly slow: FunctionRef;
  /**
   * (lowest wasm address, bytes | access << 16, window or 0) -> 1 when it is refused: when an address is outside its window, or its page not
   * among those that are remembered.
   */
  readonly window: FunctionRef;
  readonly windows: Windows;
}

/** Memory of the guest and of the engine, as in the interpreter's module. */
export abstract class BaseEnv implements Env {
  abstract readonly f: RegionFunc;
  constructor(readonly memories: Memories, readonly helpers: Helpers) {}
  abstract state<N extends Load>(name: N, offset: number): Value<TypeOf<N>>;
  abstract setState<N extends Store>(name: N, offset: number, v: Value<TypeOf<N>> | number): void;
  abstract stateAt<N extends Load>(name: N, index: I32, offset: number): Value<TypeOf<N>>;
  abstract setStateAt<N extends Store>(
    name: N,
    index: I32,
    offset: number,
    v: Value<TypeOf<N>> | number,
  ): void;
  abstract host(name: string): FunctionRef;

  load<N extends Load>(name: N, address: Address, offset = 0): Value<TypeOf<N>> {
    return this.memories.guest.load(name, address, offset);
  }
  store<N extends Store>(name: N, address: Address, v: Value<TypeOf<N>> | number, offset = 0): void {
    this.f.store(this.memories.guest, name, address, v as never, offset);
  }
  copy(to: Address, from: Address, bytes: Int): void {
    this.f.copy(this.memories.guest, this.memories.guest, to, from, bytes as I64);
  }
  fill(to: Address, byte: I32, bytes: Int): void {
    this.f.fill(this.memories.guest, to, byte, bytes as I64);
  }
  field<N extends Load>(name: N, offset: number): Value<TypeOf<N>> {
    return this.memories.engine.load(name, 0, offset);
  }
  setField<N extends Store>(name: N, offset: number, v: Value<TypeOf<N>> | number): void {
    this.f.store(this.memories.engine, name, 0, v as never, offset);
  }
  permissions(address: I64): I32 {
    return this.memories.pages.load("i32.load8_u", address.wrap().shrU(12), PAGE_BIAS);
  }
  probe(address: I64, bytes: number | I32, access: number): I32 {
    const size = typeof bytes === "number" ? i32(bytes | access << 16) : bytes.or(access << 16);
    return this.f.call("i32", this.helpers.slow, address, size);
  }
  helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: Env, ...params: Value<never>[]) => void,
  ): FunctionRef {
    return this.helpers.helper(name, params, results, body);
  }
}

/** Finds out what a helper does with the state block. */
export class HelperProbe extends BaseEnv {
  readonly reads: Set<number> = new Set();
  readonly writes: Set<number> = new Set();
  opaque = false;

  constructor(readonly f: RegionFunc, readonly slots: Slots, memories: Memories, helpers: Helpers) {
    super(memories, helpers);
  }
  state<N extends Load>(name: N, offset: number): Value<TypeOf<N>> {
    if (this.slots.at[offset] >= 0) this.reads.add(this.slots.at[offset]);
    return this.memories.guest.load(name, 0, offset);
  }
  setState<N extends Store>(name: N, offset: number, v: Value<TypeOf<N>> | number): void {
    if (this.slots.at[offset] >= 0) this.writes.add(this.slots.at[offset]);
    this.f.store(this.memories.guest, name, 0, v as never, offset);
  }
  /** Who calls it relies on what it knows of memory. */
  override store<N extends Store>(name: N, address: Address, v: Value<TypeOf<N>> | number, offset = 0): void {
    this.opaque = true;
    super.store(name, address, v, offset);
  }
  override copy(to: Address, from: Address, bytes: Int): void {
    this.opaque = true;
    super.copy(to, from, bytes);
  }
  override fill(to: Address, byte: I32, bytes: Int): void {
    this.opaque = true;
    super.fill(to, byte, bytes);
  }
  stateAt<N extends Load>(name: N, index: I32, offset: number): Value<TypeOf<N>> {
    this.opaque = true;
    return this.memories.guest.load(name, index, offset);
  }
  setStateAt<N extends Store>(name: N, index: I32, offset: number, v: Value<TypeOf<N>> | number): void {
    this.opaque = true;
    this.f.store(this.memories.guest, name, index, v as never, offset);
  }
  host(name: string): FunctionRef {
    this.opaque = true;
    return { index: 0, params: [], results: [], name } as FunctionRef;
  }
  override helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: Env, ...params: Value<never>[]) => void,
  ): FunctionRef {
    const helper = this.helpers.helper(name, params, results, body);
    for (const id of helper.reads) this.reads.add(id);
    for (const id of helper.writes) this.writes.add(id);
    if (helper.opaque) this.opaque = true;
    return helper;
  }
}
