/**
 * Text to machine code, from the declarations: a line is matched against the texts of its mnemonic; registers, addresses and targets are
 * put in directly, immediates by trying values of their field until the disassembler gives the same text. So nothing is declared
 * twice, and what is assembled disassembles to what was written.
 */
// cold: a tool
import { declarations } from "./built.ts";
import type { Prepared } from "./decode.ts";
import { registerText, text } from "./disassemble.ts";
import { type Declaration, isGeneral, isVector } from "./encoding.ts";
import { image } from "./image.ts";

/** Preferred names, as the manual rewrites them. */
const ALIASES: readonly (readonly [RegExp, string])[] = [
  [/^ret$/, "ret x30"],
  [/^nop$/, "hint #0"],
  [/^mov (\w*sp), (\w+)$/, "add $1, $2, #0"],
  [/^mov (\w+), (\w*sp)$/, "add $1, $2, #0"],
  [/^mov (x|w)(\w+), ([xw]\w+)$/, "orr $1$2, $1zr, $3"],
  [/^mov w(\d+), #/, "movz x$1, #"],
  [/^mov x(\d+), #/, "movz x$1, #"],
  [/^movz w(\d+), #/, "movz x$1, #"],
  [/^(movk .*), lsl #16$/, "$1, lsl #16*1"],
  [/^(movk .*), lsl #32$/, "$1, lsl #16*2"],
  [/^(movk .*), lsl #48$/, "$1, lsl #16*3"],
  [/^(movk \w+, #\w+)$/, "$1, lsl #16*0"],
  [/^cmp (x|w)(\w+), (.*)$/, "subs $1zr, $1$2, $3"],
  [/^cmn (x|w)(\w+), (.*)$/, "adds $1zr, $1$2, $3"],
  [/^tst (x|w)(\w+), (.*)$/, "ands $1zr, $1$2, $3"],
  [/^neg (x|w)(\w+), (\w+)$/, "sub $1$2, $1zr, $3"],
  [/^mvn (x|w)(\w+), (\w+)$/, "orn $1$2, $1zr, $3"],
  [/^mul (x|w)(\w+), (\w+), (\w+)$/, "madd $1$2, $3, $4, $1zr"],
  [/^(lsl|lsr|asr|ror) (\w+), (\w+), ([xw]\d+)$/, "$1v $2, $3, $4"],
  [/^b\.hs /, "b.cs "],
  [/^b\.lo /, "b.cc "],
];
/** How numbers stand in fields of up to 16 bits: shifted, and inverted. */
const SHIFTED: readonly (readonly [bigint, boolean])[] = [0n, 12n, 16n, 32n, 48n].flatMap((
  n,
) => [[n, false], [n, true]] as const);
/** Tried values of the immediates of one instruction, at most. */
const TRIES = 1 << 20;

/** One spelling: lower case, single spaces, numbers as decimal 64-bit ones. */
function normal(line: string): string {
  return line.toLowerCase().replace(/\s+/g, " ").replace(/\s*,\s*/g, ", ").replace(/\[ /g, "[").replace(
    / \]/g,
    "]",
  )
    .replace(/\blr\b/g, "x30").replace(/#?(?<![\w.])(-?)(0x[\da-f]+|\d+)\b/g, (_, sign, digits) => {
      const v = BigInt(digits);
      return `#${BigInt.asUintN(64, sign ? -v : v)}`;
    }).replace(/, #0\](?!!)/g, "]").trim();
}

interface Shape {
  readonly declaration: Declaration;
  readonly prepared: Prepared;
  readonly pattern: RegExp;
}
let index: Map<string, Shape[]> | undefined;

function shapes(mnemonic: string): readonly Shape[] {
  if (!index) {
    const made = index = new Map<string, Shape[]>(), { finder } = image();
    declarations().forEach((declaration, i) => {
      const name = declaration.text.split(" ")[0];
      const pattern = declaration.pieces.map((piece) =>
        typeof piece === "string" ? normalPiece(piece).replace(/[.*+?^$()[\]|\\]/g, "\\$&") : "(.+?)"
      ).join("");
      const list = made.get(name) ?? made.set(name, []).get(name)!;
      list.push({ declaration, prepared: finder.prepared(i), pattern: new RegExp(`^${pattern}$`) });
    });
    // Of two that read the same, the 64-bit one.
    for (const list of made.values()) {
      list.sort((a, b) => Number(a.declaration.value >= 0) - Number(b.declaration.value >= 0));
    }
  }
  return index.get(mnemonic) ?? [];
}
/** As `normal`, of a part of a line: the numbers in it belong to the text, and `#` stands before all of them. */
function normalPiece(piece: string): string {
  return piece.replace(/#(?=$)/, "").replace(/(?<![\w.*])#?(\d+)\b(?!\.)/g, "#$1");
}

/** Puts a value into a letter's bits. */
function place(word: number, positions: readonly number[], value: number): number {
  positions.forEach((bit, i) => {
    const v = Math.floor(value / 2 ** (positions.length - 1 - i)) & 1;
    word = word & ~(1 << bit) | v << bit;
  });
  return word;
}

function registerNumber(kind: string, name: string): number | undefined {
  for (let n = 0; n < 32; n++) if (registerText(kind, n) === name) return n;
  return undefined;
}
const number = (v: string): number => Number(BigInt.asIntN(64, BigInt(v.replace("#", ""))));

/** Fields of a memory operand; undefined: another form. */
function memoryFields(d: Declaration, p: Prepared, operand: string): Record<string, number> | undefined {
  const { kind, shift } = d.memory!;
  const match = /^\[(\w+)(?:, (#\d+|\w+)(?:, (lsl|uxtw|sxtw|sxtx)(?: #(\d+))?)?)?\](!|, (#\d+|\w+))?$/.exec(
    operand,
  );
  if (!match) return undefined;
  const [, base, second, extension, amount, tail, post] = match;
  const n = registerNumber("xsp", base), offset = kind === "post" ? post : second;
  if (n === undefined) return undefined;
  if (kind === "pre" ? tail !== "!" : kind === "post" || kind === "postr" ? !post : tail) return undefined;
  if (kind === "postr") {
    const m = post!.startsWith("#")
      ? (number(post!) === p.bytes ? 31 : undefined)
      : registerNumber("x", post!);
    return m === undefined ? undefined : { n, m };
  }
  if (kind === "reg") {
    if (!second || second.startsWith("#")) return undefined;
    const m = registerNumber(second[0] === "w" ? "w" : "x", second);
    const option = { lsl: 3, uxtw: 2, sxtw: 6, sxtx: 7 }[extension ?? "lsl"];
    return m === undefined ? undefined : { n, m, o: option!, S: amount === undefined ? 0 : 1 };
  }
  if (offset !== undefined && !offset.startsWith("#")) return undefined;
  const i = offset === undefined ? 0 : number(offset);
  if (kind === "base") return i === 0 ? { n } : undefined;
  return i % (1 << shift) ? undefined : { n, i: i / (1 << shift) };
}

function encode(shape: Shape, line: string, pc: number): number | undefined {
  const { declaration: d, prepared: p, pattern } = shape, match = pattern.exec(line);
  if (!match) return undefined;
  let word = d.value, capture = 1;
  const open = new Set(Object.keys(d.fields)), guesses: (readonly [string, string])[] = [];
  const set = (letter: string, value: number) => {
    if (!d.fields[letter]) return;
    word = place(word, d.fields[letter], value < 0 ? value + 2 ** 32 : value), open.delete(letter);
  };
  let marked = false;
  for (const piece of d.pieces) {
    if (typeof piece === "string") {
      marked = piece.endsWith("#");
      continue;
    }
    const { letter, kind } = piece.operand, given = match[capture++];
    if (marked && !given.startsWith("#")) return undefined;
    if (letter === ">" || letter === "@" && d.memory!.kind === "lit") {
      if (!given.startsWith("#")) return undefined;
      set(letter === ">" ? d.branch! : "i", (number(given) - pc) / 4);
    } else if (letter === "@") {
      const fields = memoryFields(d, p, given);
      if (!fields) return undefined;
      for (const [l, v] of Object.entries(fields)) set(l, v);
    } else if (isGeneral(kind) || isVector(kind)) {
      const n = registerNumber(kind, given);
      if (n === undefined) return undefined;
      set(letter, n);
    } else if (kind === "adr" || kind === "adrp") {
      if (!given.startsWith("#")) return undefined;
      const page = kind === "adrp" ? 4096 : 1, to = Math.floor(number(given) / page) - Math.floor(pc / page);
      word = word | (to & 3) << 29 | (to >> 2 & 0x7ffff) << 5;
      for (const l of [...open]) if (d.fields[l].every((bit) => bit >= 5 && bit !== 31)) open.delete(l);
    } else if (/^#\d+$/.test(given)) guesses.push([letter, given.slice(1)]);
  }
  const agrees = (w: number) =>
    image().finder.find(w) === p && normal(text(p, w, pc)) === line ? w : undefined;
  // The number itself, perhaps shifted, perhaps inverted; then whatever field values give the text.
  const rest = [...open].filter((l) => !guesses.some(([letter]) => letter === l)).flatMap((l) => d.fields[l]);
  for (const [shift, invert] of guesses.length ? SHIFTED : []) {
    let guess = word;
    for (const [letter, v] of guesses) {
      const whole = invert ? ~BigInt(v) : BigInt(v);
      if (open.has(letter)) guess = place(guess, d.fields[letter], Number(whole >> shift & 0xffffn));
    }
    for (let v = 0; v < Math.min(16, 2 ** rest.length); v++) {
      const found = agrees(place(guess, rest, v));
      if (found !== undefined) return found;
    }
  }
  const positions = [...open].flatMap((l) => d.fields[l]);
  for (let v = 0; v < Math.min(TRIES, 2 ** positions.length); v++) {
    const w = agrees(place(word, positions, v));
    if (w !== undefined) return w;
  }
  return undefined;
}

function one(line: string, pc: number): number {
  let written = normal(line);
  for (const [from, to] of ALIASES) written = normal(written.replace(from, to));
  for (const shape of shapes(written.split(" ")[0])) {
    const word = encode(shape, written, pc);
    if (word !== undefined) return word;
  }
  throw new Error(`aarch64 assembler: what is "${line}"?`);
}

/**
 * Assembles a listing for guest address `at`: an instruction a line, labels (`again:`), `.set name, value`, `.inst 0x…`, comments after `//` or `;`.
 * Throws on what it does not know.
 */
export function assemble(source: string, at: number): Uint8Array {
  const symbols = new Map<string, number>(), lines: string[] = [];
  for (const raw of source.split("\n")) {
    let line = raw.replace(/(\/\/|;).*/, "").trim();
    const set = /^\.set\s+(\w+)\s*,\s*(\w+)$/.exec(line);
    if (set) {
      symbols.set(set[1], Number(set[2]));
      continue;
    }
    const label = /^(\w+):\s*/.exec(line);
    if (label) symbols.set(label[1], at + lines.length * 4), line = line.slice(label[0].length);
    if (line) lines.push(line);
  }
  const words = lines.map((line, i) => {
    const word = /^\.inst\s+(\w+)$/.exec(line);
    if (word) return Number(word[1]);
    const [mnemonic] = line.split(/\s/, 1), rest = line.slice(mnemonic.length);
    const named = rest.replace(
      /(?<![\w.#])[a-z_]\w*/gi,
      (name) => symbols.has(name) ? `#${symbols.get(name)}` : name,
    );
    return one(mnemonic + named, at + 4 * i);
  });
  return new Uint8Array(Uint32Array.from(words).buffer);
}
