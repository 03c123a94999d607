/** Numeric tables made from the declarations: for the decoders in TypeScript and in WebAssembly, and the interpreter. */
import type { Numbering, OpDef } from "@guise/translator";
import { BIT, FLOW, IMM, type NumericTables, SOURCE, TEMPLATE } from "./template.ts";
import { type Declaration, flagMask, type OperandKind } from "./encoding.ts";
import type { Operations } from "./operations.ts";

export { BIT, FLOW, IMM, SOURCE, TEMPLATE } from "./template.ts";

export interface Tables extends NumericTables {
  readonly declarations: readonly Declaration[];
  readonly ops: readonly OpDef[];
  readonly numbering: Numbering;
}

function immediateKind(operands: readonly OperandKind[]): number {
  let result: number = IMM.none;
  for (const k of operands) {
    if (k.source === "rel") return k.bytes === 1 ? IMM.rel8 : IMM.rel32;
    if (k.source === "moffs") return IMM.moffs;
    if (k.source !== "imm") continue;
    if (result) return IMM.enter;
    result = k.bytes === 1
      ? (k.signed ? IMM.signedByte : IMM.byte)
      : k.bytes === 2
      ? IMM.word
      : k.bytes === 4
      ? IMM.dword
      : IMM.qword;
  }
  return result;
}

function sourceOf(k: OperandKind, memory: boolean): number | undefined {
  const cls = k.class;
  switch (k.source) {
    case "reg":
      if (cls === "gpr") return (k.registerSize ?? k.size) === 8 ? SOURCE.reg8 : SOURCE.reg;
      return cls === "xmm" ? SOURCE.reg16 : cls === "mm" ? SOURCE.mmReg : SOURCE.regIndex;
    case "rm":
    case "rm-reg":
      if (memory) return undefined;
      if (cls === "gpr") return (k.registerSize ?? k.size) === 8 ? SOURCE.rm8 : SOURCE.rm;
      return cls === "xmm" ? SOURCE.rm16 : cls === "mm" ? SOURCE.mmRm : SOURCE.rmIndex;
    case "opcode":
      return k.size === 8 ? SOURCE.opcode8 : SOURCE.opcode;
    case "implicit":
      return SOURCE.constant + k.slot!;
    default:
      return undefined;
  }
}

/** Does the declaration match these prefixes (index of a leaf)? */
function matches(d: Declaration, sub: number): boolean {
  const p66 = (sub & 1) !== 0, w = (sub & 2) !== 0, rep = sub >> 2;
  const { prefix, operandSize, w0 } = d.encoding;
  if (rep === 1) return false;
  if (prefix === "NP" && (p66 || rep)) return false;
  if (prefix === "66" && (!p66 || rep)) return false;
  if (prefix === "F2" && rep !== 2) return false;
  if (prefix === "F3" && rep !== 3) return false;
  if (operandSize === 16 && (!p66 || w)) return false;
  if (operandSize === 32 && (p66 || w)) return false;
  if (operandSize === 64 && !w) return false;
  if (operandSize === "default64" && p66 && !w) return false;
  return !(w0 && w);
}

/** Which of two declarations for the same bytes is meant: the more specific. */
function priority(d: Declaration): number {
  const { prefix, modrmByte, digit } = d.encoding;
  return (prefix && prefix !== "NP" ? 4 : 0) + (modrmByte !== undefined ? 2 : 0) +
    (digit !== undefined ? 1 : 0);
}

