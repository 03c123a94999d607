/** The x86-64 CPU: decoder, frame and faults on top of the translator's run loop. */
import {
  ACCESS,
  BaseCpu,
  BIAS,
  EAGERNESS,
  Engine,
  type Kernel,
  type LockstepLog,
  moduleOf,
  type Space,
  TABLES,
  type Translator,
  type TrapData,
} from "@guise/translator/run";
import { cpuid } from "./cpuid.ts";
import { Decoder, MOVED, newParts, PARSE, parse, RUN_INSTRUCTIONS, RUN_RECORDS } from "./decode.ts";
import { KIND } from "./kinds.ts";
import { Frame } from "./frame.ts";
import { type Image, image } from "./image.ts";
import { RAX, RBP, RBX, RCX, RDX, RSP, STATE } from "./state.ts";

const engines = new Map<Image, Engine>();
/** The engine memory of all CPUs that work from the current image. */
export function sharedEngine(): Engine {
  const i = image();
  let engine = engines.get(i);
  if (!engine) {
    engines.set(i, engine = new Engine());
    if (!i.profile) engine.u8.set(i.block, TABLES);
  }
  return engine;
}

let translator: Translator | undefined, loading: Promise<void> | undefined;
/** For tests: another translator from now on; the result brings the old one back. */
export function useTranslator(other: Translator): () => void {
  const before = translator;
  translator = other;
  return () => void (translator = before);
}
/** Loads the translator: until it is here the interpreter runs. */
export function loadTranslator(): Promise<void> {
  return loading ??= import("./jit.ts").then((jit) => {
    translator = jit.translator();
  });
}
/** While it is being loaded. */
export const translatorLoading = (): Promise<void> | undefined => translator ? undefined : loading;

export class X86Cpu extends BaseCpu {
  readonly frame: Frame;
  readonly #decoder: Decoder;

  readonly #image: Image;

  constructor(
    space: Space,
    kernel: Kernel,
    readonly arch?: unknown,
    parent?: X86Cpu,
    engine: "interpreter" | "jit" | "auto" | "lockstep" = "interpreter",
    log?: LockstepLog,
  ) {
    const i = parent ? parent.#image : image();
    super(space, kernel, {
      engine: parent?.engine ?? sharedEngine(),
      module: (wide) => moduleOf(i, wide),
      pc: STATE.rip,
      idle: i.idle,
      eagerness: engine === "interpreter" || i.profile ? undefined : EAGERNESS[engine],
      translator: () => {
        if (!translator) loadTranslator();
        return translator;
      },
      log: engine === "lockstep" ? log : undefined,
      host: (cpu) => ({ cpuid: () => (cpu as X86Cpu).cpuid() }),
    }, parent);
    this.#image = i;
    this.frame = new Frame(this);
    this.#decoder = new Decoder(i.tables, i.special, this);
    const { state } = this;
    state.setInt32(STATE.flagKind, KIND.image, true);
    state.setInt32(STATE.flagRest, 0x202, true);
    state.setInt32(STATE.mxcsr, 0x1f80, true);
    state.setInt32(STATE.fcw, 0x37f, true);
  }

  /** CPUID with the registers of the state block. */
  cpuid(): void {
    const { state } = this;
    cpuid(state.getInt32(RAX, true), state.getInt32(RCX, true)).forEach((v, i) => {
      state.setInt32([RAX, RBX, RCX, RDX][i], v, true);
      state.setInt32([RAX, RBX, RCX, RDX][i] + 4, 0, true);
    });
  }

  protected override statusFlags(): number {
    return this.frame.lo(this.frame.registers.rflags);
  }
  protected override decode(pc: number): number {
    const { cache } = this, at = cache.begin(RUN_RECORDS), table = cache.page(pc >>> 12);
    const limit = Math.min(this.space.memory.buffer.byteLength - 32, 0xffffffff);
    let end = this.#image.profile
      ? 0
      : this.exports.decode(pc, table, at, limit, cache.sharers.size === 1 ? 1 : 0);
    if (!end) end = this.#decoder.run(pc, RUN_INSTRUCTIONS, at, false);
    if (end === MOVED) return this.engine.use(this.cache), this.decode(pc);
    if (!end) return 0;
    cache.commit(end);
    return at;
  }
  protected override stepAt(pc: number): number {
    return this.#decoder.run(pc - BIAS, 1, this.engine.scratch, true) ? this.engine.scratch : 0;
  }

  protected override fault(): TrapData {
    const { trap } = this;
    if (trap.access === ACCESS.exec && this.#decoder.fetchAddress) {
      trap.addressLo = this.#decoder.fetchAddress | 0, trap.addressHi = 0;
      trap.address = this.#decoder.fetchAddress;
      this.#decoder.fetchAddress = 0;
    }
    // Addresses whose upper 17 bits differ are not canonical: #GP, without an address (SDM volume 1, 3.3.7.1).
    const canonical = trap.addressHi >> 15 === 0 || trap.addressHi >> 15 === -1;
    trap.cause = canonical ? "page" : "protection";
    trap.vector = canonical ? 14 : trap.access !== ACCESS.exec && this.#throughStack() ? 12 : 13;
    trap.error = canonical ? (trap.access === ACCESS.write ? 6 : trap.access === ACCESS.exec ? 0x14 : 4) : 0;
    return trap;
  }
  /** A non-canonical address is the stack segment's fault when rsp or rbp was its base (SDM volume 1, 3.3.7.1; volume 3, #SS). */
  #throughStack(): boolean {
    const { trap, state } = this, p = newParts(), at = this.pc - BIAS;
    if (!(at >= 0 && at + 15 <= this.memory.length)) return false;
    if (parse(this.#image.tables, this.memory, at, p) !== PARSE.ok) return false;
    if (p.memory && !p.segment && (p.base === RSP / 8 || p.base === RBP / 8)) return true;
    // push, pop, call, ret, enter, leave reach the stack by themselves: the address tells.
    const to = BigInt(trap.addressHi) << 32n | BigInt(trap.addressLo >>> 0); // cold: once a fault
    const near = (register: number) => {
      const distance = BigInt.asIntN(64, state.getBigInt64(register, true) - to); // cold: once a fault
      return distance >= -256n && distance <= 256n; // cold: once a fault
    };
    const { opcode } = p;
    if (p.map === 1) return (opcode & 0xf6) === 0xa0 && near(RSP);
    if (p.map !== 0) return false;
    const implicit = (opcode & 0xf0) === 0x50 ||
      [0x68, 0x6a, 0x8f, 0x9c, 0x9d, 0xc2, 0xc3, 0xc8, 0xc9, 0xe8, 0xff].includes(opcode);
    return implicit && (near(RSP) || ((opcode & 0xfe) === 0xc8 && near(RBP)));
  }
  protected override adjust(length: number): void {
    // int3, int 3 and int 4 leave rip behind the instruction (spec X11).
    if (this.trap.cause === "breakpoint" || this.trap.cause === "overflow") {
      const { rip } = this.frame.registers;
      this.frame.setNum(rip, this.frame.num(rip) + length);
    }
  }
}
