/**
 * Instruction declarations: encodings and operands as the manual writes them. From one declaration come the decoder's
 * tables, the disassembler, the assembler and the operations of the interpreter.
 */
import type { Access, Machine, OpDef, Operand, OperandSpec } from "@guise/translator";
import { STATE } from "./state.ts";

/** Where the bits of an operand are in the encoding. */
export type Source =
  | "reg" // ModRM.reg
  | "rm" // ModRM.rm, register or memory
  | "rm-reg" // ModRM.rm, register only
  | "mem" // ModRM.rm, memory only
  | "opcode" // low three bits of the opcode
  | "implicit" // a register the instruction names
  | "moffs" // an absolute address of 64 bits
  | "imm" // an immediate
  | "rel" // a branch displacement
  | "fixed"; // in the text only: nothing of it is in the record (cl, 1, st(0))

/** Which registers an operand names. */
export type RegisterClass = "gpr" | "xmm" | "mm" | "st" | "sreg" | "creg" | "dreg";

/** A kind of operand, as the manual names it (r64, rm64, imm8). */
export interface OperandKind {
  readonly name: string;
  readonly source: Source;
  /** Bits of the operand; for immediates, after extension. */
  readonly size: number;
  readonly class: RegisterClass;
  readonly access: Access;
  /** Immediates and displacements: bytes in the instruction. */
  readonly bytes?: number;
  readonly signed?: boolean;
  /** Implicit registers: offset in the state block. */
  readonly slot?: number;
  /** Text of fixed operands. */
  readonly text?: string;
  /** Bits of the register form when they differ from the memory form's (pextrb r32/m8). */
  readonly registerSize?: number;
  /** "r80", "m512": memory operands whose text has no or another size. */
  readonly memoryText?: string;
  /** Memory must be aligned to its size. */
  readonly aligned?: boolean;
}

// deno-fmt-ignore
const kind = (name: string, source: Source, size: number, cls: RegisterClass = "gpr", more: Partial<OperandKind> = {}): OperandKind =>
  ({ name, source, size, class: cls, access: "r", ...more });

/** The operand is written, or read and written; without, it is read. */
export const w = (k: OperandKind): OperandKind => ({ ...k, access: "w" });
export const rw = (k: OperandKind): OperandKind => ({ ...k, access: "rw" });
/** The address is used, the memory is not accessed by the decoder's check (lea, bt with memory, fxsave). */
export const address = (k: OperandKind): OperandKind => ({ ...k, access: "none" });

