/**
 * What one operation variant does, found by running its semantics once against a scratch function: how it ends, which
 * slots it touches, whether it may be emitted in line at all. Of what is shipped that was done before (learned.ts).
 */
import { CORE_OPS } from "../layout.ts";
import type { Env, OpDef } from "../machine.ts";
import type { Operations } from "./operations.ts";
import { type FunctionRef, i32, type Type, type Value } from "../wasm/mod.ts";
import { RegionFunc } from "./func.ts";
import { type Kind, type Learned, pack, Table } from "./learned.ts";
import { type Helper, HelperProbe, type Helpers } from "./env.ts";
import { type Flow, RegionMachine } from "./machine.ts";
import type { Slots } from "./slots.ts";
import { Windows } from "./window.ts";
import { Unsupported } from "./parts.ts";
import { Memories, State } from "./state.ts";

export interface Info extends Learned {
  readonly def: OpDef;
  readonly form: 0 | 1;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Longer ones are called when the interpreter has a function. */
const LARGE = 700;

class ProbeState extends State {
  killed = false;
  override store(...[name, offset, v]: Parameters<State["store"]>): void {
    if (this.slots.at[offset] === this.slots.kind && this.f.w.depth === this.base) this.killed = true;
    super.store(name, offset, v);
  }
}

export class Analysis implements Helpers {
  readonly #infos: (Info | undefined)[] = [];
  /** By operation and immediate, where the immediate decides. */
  readonly #stops = new Map<number, Info>();
  readonly #helpers = new Map<string, Helper>();
  /** Operations that are not the same on each host. */
  readonly #byHost = new Set<number>();
  readonly slow: Helper = {
    index: 0,
    name: "slow",
    params: ["i64", "i32"],
    results: ["i32"],
    reads: new Set(),
    writes: new Set(),
    opaque: false,
  };
  /** Its index is that of the module under construction. */
  /** Where regions go on in one another: slot of a biased pc; a loop of the interpreter until a return; the region at the pc (interpreter.ts). */
  readonly find: Helper = { ...this.slow, name: "find", params: ["i64"], results: ["i32"] };
  readonly nest: Helper = {
    ...this.slow,
    name: "nest",
    params: ["i32", "i64", "i32"],
    results: ["i32"],
  };
  readonly next: Helper = { ...this.slow, name: "go", params: ["i32"], results: ["i32"] };
  readonly window: Mutable<FunctionRef> = { index: 0, params: ["i64", "i32", "i32"], results: ["i32"] };
  readonly windows: Windows;
  readonly memories: Memories;
  readonly #learned: Table | undefined;

  constructor(
    readonly operations: Operations,
    readonly slots: Slots,
    wide: boolean,
  ) {
    this.memories = new Memories(wide);
    this.windows = new Windows(slots.spec);
    const { learned } = operations;
    this.#learned = learned === undefined ? undefined : new Table(learned);
  }

  helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: Env, ...params: Value<never>[]) => void,
  ): Helper {
    const known = this.#helpers.get(name) ?? this.#learned?.helper(name);
    if (known) return known;
    const helper = {
      index: 0,
      name,
      params,
      results,
      reads: new Set<number>(),
      writes: new Set<number>(),
      opaque: false,
    };
    this.#helpers.set(name, helper);
    const f = new RegionFunc({ index: 0, params, results });
    f.mover = { spill() {}, reload() {}, kindWritten: () => false };
    const probe = new HelperProbe(f, this.slots, this.memories, this);
    body(probe, ...params.map((t, i) => f.param(i, t)) as unknown as Value<never>[]);
    for (const id of probe.reads) helper.reads.add(id);
    for (const id of probe.writes) helper.writes.add(id);
    helper.opaque = probe.opaque;
    return helper;
  }

  /** Of an operation number that is not one of the interpreter's own. */
  info(op: number): Info {
    return this.#infos[op] ??= this.#shipped(op) ?? this.#probe(op);
  }
  #shipped(op: number): Info | undefined {
    const learned = this.#learned?.at(op - CORE_OPS.first);
    return learned && { ...this.operations.of(op), ...learned };
  }
  /** The operation has asked whether the host's multiply-add rounds once: it is fused where that does. */
  mayFuse(op: number): boolean {
    return this.#byHost.has(op);
  }
  /** What there is to know of all operations, as text: for {@link Operations.learned}. */
  pack(count: number): string {
    return pack(Array.from({ length: count }, (_, i) => {
      const info = this.info(CORE_OPS.first + i);
      return this.#byHost.has(CORE_OPS.first + i) ? undefined : info;
    }));
  }

  /** The same for a record: `int 0x80` enters the kernel, other vectors raise a trap. */
  infoWith(op: number, info: Info, immediate: number): Info {
    if (info.kind !== "stop" || !info.def.operands.some((o) => o.place === "imm")) return info;
    const key = op * 256 + (immediate & 255);
    let own = this.#stops.get(key);
    if (own === undefined) this.#stops.set(key, own = this.#probe(op, immediate));
    return own;
  }

  #probe(op: number, imm: number = 1): Info {
    const { def, form } = this.operations.of(op);
    const f = new RegionFunc({ index: 0, params: [], results: [] });
    const state = new ProbeState(f, this.slots, this.memories);
    const machine = new RegionMachine(state, this.memories, this);
    let stops = false, leaves = false;
    const flow: Flow = {
      branchIf: (c) => f.drop(c),
      branch() {},
      jump: (pc) => f.drop(pc),
      enter() {},
      interpret: () => {
        leaves = true;
        if (f.w.depth === 0) stops = true;
      },
      count: i32(0),
    };
    const { zero } = this.slots.spec;
    // Registers that are not the first: some operations fold on that.
    const fields = { a: 16, b: 48, base: zero, index: zero, scale: 0, disp: 0, imm };
    const { isFlag } = this.slots;
    let how: Info["how"] = "inline";
    const rare = op >= this.operations.hot;
    try {
      machine.emit(def, form, fields, 0x1000, 4, true, flow);
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      how = rare ? "call" : "leave";
    }
    const { asked } = machine;
    const kind: Kind = asked.enter
      ? "enter"
      : asked.branchIf
      ? "jcc"
      : asked.branch
      ? (asked.nextPc ? "call" : "jmp")
      : asked.jump
      ? (asked.nextPc
        ? "callIndirect"
        : def.operands.some((o) => o.place === "reg" || o.place === "mem") && !def.name.startsWith("ret")
        ? "jump"
        : "return")
      : stops
      ? "stop"
      : "next";
    if (how === "inline" && rare && kind === "next" && !asked.trial && f.w.length > LARGE) how = "call";
    if (asked.late) how = "leave";
    if (asked.fuses) this.#byHost.add(op);
    const touchesFlags = (s: Iterable<number>) => [...s].some((id) => isFlag[id]);
    const readsFlags = how !== "inline" || touchesFlags(state.reads);
    let needsFlags = readsFlags;
    if (readsFlags && how === "inline" && def.flags) {
      const without = new ProbeState(
        new RegionFunc({ index: 0, params: [], results: [] }),
        this.slots,
        this.memories,
      );
      new RegionMachine(without, this.memories, this).emit(
        def,
        form,
        fields,
        0x1000,
        4,
        false,
        { ...flow, interpret() {} },
      );
      needsFlags = touchesFlags(without.reads);
    }
    return {
      def,
      form,
      kind,
      how,
      reads: state.reads,
      writes: state.writes,
      direct: state.direct,
      operandReads: machine.operandReads,
      stirs: state.stirred,
      trial: machine.asked.trial,
      effects: machine.asked.effects,
      readsFlags,
      leaves,
      needsFlags,
      killsFlags: how === "inline" && state.killed,
      budget: asked.budget,
      helpers: machine.used,
      clock: machine.asked.clock,
      readsBase: asked.segment,
    };
  }
}
