/**
 * Random instruction sequences made from the declarations, for comparing this CPU with a real one: every declared form can
 * be drawn, with random registers, flags and memory, and the flags that the manual leaves undefined are told.
 *
 * @module
 */
// cold: cases are made and compared with 64-bit integers, never run with them
import { useDeclarations } from "./built.ts";
import { type Declaration, flagMask, type OperandKind } from "./encoding.ts";
import { instructions } from "./instructions/mod.ts";

export { loadTranslator } from "./cpu.ts";
export { KIND } from "./kinds.ts";
export { STATE } from "./state.ts";

// What is declared is tested, not what was shipped last.
useDeclarations();

export type {
  Declaration,
  Encoding,
  OperandKind,
  Properties,
  RegisterClass,
  Semantics,
  Source,
} from "./encoding.ts";

/** Where code and data lie, in the host's runner and in ours. */
export const CODE = 0x20000000,
  DATA = 0x30000000,
  DATA_SIZE = 0x2000,
  WINDOW = 0x30000f00,
  WINDOW_SIZE = 0x200;

/** One declared form: a declaration with a register or a memory operand. */
export interface Form {
  readonly declaration: Declaration;
  readonly memory: boolean;
  /** `add r/m64, r64 [mem]`. */
  readonly name: string;
}

/** Initial state and code of one case. */
export interface Case {
  readonly code: Uint8Array;
  /** End of each instruction in `code`. */
  readonly ends: readonly number[];
  readonly forms: readonly Form[];
  /** rax rcx rdx rbx rsp rbp rsi rdi r8-r15. */
  readonly gpr: BigUint64Array;
  readonly flags: number;
  readonly window: Uint8Array;
  readonly fx: Uint8Array;
  /** After each instruction: status flags that are undefined then, as rflags bits. */
  readonly undefinedFlags: readonly number[];
}

/** Why a declaration is not drawn. */
export function excluded(d: Declaration): string | undefined {
  if (d.flow === "syscall") return "enters the kernel";
  if (d.privileged) return "privileged: a general protection fault, tested by name";
  if (/^(cpuid|rdtsc|rdtscp|rdpmc|xgetbv)$/.test(d.mnemonic)) return "reads what differs between machines";
  if (/^(rd|wr)(fs|gs)base|swapgs/.test(d.mnemonic)) return "the host's own thread pointer is there";
  if (d.operands.some((k) => k.class === "sreg" || k.class === "creg" || k.class === "dreg")) {
    return "segment and control registers";
  }
  if (/^(ret|jmp|call)$/.test(d.mnemonic) && d.flow === "end") {
    return "jumps to a register's value: tested by programs";
  }
  if (/^(popf|iret|int|syscall|sysenter|ud)/.test(d.mnemonic)) {
    return "system flags and traps, tested by name";
  }
  if (/^f?(stenv|nstenv|ldenv|save|nsave|rstor|xsave|xrstor)/.test(d.mnemonic.replace(/^f/, ""))) {
    return "images hold instruction pointers that processors fill differently";
  }
  if (/^[tl]zcnt$/.test(d.mnemonic)) {
    return "BMI1 is not announced, so they act as bsf and bsr: tested by name";
  }
  if (d.mnemonic === "ldmxcsr") {
    return "AMD's hosts accept bit 17 (MXCSR.MM), which CPUID here does not announce: tested by name";
  }
  if (d.mnemonic.startsWith("(")) return "ours";
  return undefined;
}

/** All forms that are drawn. */
export function forms(): Form[] {
  const list: Form[] = [];
  for (const d of instructions()) {
    if (excluded(d)) continue;
    const { modrm, modrmByte } = d.encoding;
    const canMemory = modrm && modrmByte === undefined && d.operands.every((k) => k.source !== "rm-reg") &&
      d.operands.some((k) => k.source === "rm" || k.source === "mem");
    const mustMemory = d.operands.some((k) => k.source === "mem");
    const label = `${d.encodingText}: ${d.mnemonic} ${d.operands.map((k) => k.name).join(", ")}`;
    if (!mustMemory) list.push({ declaration: d, memory: false, name: `${label} [reg]` });
    if (canMemory) list.push({ declaration: d, memory: true, name: `${label} [mem]` });
  }
  return list;
}

/** Chris Doty-Humphrey's sfc32: the same sequence for the same seed everywhere. */
export class Random {
  #a = 0x9e3779b9;
  #b: number;
  #c = 0x243f6a88;
  #counter = 1;
  constructor(seed: number) {
    this.#b = seed | 0;
    for (let i = 0; i < 16; i++) this.bits();
  }
  /** 32 random bits, unsigned. */
  bits(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21 | this.#c >>> 11) + t) | 0;
    return t >>> 0;
  }
  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.bits() / 0x100000000 * n);
  }
  chance(p: number): boolean {
    return this.bits() < p * 0x100000000;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  // cold: cases are made, not run, with 64-bit values
  big(): bigint {
    return BigInt(this.bits()) << 32n | BigInt(this.bits());
  }
}