export const r8: OperandKind = kind("r8", "reg", 8);
export const r16: OperandKind = kind("r16", "reg", 16);
export const r32: OperandKind = kind("r32", "reg", 32);
export const r64: OperandKind = kind("r64", "reg", 64);
export const rm8: OperandKind = kind("r/m8", "rm", 8);
export const rm16: OperandKind = kind("r/m16", "rm", 16);
export const rm32: OperandKind = kind("r/m32", "rm", 32);
export const rm64: OperandKind = kind("r/m64", "rm", 64);
/** ModRM.rm that must be a register. */
export const rr8: OperandKind = kind("r8", "rm-reg", 8);
export const rr16: OperandKind = kind("r16", "rm-reg", 16);
export const rr32: OperandKind = kind("r32", "rm-reg", 32);
export const rr64: OperandKind = kind("r64", "rm-reg", 64);
/** ModRM.rm must name a register, which means nothing and is not printed (lfence). */
export const anyRegister: OperandKind = kind("", "rm-reg", 32, "gpr", { access: "none", text: "" });
/** ModRM.rm that must be memory. `m` has no size: only its address is used. */
export const m: OperandKind = kind("m", "mem", 0, "gpr", { access: "none" });
export const m8: OperandKind = kind("m8", "mem", 8);
export const m16: OperandKind = kind("m16", "mem", 16);
export const m32: OperandKind = kind("m32", "mem", 32);
export const m64: OperandKind = kind("m64", "mem", 64);
export const m80: OperandKind = kind("m80", "mem", 80);
export const m128: OperandKind = kind("m128", "mem", 128);
/** Memory of 16 bytes that must be aligned, else #GP: before any page fault (SDM volume 1, 10.4.1.1). */
export const a128: OperandKind = kind("m128", "mem", 128, "gpr", { aligned: true });
/** The register in the low bits of the opcode. */
export const o8: OperandKind = kind("r8", "opcode", 8);
export const o16: OperandKind = kind("r16", "opcode", 16);
export const o32: OperandKind = kind("r32", "opcode", 32);
export const o64: OperandKind = kind("r64", "opcode", 64);
export const al: OperandKind = kind("al", "implicit", 8, "gpr", { slot: 0 });
export const ax: OperandKind = kind("ax", "implicit", 16, "gpr", { slot: 0 });
export const eax: OperandKind = kind("eax", "implicit", 32, "gpr", { slot: 0 });
export const rax: OperandKind = kind("rax", "implicit", 64, "gpr", { slot: 0 });
/** Only printed: the semantics name the register or value themselves. */
export const fixed = (text: string): OperandKind => kind(text, "fixed", 0, "gpr", { text, access: "none" });
export const imm8: OperandKind = kind("imm8", "imm", 8, "gpr", { bytes: 1 });
/** A byte, sign-extended to the operand size. */
export const imm8s16: OperandKind = kind("imm8", "imm", 16, "gpr", { bytes: 1, signed: true });
export const imm8s32: OperandKind = kind("imm8", "imm", 32, "gpr", { bytes: 1, signed: true });
export const imm8s64: OperandKind = kind("imm8", "imm", 64, "gpr", { bytes: 1, signed: true });
export const imm16: OperandKind = kind("imm16", "imm", 16, "gpr", { bytes: 2 });
export const imm32: OperandKind = kind("imm32", "imm", 32, "gpr", { bytes: 4 });
export const imm32s64: OperandKind = kind("imm32", "imm", 64, "gpr", { bytes: 4, signed: true });
export const imm64: OperandKind = kind("imm64", "imm", 64, "gpr", { bytes: 8 });
export const rel8: OperandKind = kind("rel8", "rel", 0, "gpr", { bytes: 1, access: "none" });
export const rel32: OperandKind = kind("rel32", "rel", 0, "gpr", { bytes: 4, access: "none" });
export const moffs8: OperandKind = kind("moffs8", "moffs", 8);
export const moffs16: OperandKind = kind("moffs16", "moffs", 16);
export const moffs32: OperandKind = kind("moffs32", "moffs", 32);
export const moffs64: OperandKind = kind("moffs64", "moffs", 64);
export const sreg: OperandKind = kind("Sreg", "reg", 16, "sreg");
export const creg: OperandKind = kind("CR", "reg", 64, "creg");
export const dreg: OperandKind = kind("DR", "reg", 64, "dreg");
export const xmm: OperandKind = kind("xmm", "reg", 128, "xmm");
/** xmm in ModRM.rm, or memory of the given size: the register form may read all 128 bits with `load`. */
export const xmm_m128: OperandKind = kind("xmm/m128", "rm", 128, "xmm", { aligned: true });
/** The same without alignment: movups, movdqu, pcmpistri... */
export const xmm_u128: OperandKind = kind("xmm/m128", "rm", 128, "xmm");
export const xmm_m64: OperandKind = kind("xmm/m64", "rm", 64, "xmm");
export const xmm_m32: OperandKind = kind("xmm/m32", "rm", 32, "xmm");
export const xmm_m16: OperandKind = kind("xmm/m16", "rm", 16, "xmm");
export const xmm_rm: OperandKind = kind("xmm", "rm-reg", 128, "xmm");
export const mm: OperandKind = kind("mm", "reg", 64, "mm");
export const mm_m64: OperandKind = kind("mm/m64", "rm", 64, "mm");
export const mm_m32: OperandKind = kind("mm/m32", "rm", 32, "mm");
export const mm_rm: OperandKind = kind("mm", "rm-reg", 64, "mm");
/** st(i) in ModRM.rm: the operand's `index` is i; semantics add TOP. */
export const sti: OperandKind = kind("ST(i)", "rm-reg", 80, "st", { access: "none" });

