/** The x86-64 CPU: decoder, frame and faults on top of the translator's run loop. */
import {
  ACCESS,
  BaseCpu,
  BIAS,
  CORE_OPS,
  Engine,
  FIELD,
  Generator,
  type HostFunction,
  type InterpreterSpec,
  type Kernel,
  type Space,
  TABLES,
  type TrapData,
} from "@guise/translator";
import { defineDecoder, tableBytes, tablePlaces } from "./decoder.ts";
import { Decoder, RUN_INSTRUCTIONS, RUN_RECORDS, type SpecialOps } from "./decode.ts";
import { KIND } from "./flags.ts";
import { Frame } from "./frame.ts";
import { cpuid } from "./cpuid.ts";
import { RAX, RBX, RCX, RDX, STATE } from "./state.ts";
import { type Tables, TEMPLATE } from "./tables.ts";
import { hotSet, settings, tables } from "./shared.ts";

/** JavaScript that rare instructions call. */
export const HOST: Record<string, HostFunction> = {
  cpuid: { params: [], results: [] },
};

/** The interpreter's parts for guest memory of either kind. */
export function interpreterSpec(tables: Tables, wide: boolean): InterpreterSpec {
  return {
    ops: tables.ops, hot: hotSet(), profile: settings.profile, host: HOST, zero: STATE.zero, temporary: STATE.temporary, pc: STATE.rip,
    wide,
    extra: (g) => defineDecoder(g, tablePlaces(tables)),
  };
}

const modules: (WebAssembly.Module | undefined)[] = [];
function interpreter(wide: boolean): WebAssembly.Module {
  return modules[Number(wide)] ??= new WebAssembly.Module(new Generator(interpreterSpec(tables(), wide)).bytes());
}

export function specialOps(t: Tables): SpecialOps {
  const find = (mnemonic: string) => {
    const i = t.declarations.findIndex((d) => d.mnemonic === mnemonic);
    for (let at = TEMPLATE.size; at < t.templates.length; at += TEMPLATE.size) {
      const view = new DataView(t.templates.buffer, at);
      if (view.getUint16(TEMPLATE.declaration, true) === i) return view.getUint16(TEMPLATE.op, true);
    }
    throw new Error(`no ${mnemonic}`);
  };
  return { illegal: find("ud2"), protection: find("hlt") };
}

let engine: Engine | undefined;
/** The engine memory of all CPUs. */
export function sharedEngine(): Engine {
  if (!engine) {
    engine = new Engine();
    if (!settings.profile) engine.u8.set(tableBytes(tables()), TABLES);
  }
  return engine;
}

export class X86Cpu extends BaseCpu {
  readonly frame: Frame;
  readonly #decoder: Decoder;

  constructor(space: Space, kernel: Kernel, readonly arch?: unknown, parent?: X86Cpu) {
    super(space, kernel, {
      engine: parent?.engine ?? sharedEngine(),
      module: interpreter,
      pc: STATE.rip,
      idle: CORE_OPS.first + tables().numbering.variants.length,
      host: (cpu) => ({ cpuid: () => (cpu as X86Cpu).cpuid() }),
    }, parent);
    this.frame = new Frame(this);
    const t = tables();
    this.#decoder = new Decoder(t, specialOps(t), this);
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

  protected override decode(pc: number): number {
    const { cache } = this, at = cache.begin(RUN_RECORDS), table = cache.page(pc >>> 12);
    const limit = Math.min(this.space.memory.buffer.byteLength - 32, 0xffffffff);
    let end = settings.profile ? 0 : this.exports.decode(pc, table, at, limit);
    if (!end) end = this.#decoder.run(pc, RUN_INSTRUCTIONS, at, false);
    if (!end) return 0;
    this.cache.commit(end);
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
    trap.vector = canonical ? 14 : 13;
    trap.error = canonical ? (trap.access === ACCESS.write ? 6 : trap.access === ACCESS.exec ? 0x14 : 4) : 0;
    return trap;
  }
  protected override adjust(length: number): void {
    // int3, int 3 and int 4 leave rip behind the instruction (spec X11).
    if (this.trap.cause === "breakpoint" || this.trap.cause === "overflow") {
      this.state.setBigUint64(STATE.rip, this.state.getBigUint64(STATE.rip, true) + BigInt(length), true);
    }
  }
}
void FIELD;