/** The tables of these operations. */
export function buildTables(declarations: readonly Declaration[], operations: Operations): Tables {
  const { ops, numbering, list, templateOf, rows, fusedOps } = operations, { numbers } = numbering;
  const templates = new Uint8Array((list.length + 1) * TEMPLATE.size), view = new DataView(templates.buffer);
  const fused = new Uint16Array((2 * rows.length + 2) * 16);
  list.forEach((t, i) => {
    const { d, memory } = t, def = ops[t.op], at = (i + 1) * TEMPLATE.size;
    const sources = d.operands.map((k) => sourceOf(k, memory)).filter((s) => s !== undefined);
    if (sources.length > 2) throw new Error(`${d.mnemonic}: more than two register operands`);
    const mem = d.operands.find((k) => k.source === "mem" || k.source === "rm" || k.source === "moffs");
    const hasMemory = memory && def.operands.some((o) => o.place === "mem");
    let bits = 0;
    if (hasMemory) bits |= BIT.memory;
    if (hasMemory && numbers[t.op * 4 + 2]) bits |= BIT.indexed;
    if (def.flags) bits |= BIT.flags;
    if (hasMemory && mem!.access === "none") bits |= BIT.plain;
    if (d.lock && hasMemory && d.operands[0] === mem) bits |= BIT.lock;
    if ((hasMemory && !(bits & BIT.plain)) || d.traps || d.privileged || d.flow) bits |= BIT.barrier;
    if (d.counts) bits |= BIT.counts;
    if (hasMemory && d.popsFirst) bits |= BIT.pops;
    for (let v = 0; v < 4; v++) view.setUint16(at + TEMPLATE.op + v * 2, numbers[t.op * 4 + v], true);
    view.setUint8(at + TEMPLATE.a, sources[0] ?? 0);
    view.setUint8(at + TEMPLATE.b, sources[1] ?? 0);
    if (d.popsFirst && hasMemory) view.setUint8(at + TEMPLATE.a, SOURCE.constant + d.popsFirst);
    view.setUint8(at + TEMPLATE.imm, immediateKind(d.operands));
    view.setUint8(at + TEMPLATE.flow, d.flow ? FLOW[d.flow] : 0);
    view.setUint8(at + TEMPLATE.bits, bits);
    view.setUint8(at + TEMPLATE.reads, flagMask(d.reads));
    view.setUint8(at + TEMPLATE.writes, flagMask(d.writes) | flagMask(d.undefines));
    view.setUint8(at + TEMPLATE.kills, d.conditional ? 0 : flagMask(d.writes) | flagMask(d.undefines));
    view.setUint8(at + TEMPLATE.condition, d.flow === "jcc" && d.parameter !== undefined ? d.parameter : 255);
    view.setUint16(at + TEMPLATE.declaration, t.declaration, true);
    const row = rows.findIndex((r) => r.template === i);
    if (row >= 0) {
      if (2 * row + 2 > 255) throw new Error("too many fused forms");
      view.setUint8(at + TEMPLATE.fuse, 2 * row + 1);
      fusedOps[row].forEach((op, cc) => {
        if (op === undefined) return;
        for (const form of [0, 1]) fused[(2 * row + 1 + form) * 16 + cc] = numbers[op * 4 + form * 2];
      });
    }
  });

  // Leaves.
  const nodes = new Uint16Array(1024), nodeBits = new Uint8Array(1024);
  const groups = new Map<number, number[]>();
  declarations.forEach((d, i) => {
    const { map, opcode, plus } = d.encoding;
    for (let r = 0; r < (plus ? 8 : 1); r++) {
      const key = map << 8 | opcode + r;
      const group = groups.get(key) ?? groups.set(key, []).get(key)!;
      group.push(i);
    }
  });
  const leaves: number[] = new Array(16).fill(0);
  for (const [key, group] of groups) {
    const all = group.map((i) => declarations[i]);
    const modrm = all[0].encoding.modrm;
    if (all.some((d) => d.encoding.modrm !== modrm)) throw new Error(`${all[0].encodingText}: ModRM or not?`);
    const byReg = all.some((d) => d.encoding.digit !== undefined || d.encoding.modrmByte !== undefined);
    const byRm = all.some((d) => d.encoding.modrmByte !== undefined);
    nodes[key] = leaves.length;
    nodeBits[key] = (modrm ? 1 : 0) | (byReg ? 2 : 0) | (byRm ? 4 : 0);
    const place = (memory: boolean, digit: number, rm: number) => {
      for (let sub = 0; sub < 16; sub++) {
        let best = 0, rank = -1;
        for (const i of group) {
          const d = declarations[i],
            e = d.encoding,
            template = templateOf[i][
              modrm ? Number(memory) : d.operands.some((k) => k.source === "moffs") ? 1 : 0
            ];
          if (template === undefined || !matches(d, sub)) continue;
          if (e.digit !== undefined && e.digit !== digit) continue;
          if (e.modrmByte !== undefined) {
            if (
              memory || (e.modrmByte >> 3 & 7) !== digit || (!e.plusI && (e.modrmByte & 7) !== rm)
            ) continue;
          }
          const p = priority(d);
          if (p === rank) {
            throw new Error(
              `${d.encodingText} ${d.mnemonic}: same bytes as ${
                declarations[list[best - 1].declaration].encodingText
              }`,
            );
          }
          if (p > rank) rank = p, best = template;
        }
        leaves.push(best);
      }
    };
    if (!modrm) {
      place(false, 0, 0);
      continue;
    }
    const digits = byReg ? 8 : 1;
    for (let g = 0; g < digits; g++) place(true, g, 0);
    for (let g = 0; g < digits; g++) for (let rm = 0; rm < (byRm ? 8 : 1); rm++) place(false, g, rm);
  }
  if (leaves.length > 65535) throw new Error("too many leaves");
  return {
    declarations,
    ops,
    numbering,
    nodes,
    nodeBits,
    leaves: Uint16Array.from(leaves),
    templates,
    fused,
  };
}
