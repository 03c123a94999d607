/**
 * The interpreter: one WebAssembly module made from the definitions. `run(record, count)` is a loop around one br_table
 * with a case for each hot operation variant; each rare operation is a function of its own in a table.
 */
import {
  ACCESS,
  BIAS,
  CHUNK,
  CHUNK_INFO,
  CORE_OPS,
  EMPTY_PAGE,
  FIELD,
  IDLE_OPS,
  INFO,
  JUMPS,
  LEAVE,
  NEST,
  PAGE_BIAS,
  RECORD,
  STATUS,
  TABLES,
  WATCHED,
} from "./layout.ts";
import { HELPERS } from "./helpers.ts";
import type { Env, OpDef } from "./machine.ts";
import { HelperEnv, type LoopContext, RecordMachine } from "./record_machine.ts";
import {
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  type Mem,
  Module,
  type Type,
  type Value,
} from "./wasm/mod.ts";

/** A JavaScript function that operations may call, by name in the import module `host`. */
export interface HostFunction {
  /** Types of the parameters. */
  readonly params: readonly Type[];
  /** Types of the results. */
  readonly results: readonly Type[];
}

/** The decoder in the module: (pc, page's table, out, memory's bytes less 32, 0) -> end of the records, or 0; it may have less parameters. */
export interface DecoderRef {
  readonly decode: FunctionRef;
  /** Records that a run can need. */
  readonly records: number;
}

/** What an architecture tells the generator. */
export interface InterpreterSpec {
  /** All operations. */
  readonly ops: readonly OpDef[];
  /** What `m.host(name)` can name. */
  readonly host: Readonly<Record<string, HostFunction>>;
  /** Offsets in the state block: a slot that is always zero, one for computed addresses, the program counter. */
  readonly zero: number;
  /** Offset of the slot for computed addresses. */
  readonly temporary: number;
  /** Offset of the program counter. */
  readonly pc: number;
  /** A register field of a record times 2^this is the slot's offset; default 0. */
  readonly fieldShift?: number;
  /** Guest memory is a memory64. */
  readonly wide: boolean;
  /** The top byte of an address whose bit 55 is 0 does not count (aarch64: TCR_EL1.TBI0). */
  readonly tagged?: boolean;
  /** Names of the variants in the big switch ({@link number}). */
  readonly hot?: ReadonlySet<string>;
  /** Counts executed operations at {@link PROFILE}. */
  readonly profile?: boolean;
  /** More functions of the same module, made with the same environment: the decoder. */
  readonly extra?: (module: Generator) => DecoderRef;
}

/** One number in a record: an operation with an address form, with or without flags. */
export interface Variant {
  /** Index of the operation. */
  readonly def: number;
  /** 0: base + disp; 1: base + index << scale + disp. */
  readonly form: 0 | 1;
  /** 1: with flags. */
  readonly flags: 0 | 1;
  /** `add reg64:rw,mem64:r|01`: what a profile names. */
  readonly name: string;
}

/** Numbers of all variants. */
export interface Numbering {
  /** In the order of their numbers, from {@link CORE_OPS}.first on; hot ones come first. */
  readonly variants: readonly Variant[];
  /** First number that is a function of its own. */
  readonly hot: number;
  /** Number by def * 4 + form * 2 + flags; 0: there is none. An operation without flags has the same number for both. */
  readonly numbers: Uint16Array;
}