/** A decoded encoding string. */
export interface Encoding {
  /** 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  /** +r: the low three bits of the opcode are a register. */
  readonly plus: boolean;
  readonly modrm: boolean;
  /** /0-/7, or undefined for /r. */
  readonly digit: number | undefined;
  /** A whole ModRM byte (0F 01 D0, D9 C9); +i leaves its low three bits open. */
  readonly modrmByte: number | undefined;
  readonly plusI: boolean;
  /** Mandatory prefix; "NP": none of them; undefined: prefixes do not select. */
  readonly prefix: "NP" | "66" | "F2" | "F3" | undefined;
  /** Operand size by 66 and REX.W: o16, o32, REX.W (64), o64 (66 absent: default 64-bit), or any. */
  readonly operandSize: 16 | 32 | 64 | "default64" | undefined;
  /** REX.W must be clear (W0). */
  readonly w0: boolean;
}

/** Reads `REX.W 03 /r`, `o16 81 /0 iw`, `66 0F 58 /r`, `48+r`, `0F 01 F9`, `D9 C0+i`. Immediates follow from the operands. */
export function parseEncoding(text: string): Encoding {
  let prefix: Encoding["prefix"],
    operandSize: Encoding["operandSize"],
    w0 = false,
    plus = false,
    plusI = false;
  let modrm = false, digit: number | undefined;
  let bytes: number[] = [];
  for (const token of text.split(/\s+/)) {
    if (token === "REX.W") operandSize = 64;
    else if (token === "o16") operandSize = 16;
    else if (token === "o32") operandSize = 32;
    else if (token === "o64") operandSize = "default64";
    else if (token === "W0") w0 = true;
    else if (token === "NP") prefix = token;
    else if (/^(66|F2|F3)$/.test(token) && !bytes.length) prefix = token as "66";
    else if (token === "/r") modrm = true;
    else if (/^\/[0-7]$/.test(token)) modrm = true, digit = Number(token[1]);
    else if (/^[0-9A-F]{2}\+r$/.test(token)) bytes.push(parseInt(token, 16)), plus = true;
    else if (/^[0-9A-F]{2}\+i$/.test(token)) bytes.push(parseInt(token, 16)), plusI = true;
    else if (/^[0-9A-F]{2}$/.test(token)) bytes.push(parseInt(token, 16));
    else if (/^(ib|iw|id|iq|cb|cd|mo)$/.test(token)) continue;
    else throw new Error(`encoding "${text}": what is ${token}?`);
  }
  let map = 0;
  if (bytes[0] === 0x0f && bytes.length > 1) {
    bytes = bytes.slice(1), map = 1;
    if (bytes.length > 1 && (bytes[0] === 0x38 || bytes[0] === 0x3a)) map = bytes.shift() === 0x38 ? 2 : 3;
  }
  const [opcode, modrmByte] = bytes;
  if (bytes.length > 2 || opcode === undefined) throw new Error(`encoding "${text}" has no opcode`);
  if (modrmByte !== undefined) modrm = true;
  return { map, opcode, plus, modrm, digit, modrmByte, plusI, prefix, operandSize, w0 };
}

/** What an instruction does, written against a machine and its operands in the order of the declaration. */
export type Semantics = (m: Machine, ...operands: Operand[]) => void;

/** What else is to be said of an instruction. */
export interface Properties {
  /** Status flags by name (`"cf zf"`): read, written with defined values, left undefined. */
  readonly reads?: string;
  readonly writes?: string;
  readonly undefines?: string;
  /** Flags are written only sometimes (shifts by 0): nothing before may be dropped. */
  readonly conditional?: boolean;
  /** In the big switch of the interpreter, with both address forms. Measured, and from demand/instructions.tsv. */
  readonly hot?: boolean;
  /** Taken before memory operands are checked (a pending x87 exception). */
  readonly before?: (m: Machine) => void;
  /** LOCK is permitted with a memory destination. */
  readonly lock?: boolean;
  /** How it ends: undefined: falls through. `jump`: never falls through; `jcc`: direct conditional; `call`: direct. */
  readonly flow?: "jmp" | "jcc" | "call" | "end" | "syscall";
  /** It can trap or leave although it has no memory operand the decoder knows of: flags before it are all needed. */
  readonly traps?: boolean;
  /** Constant for the semantics (`m.parameter`). */
  readonly parameter?: number;
  /** Identity of the semantics when the mnemonic does not tell (jcc by condition is told by the mnemonic). */
  readonly key?: string;
  /** Feature bit or group: `sse2`, `x87`; for the support table. */
  readonly feature?: string;
  /** Section of the manual where the flags are defined. */
  readonly manual?: string;
  /** Name in the disassembly when it differs from the mnemonic by operand size (movabs). */
  readonly display?: string;
  /** Decoded, never chosen by the assembler (a second encoding of the same). */
  readonly alias?: boolean;
  /** REP and REPNE select the semantics instead of being ignored: string operations. */
  readonly string?: boolean;
  /** It can stop halfway with its flags already changed: they are always computed. */
  readonly partial?: boolean;
  /** An immediate count of zero leaves the flags alone. */
  readonly counts?: boolean;
  /** A memory operand addressed by rsp is found with rsp that many bytes higher (pop). */
  readonly popsFirst?: 2 | 8;
  /** The fusion class of cmp and test (fusion.ts). */
  readonly fuse?: "cmp" | "test";
  /** Needs CPL 0, IOPL or a far transfer; the semantics raise it. */
  readonly privileged?: boolean;
}

