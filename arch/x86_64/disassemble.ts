/** Intel syntax as `objdump -M intel` prints it, from the declarations. */
// cold: text of instructions, not their execution
import { newParts, PARSE, parse, type Parts } from "./decode.ts";
import type { Declaration, OperandKind } from "./encoding.ts";
import { STATE } from "./state.ts";
import { tables } from "./built.ts";
import { type Tables, TEMPLATE } from "./tables.ts";

const LOW = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"], HIGH = ["ah", "ch", "dh", "bh"];
const WORDS = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs", "?", "?"];

/** Name of a general register; byte registers 4-7 without REX are ah ch dh bh. */
export function gprName(n: number, size: number, rex: number): string {
  if (n >= 8) return `r${n}${size === 64 ? "" : size === 32 ? "d" : size === 16 ? "w" : "b"}`;
  if (size === 8) return !rex && n >= 4 ? HIGH[n - 4] : LOW[n];
  return (size === 64 ? "r" : size === 32 ? "e" : "") + WORDS[n];
}

const hex = (v: number | bigint): string => (v < 0 ? `-0x${(-v).toString(16)}` : `0x${v.toString(16)}`);
const PTR: Record<number, string> = {
  8: "BYTE PTR ",
  16: "WORD PTR ",
  32: "DWORD PTR ",
  64: "QWORD PTR ",
  80: "TBYTE PTR ",
  128: "XMMWORD PTR ",
};

function memoryText(k: OperandKind, p: Parts): string {
  const size = k.memoryText ?? PTR[k.size] ?? "";
  const address = p.addr32 ? 32 : 64;
  const segment = p.segment ? (p.segment === STATE.fsBase ? "fs:" : "gs:") : "";
  if (p.rip) {
    return `${size}${segment}[${p.addr32 ? "eip" : "rip"}+${hex(BigInt.asUintN(address, BigInt(p.disp)))}]`;
  }
  let text = p.base >= 0 ? gprName(p.base, address, 1) : "";
  if (p.index >= 0) text += `${text ? "+" : ""}${gprName(p.index, address, 1)}*${1 << p.scale}`;
  else if ((p.modrm & 7) === 4 && (p.base & 7) !== 4 && p.base >= 0) {
    text += `+${address === 64 ? "riz" : "eiz"}*${1 << p.scale}`;
  }
  if (!text) return `${size}${segment || "ds:"}${hex(BigInt.asUintN(address, BigInt(p.disp)))}`;
  if (p.dispBytes) text += `${p.disp < 0 ? "-" : "+"}${hex(Math.abs(p.disp))}`;
  return `${size}${segment}[${text}]`;
}

function operandText(d: Declaration, k: OperandKind, p: Parts, next: number): string {
  const reg = p.modrm >> 3 & 7 | (p.rex & 4 ? 8 : 0), rm = p.modrm & 7 | (p.rex & 1 ? 8 : 0);
  const register = (n: number): string => {
    switch (k.class) {
      case "gpr":
        return gprName(n, k.registerSize ?? k.size, p.rex);
      case "xmm":
        return `xmm${n}`;
      case "mm":
        return `mm${n & 7}`;
      case "st":
        return `st(${n & 7})`;
      case "sreg":
        return SEGMENTS[n & 7];
      case "creg":
        return `cr${n}`;
      case "dreg":
        return `dr${n}`;
    }
  };
  switch (k.source) {
    case "reg":
      return register(reg);
    case "rm-reg":
      return register(rm);
    case "rm":
      return p.memory ? memoryText(k, p) : register(rm);
    case "mem":
      return memoryText(k, p);
    case "opcode":
      return register(p.opcode & 7 | (p.rex & 1 ? 8 : 0));
    case "implicit":
      return gprName(k.slot! >> 3, k.size, 1);
    case "moffs": {
      const at = (BigInt(p.immHigh >>> 0) << 32n) | BigInt(p.imm >>> 0);
      return `${p.segment ? (p.segment === STATE.fsBase ? "fs:" : "gs:") : "ds:"}${hex(at)}`;
    }
    case "fixed":
      return k.text!;
    case "rel":
      return hex(next + p.imm);
    case "imm": {
      if (k.bytes === 8) return hex((BigInt(p.immHigh >>> 0) << 32n) | BigInt(p.imm >>> 0));
      if (d.mnemonic === "enter") return hex(k.bytes === 2 ? p.imm & 0xffff : p.imm >>> 16);
      const bits = k.size || 8;
      return hex(BigInt.asUintN(bits, BigInt(p.imm)));
    }
  }
}

/** What prefixes that the instruction does not use print in front of it. */
function prefixText(d: Declaration, p: Parts): string {
  const uses = d.encoding.prefix;
  let text = "";
  if (p.lock) text += "lock ";
  if (p.rep && uses !== "F2" && uses !== "F3") {
    const branch = d.flow === "jcc" || d.flow === "jmp" || d.flow === "call" ||
      /^(jmp|call|ret)$/.test(d.mnemonic);
    text += p.rep === 3 ? "repz " : branch ? "bnd " : "repnz ";
  }
  return text;
}

/** Text of one parsed instruction. */
export function text(t: Tables, p: Parts, pc: number): string {
  const at = p.template * TEMPLATE.size + TEMPLATE.declaration;
  const d = t.declarations[t.templates[at] | t.templates[at + 1] << 8];
  if (
    d.mnemonic === "xchg" && p.map === 0 && (p.opcode & 0xf8) === 0x90 && p.opcode === 0x90 && !(p.rex & 1) &&
    !p.p66
  ) return "nop";
  const next = pc + p.length;
  const operands = d.operands.filter((k) => k.text !== "").map((k) => operandText(d, k, p, next));
  const moffs = d.operands.some((k) => k.source === "moffs");
  const mnemonic = moffs ? "movabs" : d.display ?? d.mnemonic;
  const target = p.rip ? `        # ${hex(next + p.disp)}` : "";
  return `${prefixText(d, p)}${mnemonic}${operands.length ? " " + operands.join(",") : ""}${target}`;
}

/** Disassembles everything in `code`; bytes that are no instruction become `(bad)`, one by one. */
export function disassemble(code: Uint8Array, pc: number): { text: string; length: number }[] {
  const t = tables(), p = newParts(), result: { text: string; length: number }[] = [];
  const padded = new Uint8Array(code.length + 16);
  padded.set(code);
  for (let at = 0; at < code.length;) {
    const status = parse(t, padded, at, p);
    if (status !== PARSE.ok || at + p.length > code.length) {
      result.push({ text: "(bad)", length: 1 });
      at++;
      continue;
    }
    result.push({ text: text(t, p, pc + at), length: p.length });
    at += p.length;
  }
  return result;
}