// cold: tables of special values
const U64 = (v: bigint) => BigInt.asUintN(64, v);
const INTEGERS = [
  0n,
  1n,
  2n,
  3n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  -1n,
  -2n,
  -128n,
  -32768n,
  -0x80000000n,
].map(U64);
const DOUBLES = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  2,
  3,
  1e300,
  -1e-300,
  5e-324,
  2.2250738585072014e-308,
  Infinity,
  -Infinity,
  4503599627370496.5,
  2147483647,
  -2147483648.5,
  9223372036854775807,
  0.1,
  255,
  65535.5,
  1.7976931348623157e308,
];
const SINGLES = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  2.5,
  3,
  3e38,
  -1e-38,
  1e-45,
  1.17549435e-38,
  Infinity,
  -Infinity,
  8388608.5,
  2147483648,
  -2147483648,
  0.1,
  127.5,
];

const POINTERS = [5, 6, 7, 14, 15] as const,
  INDICES = [12, 13] as const,
  FREE = [0, 1, 2, 3, 8, 9, 10, 11] as const;

function integer(r: Random): bigint {
  switch (r.below(5)) {
    case 0:
      return r.pick(INTEGERS);
    case 1:
      return BigInt(r.below(256));
    case 2:
      return U64((1n << BigInt(r.below(64))) + BigInt(r.below(3) - 1));
    case 3:
      return BigInt(r.bits());
    default:
      return r.big();
  }
}

function lane64(r: Random): bigint {
  const buffer = new DataView(new ArrayBuffer(8));
  switch (r.below(8)) {
    case 0:
      buffer.setFloat64(0, r.pick(DOUBLES));
      break;
    case 1:
      buffer.setFloat32(0, r.pick(SINGLES)), buffer.setFloat32(4, r.pick(SINGLES));
      break;
    case 2:
      buffer.setFloat64(0, (r.below(2000) - 1000) / (1 << r.below(8)));
      break;
    case 3:
      buffer.setFloat32(0, (r.below(2000) - 1000) / (1 << r.below(8))),
        buffer.setFloat32(4, r.below(100) / 7);
      break;
    case 4:
      buffer.setFloat64(0, (r.below(3) - 1 + r.bits() / 2 ** 32) * 2 ** (r.below(40) - 20));
      break;
    case 5: // NaNs and denormals
      return r.pick([
        0x7ff0000000000001n,
        0x7ff8000000000000n,
        0xfff8000000001234n,
        0x7fa000007fc00001n,
        0x0000000000000001n,
        0x000fffffffffffffn,
        0x8000000180000001n,
      ]);
    default:
      return integer(r);
  }
  return buffer.getBigUint64(0);
}

/** An 80-bit extended value of any class. */
function extended(r: Random, view: DataView, at: number): void {
  const kind = r.below(10);
  let exponent = 0x3fff + r.below(40) - 20, significand = U64(r.big() | 1n << 63n);
  if (kind === 0) exponent = 0, significand = 0n;
  else if (kind === 1) exponent = 0x7fff, significand = 1n << 63n;
  else if (kind === 2) exponent = 0x7fff, significand = U64(r.big() | 1n << 63n);
  else if (kind === 3) exponent = 0, significand = r.big() >> 1n;
  else if (kind === 4) exponent = r.below(0x7fff);
  else if (kind === 5) {
    significand = U64(BigInt(r.below(1000) + 1) << 53n),
      significand = significand >> 63n ? significand : 1n << 63n;
  }
  view.setBigUint64(at, significand, true);
  view.setUint16(at + 8, exponent | (r.chance(0.5) ? 0x8000 : 0), true);
}

/** What the processor to compare with leaves open beside what the declarations say. */
export interface Open {
  /** Status flags by name that are undefined after an instruction. */
  undefines(d: Declaration, code: readonly number[]): string | undefined;
  /** The instruction, or one in its place that leaves nothing else open. */
  closed(d: Declaration, code: readonly number[]): readonly number[];
}

/** Makes cases from a seed. */
export class CaseGenerator {
  readonly forms: readonly Form[];
  readonly #r: Random;
  readonly #open: Open | undefined;
  constructor(seed: number, list: readonly Form[] = forms(), open?: Open) {
    this.#r = new Random(seed);
    this.forms = list;
    this.#open = open;
  }