/** Numbers the variants. `hot` names those of the big switch; without it all that the declarations call hot are in it. */
export function number(ops: readonly OpDef[], hot?: ReadonlySet<string>): Numbering {
  const lists: [Variant[], Variant[]] = [[], []];
  ops.forEach((def, i) => {
    const name = (form: number, flags: number) => `${def.name}|${form}${flags}`;
    const memory = def.operands.some((o) => o.place === "mem");
    const chosen = (form: number, flags: number) => hot ? hot.has(name(form, flags)) : def.hot;
    for (const form of [0, 1] as const) {
      if (def.form !== undefined && form !== def.form) continue;
      if (form && !def.form && !(memory && (chosen(1, 0) || chosen(1, 1)))) continue;
      for (const flags of def.flags ? [0, 1] as const : [0] as const) {
        const isHot = chosen(form, flags);
        // Rare: flags that nobody wants are computed all the same.
        if (!isHot && def.flags && !flags) continue;
        // A fused pair only makes sense in the switch.
        if (def.fused && !isHot) continue;
        lists[isHot ? 0 : 1].push({ def: i, form, flags, name: name(form, flags) });
      }
    }
  });
  const variants = [...lists[0], ...lists[1]], numbers = new Uint16Array(ops.length * 4);
  variants.forEach((v, i) => {
    const n = CORE_OPS.first + i;
    numbers[v.def * 4 + v.form * 2 + v.flags] = n;
    if (!ops[v.def].flags) numbers[v.def * 4 + v.form * 2 + 1] = n;
  });
  for (let at = 0; at < numbers.length; at += 2) numbers[at] ||= numbers[at + 1];
  ops.forEach((def, i) => {
    if (def.form) numbers[i * 4] = numbers[i * 4 + 2], numbers[i * 4 + 1] = numbers[i * 4 + 3];
  });
  return { variants, hot: CORE_OPS.first + lists[0].length, numbers };
}

/** Counters by operation in memory 2, in place of the decoder's tables, of a profiling interpreter. */
export const PROFILE: number = TABLES;

const CORE_VARIANT: Variant = { def: 0, form: 0, flags: 0, name: "core" };
const CORE_DEF: OpDef = { name: "core", operands: [], semantics: () => {}, flags: false, hot: true };

/** The module under construction. */
export class Generator {
  /** The module itself. */
  readonly module: Module = new Module();
  /** Memory 0. */
  readonly guest: Mem;
  /** Memory 1: permissions. */
  readonly pages: Mem;
  /** Memory 2. */
  readonly engine: Mem;
  /** Imported functions by name. */
  readonly hosts: Map<string, FunctionRef> = new Map();
  readonly #helpers = new Map<string, FunctionRef>();
  /** (wasm address, bytes | access << 16) -> 1 when it faults. */
  readonly slow: FunctionRef;
  /** The table of translated regions, one of each instance. */
  readonly regions: number;
  /** (biased pc) -> its record, decoded where that takes no decision of JavaScript's, or 0. */
  readonly near: FunctionRef;
  readonly #link: FunctionRef;
  /** (wasm address) -> that of the address without its tag. */
  readonly untag: FunctionRef | undefined;