/** One line of the instruction set. */
export interface Declaration extends Properties {
  readonly encodingText: string;
  readonly encoding: Encoding;
  readonly mnemonic: string;
  readonly operands: readonly OperandKind[];
  readonly semantics: Semantics;
}

/** `x86("REX.W 03 /r", "add", [rw(r64), rm64], semantics, { writes: ALL })`. */
export function x86(
  encodingText: string,
  mnemonic: string,
  operands: readonly OperandKind[],
  semantics: Semantics,
  properties: Properties = {},
): Declaration {
  let parsed: Encoding | undefined;
  return {
    ...properties,
    encodingText,
    // Read when it is needed: most programs never need most of them.
    get encoding(): Encoding {
      return parsed ??= parseEncoding(encodingText);
    },
    mnemonic,
    operands,
    semantics,
  };
}

/** Compact flag masks of the liveness pass: cf 1, pf 2, af 4, zf 8, sf 16, of 32. */
export function flagMask(text: string | undefined): number {
  let mask = 0;
  for (const name of text?.split(" ") ?? []) {
    const bit = ["cf", "pf", "af", "zf", "sf", "of"].indexOf(name);
    if (bit < 0) throw new Error(`no status flag ${name}`);
    mask |= 1 << bit;
  }
  return mask;
}

/** Offset of a register file in the state block; fields of records count from it. */
export function fileOffset(cls: RegisterClass): number {
  return cls === "xmm" ? STATE.xmm : cls === "mm" ? STATE.x87 : 0;
}

/** The operation of one form of a declaration. */
export function operationOf(d: Declaration, memory: boolean): OpDef {
  const operands: OperandSpec[] = [];
  for (const k of d.operands) {
    const { size, access } = k;
    const offset = fileOffset(k.class);
    const zeroUpper = k.class === "gpr", misaligned = k.aligned ? 13 : undefined;
    switch (k.source) {
      case "fixed":
      case "rel":
        break;
      case "imm":
        operands.push({ place: "imm", size, access: "r", wideImmediate: k.bytes === 8 });
        break;
      case "mem":
      case "moffs":
        operands.push({ place: "mem", size, access, misaligned });
        break;
      case "rm":
        if (memory) operands.push({ place: "mem", size, access, misaligned });
        else operands.push({ place: "reg", size: k.registerSize ?? size, access, offset, zeroUpper });
        break;
      default:
        operands.push({ place: "reg", size: k.registerSize ?? size, access, offset, zeroUpper });
    }
  }
  const shape = operands.map((o) =>
    `${o.place}${o.size}${o.offset ? "@" + o.offset : ""}${o.wideImmediate ? "w" : ""}:${o.access}`
  );
  const size = d.encoding.operandSize ?? "";
  return {
    name: `${d.key ?? d.mnemonic}${operands.length ? "" : size} ${shape.join(",")}${d.parameter ?? ""}`,
    operands,
    semantics: d.semantics,
    before: d.before,
    flags: !d.partial && (d.writes !== undefined || d.undefines !== undefined),
    hot: d.hot ?? false,
    parameter: d.parameter,
  };
}