  /** A case whose first instruction is of the form. */
  next(form: Form): Case {
    const r = this.#r, list = [form];
    while (this.forms.length && list.length < 6 && r.chance(0.6)) list.push(r.pick(this.forms));
    const code: number[] = [], ends: number[] = [], undefinedFlags: number[] = [];
    let undefinedNow = 0;
    for (const f of list) {
      const d = f.declaration;
      // An instruction that reads undefined flags gets defined ones first: cmp eax, eax.
      if (undefinedNow & flagMask(d.reads)) code.push(0x39, 0xc0), undefinedNow = 0;
      const drawn = this.#encode(f), bytes = this.#open?.closed(d, drawn) ?? drawn;
      if (code.length + bytes.length > 94) break;
      code.push(...bytes);
      ends.push(code.length);
      if (!keepsFlags(d)) undefinedNow &= ~flagMask(d.writes);
      undefinedNow |= undefines(d) | flagMask(this.#open?.undefines(d, bytes));
      undefinedFlags.push(rflagsMask(undefinedNow));
    }
    return {
      code: Uint8Array.from(code),
      ends,
      forms: list.slice(0, ends.length),
      undefinedFlags,
      ...this.#state(),
    };
  }

  #state(): Pick<Case, "gpr" | "flags" | "window" | "fx"> {
    const r = this.#r;
    const gpr = new BigUint64Array(16);
    for (let i = 0; i < 16; i++) gpr[i] = integer(r);
    if (r.chance(0.5)) gpr[1] = BigInt(r.below(9)); // counts of shifts and string operations
    if (r.chance(0.3)) gpr[2] = BigInt(r.below(2)) * 0xffffffffffffffffn; // a dividend that often fits
    for (const p of POINTERS) {
      gpr[p] = BigInt(WINDOW + 128 + 16 * r.below(16) + (r.chance(0.2) ? r.below(16) : 0));
    }
    for (const p of INDICES) gpr[p] = BigInt(r.chance(0.7) ? 16 * r.below(2) : r.below(32));
    gpr[4] = BigInt(WINDOW + 192 + 16 * r.below(8));
    const window = new Uint8Array(WINDOW_SIZE), view = new DataView(window.buffer);
    for (let i = 0; i < WINDOW_SIZE; i += 8) view.setBigUint64(i, lane64(r), true);
    const fx = new Uint8Array(512), f = new DataView(fx.buffer);
    // x87: default control three times in four; TOP and tags at random; MXCSR likewise.
    f.setUint16(0, r.chance(0.75) ? 0x37f : 0x7f | r.pick([0, 2, 3]) << 8 | r.below(4) << 10, true);
    f.setUint16(2, r.below(8) << 11, true);
    f.setUint8(4, r.chance(0.5) ? 0xff : r.below(256));
    f.setUint32(
      24,
      (r.chance(0.75)
        ? 0x1f80
        : 0x1f80 | r.below(4) << 13 | (r.chance(0.3) ? 0x8000 : 0) | (r.chance(0.3) ? 0x40 : 0)) |
        (r.chance(0.3) ? r.below(64) : 0),
      true,
    );
    for (let i = 0; i < 8; i++) extended(r, f, 32 + i * 16);
    for (let i = 160; i < 416; i += 8) f.setBigUint64(i, lane64(r), true);
    const flags = 0x202 | r.bits() & 0x8d5 | (r.chance(0.1) ? 0x400 : 0);
    return { gpr, flags, window, fx };
  }