  /** Declares memories and imports; `bytes` makes the rest. */
  constructor(readonly spec: InterpreterSpec) {
    const m = this.module;
    this.guest = m.importMemory("guise", "memory", { min: 2, wide: spec.wide });
    this.pages = m.importMemory("guise", "pages", { min: 17 });
    this.engine = m.importMemory("guise", "engine", { min: 8 });
    this.regions = m.importTable("guise", "regions", 0);
    const host = (name: string, params: readonly Type[], results: readonly Type[]) =>
      this.hosts.set(name, m.importFunction("host", name, params, results));
    host("miss", ["i32"], ["i32"]);
    host("resolve", ["f64", "i32"], ["i32"]);
    host("syscall", ["i32"], ["i32"]);
    host("call", ["i32"], ["i32"]);
    host("region", ["i32"], ["i32"]);
    for (const [name, h] of Object.entries(spec.host)) host(name, h.params, h.results);
    this.slow = m.declare(["i64", "i32"], ["i32"]);
    m.define(this.slow, (f) => this.#slowPath(f));
    this.near = m.declare(["i32"], ["i32"]);
    this.#link = m.declare(["i32"], ["i32"]);
    if (spec.tagged) {
      this.untag = m.func(["i64"], ["i64"], (f) => {
        const guest = f.let(f.param(0, "i64").add(BIAS));
        f.if(guest.shrU(55).wrap().and(1), () => f.return(f.param(0, "i64")));
        f.return(guest.shl(8).shrU(8).sub(BIAS));
      });
    }
  }

  /** See {@link Env.helper}. */
  helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: Env, ...params: Value<never>[]) => void,
  ): FunctionRef {
    let ref = this.#helpers.get(name);
    if (!ref) {
      ref = this.module.declare(params, results);
      this.#helpers.set(name, ref);
      this.module.define(ref, (f) => {
        body(new HelperEnv(this, f), ...params.map((t, i) => f.param(i, t)) as unknown as Value<never>[]);
        if (results.length) f.unreachable();
      });
    }
    return ref;
  }

  /** 1 when the fast test of an access fails: no permission, beyond 4 GiB, or across a page. */
  suspicious(address: I64, bytes: number | I32, access: number): I32 {
    const page = this.pages.load("i32.load8_u", address.wrap().shrU(12), PAGE_BIAS);
    const refused = page.and(access).eqz().or(address.shrU(32).wrap());
    if (bytes === 1) return refused;
    const last = typeof bytes === "number" ? i32(4096 - bytes) : i32(4096).sub(bytes);
    return refused.or(address.wrap().and(4095).gtS(last));
  }

  /** Asks page by page; at most 64 KiB at once. */
  #slowPath(f: Func): void {
    const address = f.param(0, "i64"), request = f.param(1, "i32");
    const access = f.let(request.shrU(16));
    const at = f.let(address);
    const end = f.let(address.add(request.and(0xffff).sub(1).extendU())); // last byte
    f.loop((again) => {
      // Beyond 4 GiB there is no page to look up.
      const allowed = f.let(i32(0));
      f.if(at.shrU(32).eqz(), () => {
        f.set(allowed, this.pages.load("i32.load8_u", at.wrap().shrU(12), PAGE_BIAS).and(access));
      });
      f.if(allowed.eqz(), () => {
        f.store(this.engine, "i64.store", 0, at.add(BIAS), FIELD.address);
        f.store(this.engine, "i32.store", 0, access, FIELD.access);
        f.if(
          f.call("i32", this.hosts.get("resolve")!, at.add(BIAS).to("f64.convert_i64_u"), access).eqz(),
          () => f.return(i32(1)),
        );
      });
      f.set(at, at.or(4095).add(1));
      f.brIf(again, at.leU(end));
    });
    f.return(i32(0));
  }

  /** The finished module. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { spec, module } = this, { variants, hot } = number(spec.ops, spec.hot);
    const opType = module.type(["i32"], ["i32"]), switched = hot - CORE_OPS.first;
    for (const [i, v] of variants.entries()) {
      if (i < switched) continue;
      const ref = module.func(["i32"], ["i32"], (f) => {
        new RecordMachine(this, f, spec.ops[v.def], v, f.param(0, "i32")).emit();
        f.return(i32(STATUS.next));
      });
      if (module.tableSlot(ref) !== i - switched) throw new Error("operations out of order");
    }
    // Different bodies, or V8 could see that they are one.
    for (let i = 0; i < IDLE_OPS; i++) {
      module.tableSlot(module.func(["i32"], ["i32"], (f) => {
        f.store(this.engine, "i32.store", 0, i, FIELD.idle);
        f.return(i32(STATUS.next));
      }));
    }
    const decoder = spec.extra?.(this);
    module.define(this.near, (f) => this.#near(f, spec.profile ? undefined : decoder));
    module.define(this.#link, (f) => this.#defineLink(f));
    const run = module.func(
      ["i32", "i32"],
      ["i32"],
      (f) => this.#run(f, variants.slice(0, switched), opType),
    );
    module.export("run", run);
    module.export("nest", module.func(["i32", "i64", "i32"], ["i32"], (f) => this.#nest(f, run)));
    // For regions: rare operations, what semantics share, and the way to pages that are not there yet.
    module.exportTable("operations");
    module.export("slow", this.slow);
    module.export("missing", module.func(["i32"], ["i32"], (f) => f.return(i32(LEAVE.missing))));
    for (let i = 0; i < IDLE_OPS; i++) {
      module.export(
        `idle ${i}`,
        module.func(["i32"], ["i32"], (f) => {
          f.store(this.engine, "i32.store", 0, i, FIELD.idle);
          f.return(i32(LEAVE.missing));
        }),
      );
    }
    const find = module.func(["i64"], ["i32"], (f) => this.#find(f));
    module.export("find", find);
    module.export("go", module.func(["i32"], ["i32"], (f) => this.#go(f, find, opType)));
    // For what has no region: the caller goes on there. A region that came meanwhile has to be linked.
    module.export(
      "away",
      module.func(["i32"], ["i32"], (f) => {
        const pc = this.guest.load("i64.load", 0, this.spec.pc).sub(BIAS);
        f.if(f.call("i32", find, pc).geS(0), () => f.return(i32(LEAVE.missing)));
        f.return(i32(LEAVE.go));
      }),
    );
    const helpers = [...this.#helpers].map(([name, ref]) => [name, module.tableSlot(ref)] as const);
    if (helpers.length) {
      const text = [helpers[0][1], ...helpers.map(([name]) => name)].join("\n");
      module.custom(HELPERS, new TextEncoder().encode(text));
    }
    return module.bytes();
  }

  #run(f: Func, variants: readonly Variant[], opType: number): void {
    const hot = CORE_OPS.first + variants.length;
    const record = f.param(0, "i32"), count = f.param(1, "i32"), status = f.local("i32");
    const engine = this.engine;
    f.block((exit) => {
      f.loop((dispatch) => {
        const loop: LoopContext = { record, count, status, exit, dispatch };
        const next = () => (f.set(record, record.add(RECORD.size)), f.br(dispatch));
        const address = (machine: RecordMachine) => machine.effectiveAddress(true);
        const core: Record<Exclude<keyof typeof CORE_OPS, "first">, () => void> = {
          miss: () => this.#miss(f, loop),
          link: () => this.#miss(f, loop),
          goto: () => new RecordMachine(this, f, CORE_DEF, CORE_VARIANT, record, loop).branch(),
          step: () => (f.set(status, STATUS.step), f.br(exit)),
          ea: () => {
            const m = new RecordMachine(this, f, CORE_DEF, CORE_VARIANT, record, loop);
            m.setState("i64.store", this.spec.temporary, address(m).add(m.slot("i64.load", "a")));
            next();
          },
          ea32: () => {
            const m = new RecordMachine(this, f, CORE_DEF, CORE_VARIANT, record, loop);
            m.setState(
              "i64.store",
              this.spec.temporary,
              address(m).and(0xffffffff).add(m.slot("i64.load", "a")),
            );
            next();
          },
          absolute: () => {
            const m = new RecordMachine(this, f, CORE_DEF, CORE_VARIANT, record, loop);
            const value = engine.load("i64.load", record, RECORD.disp);
            m.setState("i64.store", this.spec.temporary, value.add(m.slot("i64.load", "a")));
            next();
          },
          region: () => this.#region(f, loop),
        };
        const cases = [
          ...Object.values(core),
          ...variants.map((v) => () => {
            f.scope(() => {
              const m = new RecordMachine(this, f, this.spec.ops[v.def], v, record, loop);
              m.emit();
              if (!m.ended) next();
            });
          }),
        ];
        if (cases.length !== hot) throw new Error("hot operations out of order");
        const op = engine.load("i32.load16_u", record, RECORD.op);
        if (this.spec.profile) {
          f.store(
            engine,
            "i32.store",
            op.shl(2),
            engine.load("i32.load", op.shl(2), PROFILE).add(1),
            PROFILE,
          );
        }
        f.switch(op, cases, () => {
          f.set(
            status,
            f.callIndirect(
              this.module.table,
              opType,
              engine.load("i32.load16_u", record, RECORD.op).sub(hot),
              record,
            ),
          );
          f.if(status.eqz(), next);
          f.if(
            status.eq(STATUS.taken),
            () => new RecordMachine(this, f, CORE_DEF, CORE_VARIANT, record, loop).branch(),
          );
          f.if(status.eq(STATUS.jump), () => {
            new RecordMachine(this, f, CORE_DEF, CORE_VARIANT, record, loop).jump(
              engine.load("i64.load", 0, FIELD.target),
            );
          });
          f.br(exit);
        });
      });
    });
    f.store(engine, "i32.store", 0, record, FIELD.record);
    f.store(engine, "i32.store", 0, count, FIELD.count);
    f.return(status);
  }

  /** (biased pc) -> slot of the region there, or -1. */
  #find(f: Func): void {
    const { engine } = this, { entries, size } = JUMPS;
    const pc = f.param(0, "i64"), low = f.let(pc.wrap());
    const entry = f.let(
      engine.load("i32.load", 0, FIELD.jumps).add(low.xor(low.shrU(10)).and(entries - 1).mul(size)),
    );
    // Beyond 32 bits nothing is equal.
    f.if(
      engine.load("i64.load32_u", entry).eq(pc),
      () => f.return(engine.load("i32.load", entry, JUMPS.slot)),
    );
    f.if(pc.shrU(32).wrap(), () => f.return(i32(-1)));
    const level = engine.load(
      "i32.load",
      engine.load("i32.load", 0, FIELD.directory).add(low.shrU(22).shl(2)),
    );
    const page = engine.load("i32.load", level.add(low.shrU(12).and(1023).shl(2)));
    const record = f.let(engine.load("i32.load", page.add(low.and(4095).shl(2))));
    // There is no record at 0, and no region in that place.
    f.if(
      engine.load("i32.load16_u", record, RECORD.op).ne(CORE_OPS.region),
      () => f.return(i32(-1)),
    );
    const slot = f.let(engine.load("i32.load", record, RECORD.imm));
    f.store(engine, "i32.store", entry, low);
    f.store(engine, "i32.store", entry, slot, JUMPS.slot);
    f.return(slot);
  }
  /** (depth) -> status: the end of a region that jumps somewhere, with all state in memory. Goes on in the region there, if there is one. */
  #go(f: Func, find: FunctionRef, type: number): void {
    const { engine } = this;
    const slot = f.let(f.call("i32", find, this.guest.load("i64.load", 0, this.spec.pc).sub(BIAS)));
    const count = f.let(engine.load("i32.load", 0, FIELD.count).sub(4));
    // Chains of jumps come to an end.
    f.if(slot.ltS(0).or(count.leS(0)), () => f.return(i32(LEAVE.go)));
    f.store(engine, "i32.store", 0, count, FIELD.count);
    f.returnCallIndirect(this.regions, type, slot, f.param(0, "i32"));
  }

  /**
   * (depth, where the caller waits for the guest, how a region was left) -> 0: it came there; else how the caller is left. What a region has called and
   * what could not go on in regions is done by a loop of the interpreter that the caller waits for: its own locals stay. The guest returns there, or that loop is left for good.
   */
  #nest(f: Func, run: FunctionRef): void {
    const { engine } = this,
      depth = f.param(0, "i32"),
      expected = f.param(1, "i64"),
      left = f.param(2, "i32");
    const field = (at: number) => engine.load("i32.load", 0, at);
    const level = f.let(field(FIELD.nested)), above = f.let(field(FIELD.depth));
    const outer = f.let(engine.load("i64.load", 0, FIELD.expected));
    f.if(left.eq(LEAVE.missing), () => {
      f.drop(f.call("i32", this.hosts.get("region")!, i32(1)));
      f.set(left, LEAVE.go);
    });
    f.if(
      left.gtU(LEAVE.interpret).or(field(FIELD.count).leS(0)),
      () => f.return(i32(LEAVE.budget)),
    );
    f.if(
      level.geU(NEST.levels).or(depth.gtU(NEST.depth)).or(field(FIELD.changed)),
      () => f.return(i32(LEAVE.interpret)),
    );
    const record = f.let(i32(0)), status = f.local("i32");
    const pc = f.let(this.guest.load("i64.load", 0, this.spec.pc).sub(BIAS));
    f.if(pc.shrU(32).eqz(), () => f.set(record, f.call("i32", this.near, pc.wrap())));
    f.if(record.eqz(), () => f.return(i32(LEAVE.interpret)));
    f.if(engine.load("i32.load16_u", record, RECORD.op).eq(CORE_OPS.region), () => {
      f.if(left, () => f.set(record, engine.load("i32.load", record, RECORD.disp)));
    }, () => {
      const exits = f.let(field(FIELD.exits).sub(1));
      f.store(engine, "i32.store", 0, exits, FIELD.exits);
      f.if(left.eqz().and(exits.leS(0)), () => {
        f.set(status, f.call("i32", this.hosts.get("region")!, i32(0)));
        f.if(status, () => f.set(record, status));
      });
    });
    f.store(engine, "i32.store", 0, depth.add(NEST.frames), FIELD.depth);
    f.store(engine, "i32.store", 0, level.add(1), FIELD.nested);
    f.store(engine, "i64.store", 0, expected.sub(BIAS), FIELD.expected);
    f.set(
      status,
      f.call("i32", run, record, field(FIELD.count).add(engine.load("i32.load8_u", record, RECORD.ordinal))),
    );
    f.store(engine, "i32.store", 0, above, FIELD.depth);
    f.store(engine, "i32.store", 0, level, FIELD.nested);
    f.store(engine, "i64.store", 0, outer, FIELD.expected);
    // Who waits may be of code that was dropped meanwhile: then the outermost loop goes on here.
    f.if(status.eq(STATUS.returned).and(field(FIELD.changed).eqz()), () => f.return(i32(0)));
    // The outermost loop finds out again: a fault, a trap, a page that cannot be fetched.
    f.set(record, field(FIELD.record));
    f.if(record, () => {
      const info = record.and(~(CHUNK - 1)).add(record.and(0xffff).shrU(1));
      f.store(
        engine,
        "i32.store",
        0,
        field(FIELD.count).sub(engine.load("i32.load8_u", record, RECORD.ordinal)),
        FIELD.count,
      );
      f.if(status.ne(STATUS.leave), () => {
        f.store(
          this.guest,
          "i64.store",
          0,
          engine.load("i64.load32_u", info, CHUNK_INFO + INFO.pc).add(BIAS),
          this.spec.pc,
        );
      });
    });
    f.if(
      status.eq(STATUS.budget).or(status.eq(STATUS.leave)),
      () => f.return(i32(LEAVE.budget)),
    );
    f.return(i32(LEAVE.interpret));
  }

  /** A translated region, from its entry on: a super-instruction. */
  #region(f: Func, loop: LoopContext): void {
    const { engine } = this, { record, count, status } = loop, found = f.local("i32");
    const ordinal = (r: I32) => engine.load("i32.load8_u", r, RECORD.ordinal);
    const type = this.module.type(["i32"], ["i32"]);
    // Entering costs as much as a call: a region that is left where it begins, or for another one, would never come to its end.
    f.store(engine, "i32.store", 0, count.sub(ordinal(record)).sub(4), FIELD.count);
    // What stands for a region that is none here (`away`) looks at it.
    const info = record.and(~(CHUNK - 1)).add(record.and(0xffff).shrU(1));
    f.store(
      this.guest,
      "i64.store",
      0,
      engine.load("i64.load32_u", info, CHUNK_INFO + INFO.pc).add(BIAS),
      this.spec.pc,
    );
    f.set(
      status,
      f.callIndirect(
        this.regions,
        type,
        engine.load("i32.load", record, RECORD.imm),
        engine.load("i32.load", 0, FIELD.depth),
      ),
    );
    f.if(status.eq(LEAVE.missing), () => {
      // JavaScript fills the slot, or gives the record of the interpreter; 0: the slot was that of a call further in.
      f.set(found, f.call("i32", this.hosts.get("region")!, record));
      f.if(found, () => (f.set(record, found), f.br(loop.dispatch)));
      f.set(status, LEAVE.go);
    });
    // No region is at work any more.
    f.if(status, () => {
      f.if(
        engine.load("i32.load", 0, FIELD.nested).eqz(),
        () => f.store(engine, "i32.store", 0, 0, FIELD.changed),
      );
    });
    f.set(count, engine.load("i32.load", 0, FIELD.count));
    f.if(status.eq(LEAVE.budget).or(status.eqz().and(count.leS(0))), () => {
      f.set(record, 0);
      f.set(status, STATUS.budget);
      f.br(loop.exit);
    });
    const pc = f.let(this.guest.load("i64.load", 0, this.spec.pc).sub(BIAS)), low = f.let(pc.wrap());
    f.if(status.eqz().and(pc.eq(engine.load("i64.load", 0, FIELD.expected))), () => {
      f.set(record, 0);
      f.set(status, STATUS.returned);
      f.br(loop.exit);
    });
    f.set(found, 0);
    f.if(pc.shrU(32).eqz(), () => {
      const level = engine.load(
        "i32.load",
        engine.load("i32.load", 0, FIELD.directory).add(low.shrU(22).shl(2)),
      );
      const page = engine.load("i32.load", level.add(low.shrU(12).and(1023).shl(2)));
      f.set(found, engine.load("i32.load", page.add(low.and(4095).shl(2))));
    });
    f.if(found.eqz(), () => {
      f.set(found, f.call("i32", this.hosts.get("miss")!, i32(0)));
      f.if(found.eqz(), () => {
        f.set(record, 0);
        f.set(status, STATUS.fetch);
        f.br(loop.exit);
      });
    });
    f.if(
      engine.load("i32.load16_u", found, RECORD.op).eq(CORE_OPS.region),
      () => f.if(status, () => f.set(found, engine.load("i32.load", found, RECORD.disp))),
      () => {
        // Regions lead here often: it should be one.
        const exits = f.let(engine.load("i32.load", 0, FIELD.exits).sub(1));
        f.store(engine, "i32.store", 0, exits, FIELD.exits);
        f.if(status.eqz().and(exits.leS(0)), () => {
          f.set(status, f.call("i32", this.hosts.get("region")!, i32(0)));
          f.if(status, () => f.set(found, status));
        });
      },
    );
    f.set(record, found);
    f.set(count, count.add(ordinal(record)));
    f.br(loop.dispatch);
  }

  /**
   * A page that is known here, is watched and may be executed needs nobody's leave to have more of it decoded: most of a short
   * program's runs begin in such pages, and asking JavaScript took as long as decoding.
   */
  #near(f: Func, decoder: DecoderRef | undefined): void {
    const { engine } = this, pc = f.param(0, "i32");
    const directory = engine.load("i32.load", 0, FIELD.directory);
    const level = engine.load("i32.load", directory.add(pc.shrU(22).shl(2)));
    const table = f.let(engine.load("i32.load", level.add(pc.shrU(12).and(1023).shl(2))));
    const found = f.let(engine.load("i32.load", table.add(pc.and(4095).shl(2))));
    f.if(found, () => f.return(found));
    if (decoder === undefined) return f.return(i32(0));
    const bits = this.pages.load("i32.load8_u", pc.shrU(12), PAGE_BIAS);
    const known = table.ne(EMPTY_PAGE).and(
      bits.and(ACCESS.exec | ACCESS.write | WATCHED).eq(ACCESS.exec | WATCHED),
    );
    f.if(known.eqz(), () => f.return(i32(0)));
    const at = f.let(engine.load("i32.load", 0, FIELD.next));
    const end = at.add(decoder.records * RECORD.size);
    f.if(end.gtU(engine.load("i32.load", 0, FIELD.room)), () => f.return(i32(0)));
    const { decode } = decoder;
    const args = [pc, table, at, this.guest.size().sub(32), i32(0)].slice(0, decode.params.length);
    const behind = f.let(f.call("i32", decode, ...args));
    f.if(behind.eqz(), () => f.return(i32(0)));
    f.store(engine, "i32.store", 0, behind, FIELD.next);
    f.return(at);
  }

  /** (record that is missed) -> 1 when it is now a jump to what was decoded: outside the big function, which V8 should keep simple. */
  #defineLink(f: Func): void {
    const { engine } = this, record = f.param(0, "i32");
    const info = record.and(~(CHUNK - 1)).add(record.and(0xffff).shrU(1));
    const target = f.let(f.call("i32", this.near, engine.load("i32.load", info, CHUNK_INFO + INFO.pc)));
    f.if(target.eqz(), () => f.return(i32(0)));
    const ordinal = f.let(engine.load("i32.load8_u", target, RECORD.ordinal));
    f.if(engine.load("i32.load16_u", record, RECORD.op).eq(CORE_OPS.link), () => {
      const branch = f.let(engine.load("i32.load", record, RECORD.disp));
      const count = engine.load("i32.load", branch, RECORD.imm).sub(ordinal);
      f.store(engine, "i32.store", branch, count, RECORD.imm);
      f.store(engine, "i32.store", branch, target, RECORD.disp);
    });
    const count = engine.load("i32.load8_u", record, RECORD.ordinal).sub(ordinal);
    f.store(engine, "i32.store", record, count, RECORD.imm);
    f.store(engine, "i32.store16", record, i32(CORE_OPS.goto), RECORD.op);
    f.store(engine, "i32.store", record, target, RECORD.disp);
    f.return(i32(1));
  }

  /** What is decoded, here or by JavaScript; the record becomes a jump there. */
  #miss(f: Func, loop: LoopContext): void {
    f.brIf(loop.dispatch, f.call("i32", this.#link, loop.record));
    f.store(this.engine, "i32.store", 0, loop.count, FIELD.count);
    f.set(loop.status, f.call("i32", this.hosts.get("miss")!, loop.record));
    f.if(loop.status, () => (f.set(loop.record, loop.status), f.br(loop.dispatch)));
    f.set(loop.status, STATUS.fetch);
    f.br(loop.exit);
  }
}
