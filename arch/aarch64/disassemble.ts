/** Machine code to text, from the declarations: the manual's names, without its aliases. */
// cold: a tool
import type { Prepared } from "./decode.ts";
import { reader } from "./decode.ts";
import { declarations } from "./built.ts";
import { image } from "./image.ts";
import { high, IMMEDIATES } from "./immediates.ts";
import { isGeneral, isVector } from "./encoding.ts";

const hex = (v: number): string => "0x" + v.toString(16);

/** A register by its kind. */
export function registerText(kind: string, n: number): string {
  if (isGeneral(kind)) {
    const wide = !kind.startsWith("w");
    if (n === 31) return kind.endsWith("sp") ? (wide ? "sp" : "wsp") : wide ? "xzr" : "wzr";
    return `${wide ? "x" : "w"}${n}`;
  }
  if (/^v[bhsd]$/.test(kind)) return `v${n}.${kind[1]}`;
  return /^\d/.test(kind) ? `v${n}.${kind}` : `${kind}${n}`;
}

function memoryText(p: Prepared, word: number): string {
  const { kind, shift } = p.memory!, base = registerText("xsp", word >>> 5 & 31);
  // With a base alone the letter i is the number of a lane.
  const offset = kind === "base" || kind === "postr" ? 0 : p.offset?.(word) ?? 0, m = word >>> 16 & 31;
  switch (kind) {
    case "pre":
      return `[${base}, #${offset}]!`;
    case "post":
      return `[${base}], #${offset}`;
    case "postr":
      return `[${base}], ${m === 31 ? `#${p.bytes}` : `x${m}`}`;
    case "reg": {
      const option = word >>> 13 & 7, s = word >>> 12 & 1;
      const index = registerText(option & 1 ? "x" : "w", m), amount = s ? ` #${shift}` : "";
      const name = option === 3
        ? (s ? ", lsl" : "")
        : `, ${["", "", "uxtw", "", "", "", "sxtw", "sxtx"][option]}`;
      return `[${base}, ${index}${name}${amount}]`;
    }
    default:
      return offset ? `[${base}, #${offset}]` : `[${base}]`;
  }
}

/** One instruction. */
export function text(p: Prepared, word: number, pc: number): string {
  const d = declarations()[p.index];
  return d.pieces.map((piece) => {
    if (typeof piece === "string") return piece;
    const { letter, kind } = piece.operand;
    if (letter === ">") return hex(pc + p.branch!(word));
    if (letter === "@") return d.memory!.kind === "lit" ? hex(pc + p.offset!(word)) : memoryText(p, word);
    const bits = reader(d.fields[letter])(word);
    if (isGeneral(kind) || isVector(kind)) return registerText(kind, bits);
    const imm = IMMEDIATES[kind], v = imm.value(bits, word, pc, d.fields[letter].length);
    return v === undefined ? "?" : imm.text ? imm.text(v, high, word) : hex(v);
  }).join("");
}

/** The instructions of `code` at guest address `pc`. */
export function disassemble(code: Uint8Array, pc: number): { text: string; length: number }[] {
  const { finder } = image(), view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const out: { text: string; length: number }[] = [];
  for (let at = 0; at + 4 <= code.length; at += 4) {
    const word = view.getInt32(at, true), p = finder.find(word);
    out.push({
      text: p ? text(p, word, pc + at) : `.inst 0x${(word >>> 0).toString(16).padStart(8, "0")}`,
      length: 4,
    });
  }
  return out;
}