  #register(k: OperandKind): number {
    const r = this.#r;
    if (k.class === "xmm") return r.below(16);
    if (k.class === "mm" || k.class === "st") return r.below(8);
    if (k.access === "r" || r.chance(0.03)) return r.below(16);
    return r.pick(FREE);
  }

  #encode(f: Form): number[] {
    const r = this.#r, d = f.declaration, e = d.encoding;
    const prefixes: number[] = [];
    if (e.operandSize === 16 || e.prefix === "66") prefixes.push(0x66);
    if (e.prefix === "F2") prefixes.push(0xf2);
    if (e.prefix === "F3") prefixes.push(0xf3);
    if (d.lock && f.memory && r.chance(0.2)) prefixes.push(0xf0);
    if (d.string && e.prefix === undefined && r.chance(0.6)) prefixes.push(r.chance(0.5) ? 0xf3 : 0xf2);
    if (f.memory && r.chance(0.02)) prefixes.push(0x67);
    let rex = e.operandSize === 64 ? 0x48 : 0;
    let reg = e.digit ?? 0, rm = 0, plus = 0, force = false, high = false;
    const immediates: number[] = [];
    const high8 = (k: OperandKind, n: number): number => {
      // Without REX 4-7 are ah ch dh bh, with it spl bpl sil dil.
      if (k.class !== "gpr" || (k.registerSize ?? k.size) !== 8 || n < 4 || n > 7) return n;
      if (r.chance(0.5)) high = true;
      else force = true;
      return n;
    };
    const bitString = f.memory && /^bt/.test(d.mnemonic);
    for (const k of d.operands) {
      if (k.source === "reg") reg = high8(k, bitString ? r.pick(INDICES) : this.#register(k));
      else if (k.source === "opcode") plus = high8(k, this.#register(k));
      else if ((k.source === "rm" || k.source === "rm-reg") && !f.memory) rm = high8(k, this.#register(k));
      else if (k.source === "imm") {
        let v = integer(r);
        if (k.bytes === 1 && r.chance(0.5)) v = BigInt(r.below(k.size === 8 ? 64 : 256));
        for (let i = 0; i < k.bytes!; i++) immediates.push(Number(v >> BigInt(8 * i) & 255n));
      } else if (k.source === "rel") {
        for (let i = 0; i < k.bytes!; i++) immediates.push(0); // to the next instruction, taken or not
      } else if (k.source === "moffs") {
        const at = WINDOW + 8 * r.below(48);
        for (let i = 0; i < 8; i++) immediates.push(i < 4 ? at >>> 8 * i & 255 : 0);
      }
    }
    if (high && (force || reg > 7 || rm > 7 || plus > 7 || rex)) { // ah and a REX prefix exclude each other
      high = false;
    }
    if (force) rex |= 0x40;
    if (high && f.memory) { /* bases of memory operands must not need REX then */ }
    const modrm: number[] = [];
    if (e.modrm) {
      if (e.modrmByte !== undefined) modrm.push(e.plusI ? (e.modrmByte & 0xf8) | rm & 7 : e.modrmByte);
      else if (!f.memory) {
        modrm.push(0xc0 | (reg & 7) << 3 | rm & 7);
        if (rm > 7) rex |= 0x41;
      } else rex |= this.#memory(d, reg, modrm, high);
      if (reg > 7 && e.modrmByte === undefined) rex |= 0x44;
    }
    if (plus > 7) rex |= 0x41;
    const opcode = e.opcode + (e.plus ? plus & 7 : 0);
    const map = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]][e.map];
    return [...prefixes, ...(rex ? [rex | 0x40] : []), ...map, opcode, ...modrm, ...immediates];
  }

  /** ModRM, SIB and displacement of an address in the window; the REX bits it needs. */
  #memory(d: Declaration, reg: number, out: number[], noRex: boolean): number {
    const r = this.#r;
    const size = d.operands.find((k) => k.source === "rm" || k.source === "mem")!.size >> 3;
    // Most 16-byte operands must be aligned; a few are not on purpose.
    const step = size >= 16 && r.chance(0.9) ? 16 : r.chance(0.7) ? 8 : 1;
    const field = (reg & 7) << 3;
    if (r.chance(0.08)) { // absolute
      const at = WINDOW + Math.floor(r.below(WINDOW_SIZE - 64) / step) * step;
      out.push(field | 4, 0x25, at & 255, at >> 8 & 255, at >> 16 & 255, at >>> 24);
      return 0;
    }
    const bases = noRex ? [5, 6, 7] : [4, ...POINTERS];
    const base = r.pick(bases), index = !noRex && r.chance(0.3) ? r.pick(INDICES) : undefined;
    const displacement = Math.floor((r.below(129) - 64) / step) * step;
    const mod = displacement === 0 && (base & 7) !== 5 && r.chance(0.7) ? 0 : r.chance(0.8) ? 1 : 2;
    let rex = base > 7 ? 0x41 : 0;
    if (index !== undefined || (base & 7) === 4) {
      const scale = index === undefined ? 0 : r.below(4);
      out.push(mod << 6 | field | 4, scale << 6 | (index === undefined ? 4 : index & 7) << 3 | base & 7);
      if (index !== undefined && index > 7) rex |= 0x42;
    } else out.push(mod << 6 | field | base & 7);
    const bytes = mod === 1 ? 1 : mod === 2 ? 4 : 0;
    for (let i = 0; i < bytes; i++) out.push(displacement >> 8 * i & 255);
    return rex;
  }
}

/** A shift by zero or a repetition of none changes no flag, so what was undefined before it still is. */
function keepsFlags(d: Declaration): boolean {
  return d.conditional === true || d.string === true ||
    /^(rol|ror|rcl|rcr|shl|shr|sar|shld|shrd)$/.test(d.mnemonic);
}

/** Flags that are undefined after it. SHLD, SHRD of 16 bits by more than 16: all of them (SDM, SHLD). */
function undefines(d: Declaration): number {
  return /^sh[lr]d$/.test(d.mnemonic) && d.encoding.operandSize === 16 ? 0x3f : flagMask(d.undefines);
}

/** Liveness masks (cf pf af zf sf of from bit 0) as rflags bits. */
function rflagsMask(mask: number): number {
  return [1, 4, 0x10, 0x40, 0x80, 0x800].reduce((bits, bit, i) => bits | (mask >> i & 1 ? bit : 0), 0);
}
