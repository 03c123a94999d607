/** The aarch64 CPU: decoder, frame and faults on top of the translator's run loop. */
import {
  ACCESS,
  BaseCpu,
  BIAS,
  EAGERNESS,
  Engine,
  type Kernel,
  type LockstepLog,
  type Space,
  type Translator,
  type TrapData,
} from "@guise/translator/run";
import { type Image, image, moduleOf } from "./image.ts";
import { Decoder, RUN_INSTRUCTIONS, RUN_RECORDS } from "./decode.ts";
import { Frame } from "./frame.ts";
import { KIND } from "./kinds.ts";
import { STATE } from "./state.ts";

const engines = new Map<Image, Engine>();
function engineOf(i: Image): Engine {
  let engine = engines.get(i);
  if (!engine) engines.set(i, engine = new Engine());
  return engine;
}

let translator: Translator | undefined, loading: Promise<void> | undefined;
/** Loads the translator: until it is here the interpreter runs. */
export function loadTranslator(): Promise<void> {
  return loading ??= import("./jit.ts").then((jit) => {
    translator = jit.translator();
  });
}

/** Exception classes (ESR_ELx.EC). */
const EC = { instructionAbort: 0x20, dataAbort: 0x24 } as const;
/** Fault status of a level 3 translation fault, and WnR. */
const TRANSLATION = 7, WRITE_NOT_READ = 0x40;

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
      eagerness: engine === "interpreter" ? undefined : EAGERNESS[engine],
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
    const at = this.cache.begin(RUN_RECORDS);
    this.cache.commit(this.#decoder.run(pc, RUN_INSTRUCTIONS, at, false));
    return at;
  }
  protected override stepAt(pc: number): number {
    this.#decoder.run(pc - BIAS, 1, this.engine.scratch, true);
    return this.engine.scratch;
  }

  protected override fault(): TrapData {
    const { trap } = this, fetch = trap.access === ACCESS.exec;
    trap.cause = "page";
    trap.vector = fetch ? EC.instructionAbort : EC.dataAbort;
    trap.error = TRANSLATION | (trap.access === ACCESS.write ? WRITE_NOT_READ : 0);
    return trap;
  }
}
