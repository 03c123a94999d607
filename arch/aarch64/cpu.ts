/** The aarch64 CPU: decoder, frame and faults on top of the translator's run loop. */
import {
  ACCESS,
  BaseCpu,
  BIAS,
  EAGERNESS,
  Engine,
  FIELD,
  type Kernel,
  type LockstepLog,
  moduleOf,
  type Space,
  TABLES,
  type Translator,
  type TrapData,
} from "@guise/translator/run";
import { type Image, image } from "./image.ts";
import { Decoder, RUN_INSTRUCTIONS, RUN_RECORDS } from "./decode.ts";
import { Frame } from "./frame.ts";
import { KIND } from "./kinds.ts";
import { DATA_ABORT, INSTRUCTION_ABORT, PC_ALIGNMENT, STACK_ALIGNMENT, STATE } from "./state.ts";

const engines = new Map<Image, Engine>();
/** The engine memory of all CPUs that work from an image. */
export function engineOf(i: Image): Engine {
  let engine = engines.get(i);
  if (!engine) {
    engines.set(i, engine = new Engine());
    if (!i.profile) engine.u8.set(i.block, TABLES);
  }
  return engine;
}

let translator: Translator | undefined, loading: Promise<void> | undefined;
/** Loads the translator: until it is here the interpreter runs. */
export function loadTranslator(): Promise<void> {
  return loading ??= import("./jit.ts").then((jit) => {
    translator = jit.translator();
  });
}
/** While it is being loaded. */
export const translatorLoading = (): Promise<void> | undefined => translator ? undefined : loading;

/** Fault status of a level 3 translation fault, of an alignment fault, and WnR. */
const TRANSLATION = 7, ALIGNMENT = 0x21, WRITE_NOT_READ = 0x40;
/** Names of the bits that must be 0 in sp for accesses by it. */
const STACK_MASK = 15;

export class ArmCpu extends BaseCpu {
  readonly frame: Frame;
  readonly image: Image;
  readonly #decoder: Decoder;

  constructor(
    space: Space,
    kernel: Kernel,
    readonly arch?: unknown,
    parent?: ArmCpu,
    engine: "interpreter" | "jit" | "auto" | "lockstep" = "interpreter",
    log?: LockstepLog,
  ) {
    const i = parent?.image ?? image();
    super(space, kernel, {
      engine: parent?.engine ?? engineOf(i),
      module: (wide) => moduleOf(i, wide),
      pc: STATE.pc,
      idle: i.idle,
      eagerness: engine === "interpreter" || i.profile ? undefined : EAGERNESS[engine],
      translator: () => {
        if (!translator) loadTranslator();
        return translator;
      },
      log: engine === "lockstep" ? log : undefined,
      host: () => ({}),
    }, parent);
    this.image = i;
    this.frame = new Frame(this);
    this.#decoder = new Decoder(i.finder, i.special, this);
    const { state } = this;
    state.setInt32(STATE.flagKind, KIND.image, true);
    state.setInt32(STATE.exclusive, -1, true);
    state.setInt32(STATE.exclusive + 4, -1, true);
  }

  protected override statusFlags(): number {
    return this.frame.lo(this.frame.registers.pstate);
  }
  /** A branch drops the tag of its target: the top byte of an address whose bit 55 is 0. */
  override get pc(): number {
    const { state } = this, high = state.getInt32(STATE.pc + 4, true);
    if (high & 0xff000000 && !(high & 0x800000)) state.setInt32(STATE.pc + 4, high & 0xffffff, true);
    return super.pc;
  }

  protected override decode(pc: number): number {
    const { cache } = this, at = cache.begin(RUN_RECORDS);
    const table = cache.page(pc >>> 12);
    let end = this.image.profile ? 0 : this.exports.decode(pc, table, at);
    // What it does not know TypeScript does; then it goes on.
    if (!end) end = this.#decoder.run(pc, this.image.profile ? RUN_INSTRUCTIONS : 1, at, false);
    cache.commit(end);
    return at;
  }
  protected override stepAt(pc: number): number {
    this.#decoder.run(pc - BIAS, 1, this.engine.scratch, true);
    return this.engine.scratch;
  }

  protected override fault(): TrapData {
    const { trap } = this, fetch = trap.access === ACCESS.exec;
    trap.cause = "page";
    trap.vector = fetch ? INSTRUCTION_ABORT : DATA_ABORT;
    trap.error = TRANSLATION | (trap.access === ACCESS.write ? WRITE_NOT_READ : 0);
    return trap;
  }

  /** Where an access was not aligned; of sp and pc it is their own value. */
  protected override adjust(_length: number): void {
    const { trap, state, engine } = this;
    if (trap.cause !== "alignment") return;
    if (trap.vector === DATA_ABORT) {
      trap.error = ALIGNMENT;
      return this.#at(engine.i32[FIELD.address >>> 2], engine.i32[FIELD.address + 4 >>> 2]);
    }
    const from = trap.vector === PC_ALIGNMENT ? STATE.pc : STATE.sp;
    this.#at(state.getInt32(from, true), state.getInt32(from + 4, true));
  }
  #at(low: number, high: number): void {
    const { trap } = this;
    trap.addressLo = low;
    trap.addressHi = high & 0xff000000 && !(high & 0x800000) ? high & 0xffffff : high;
    trap.address = (trap.addressHi >>> 0) * 0x100000000 + (low >>> 0);
  }

  /**
   * Runs about `budget` instructions. An access by sp faults when sp is not a multiple of 16 (SCTLR_EL1.SA0). That costs nothing
   * where sp is read: what would misalign it stops here first, and then instructions are looked at one by one.
   */
  override run(budget: number): TrapData {
    const { state } = this;
    if ((state.getInt32(STATE.sp, true) & STACK_MASK) === 0) {
      const before = this.instructions;
      state.setInt32(STATE.stackMask, STACK_MASK, true);
      const trap = super.run(budget);
      if (trap.cause !== "alignment" || trap.vector !== STACK_ALIGNMENT) return trap;
      budget = Math.max(1, budget - (this.instructions - before));
    }
    for (let left = budget; left > 0; left--) {
      if (this.state.getInt32(STATE.sp, true) & STACK_MASK && this.#usesStack()) {
        const { trap } = this;
        trap.cause = "alignment", trap.vector = STACK_ALIGNMENT, trap.error = 0;
        this.adjust(4);
        return trap;
      }
      this.state.setInt32(STATE.stackMask, 0, true);
      const trap = super.run(1);
      if (trap.cause !== "budget") return trap;
      if ((this.state.getInt32(STATE.sp, true) & STACK_MASK) === 0 && left > 1) return this.run(left - 1);
    }
    return this.trap;
  }
  /** The instruction at pc loads or stores by sp. */
  #usesStack(): boolean {
    const { pc } = this;
    if (pc & 3 || !this.executable(pc)) return false;
    const word = this.state.getInt32(pc - BIAS, true);
    if ((word >>> 5 & 31) !== 31) return false;
    const kind = this.image.finder.find(word)?.memory?.kind;
    return kind !== undefined && kind !== "lit" && kind !== "none";
  }
}
