/**
 * A small assembler in Intel syntax, from the declarations: for vDSO code, stubs and tests. One instruction or `label:` a
 * line, `;` or `#` comments, numbers decimal or 0x, `.byte 1, 2`, `.quad 3`, and `.set name, 5` for a label elsewhere. Branches are as short as they can be when the
 * target lies behind, else near.
 */
// cold: text of instructions, not their execution
import type { Declaration, OperandKind } from "./encoding.ts";
import { gprName } from "./disassemble.ts";
import { instructions } from "./instructions/mod.ts";

type Item =
  | {
    readonly kind: "register";
    readonly class: string;
    readonly number: number;
    readonly size: number;
    readonly high: boolean;
    readonly rexOnly: boolean;
  }
  | {
    readonly kind: "memory";
    readonly base: number;
    readonly index: number;
    readonly scale: number;
    readonly disp: number;
    readonly size: number;
    readonly segment: number;
    readonly rip?: string;
    readonly text: string;
  }
  | { readonly kind: "value"; readonly value: bigint; readonly label?: string; readonly text: string };

const REGISTERS = new Map<string, Item>();
for (let n = 0; n < 16; n++) {
  for (const size of [8, 16, 32, 64]) {
    REGISTERS.set(gprName(n, size, 1), {
      kind: "register",
      class: "gpr",
      number: n,
      size,
      high: false,
      rexOnly: size === 8 && n >= 4 && n < 8,
    });
  }
  REGISTERS.set(`xmm${n}`, {
    kind: "register",
    class: "xmm",
    number: n,
    size: 128,
    high: false,
    rexOnly: false,
  });
}
["ah", "ch", "dh", "bh"].forEach((name, i) =>
  REGISTERS.set(name, { kind: "register", class: "gpr", number: 4 + i, size: 8, high: true, rexOnly: false })
);
for (let n = 0; n < 8; n++) {
  REGISTERS.set(`mm${n}`, {
    kind: "register",
    class: "mm",
    number: n,
    size: 64,
    high: false,
    rexOnly: false,
  });
  REGISTERS.set(`st(${n})`, {
    kind: "register",
    class: "st",
    number: n,
    size: 80,
    high: false,
    rexOnly: false,
  });
}
["es", "cs", "ss", "ds", "fs", "gs"].forEach((name, i) =>
  REGISTERS.set(name, { kind: "register", class: "sreg", number: i, size: 16, high: false, rexOnly: false })
);

const SIZES: Record<string, number> = { byte: 8, word: 16, dword: 32, qword: 64, tbyte: 80, xmmword: 128 };
const SEGMENT_PREFIX: Record<string, number> = { fs: 0x64, gs: 0x65, ds: 0, es: 0, cs: 0, ss: 0 };

class Line {
  constructor(readonly source: string, readonly labels: ReadonlyMap<string, number>) {}
  fail(why: string): never {
    throw new Error(`assemble: "${this.source}": ${why}`);
  }
}

function item(text: string, line: Line): Item {
  const source = text.trim();
  const lower = source.toLowerCase();
  const register = REGISTERS.get(lower);
  if (register) return register;
  const memory =
    /^(?:(byte|word|dword|qword|tbyte|xmmword)\s+ptr\s+)?(?:(fs|gs|ds|es|cs|ss):)?\[(.*)\]$/.exec(lower) ??
      /^(?:(byte|word|dword|qword|tbyte|xmmword)\s+ptr\s+)?(fs|gs|ds):((?:0x)?[0-9a-f]+)$/.exec(lower);
  if (memory) {
    let base = -1, index = -1, scale = 0, disp = 0, rip: string | undefined;
    const inner = memory[3].replaceAll(" ", "");
    for (const [part] of inner.matchAll(/[+-]?[^+-]+/g)) {
      const sign = part[0] === "-" ? -1 : 1, term = part.replace(/^[+-]/, "");
      const scaled = /^([a-z0-9]+)\*([1248])$/.exec(term);
      const r = REGISTERS.get(scaled ? scaled[1] : term);
      if (term === "rip") rip = "";
      else if (r?.kind === "register" && r.class === "gpr") {
        if (r.size !== 64) line.fail("addresses use 64-bit registers");
        if (scaled) index = r.number, scale = Math.log2(Number(scaled[2]));
        else if (base < 0) base = r.number;
        else index = r.number;
      } else if (/^(0x[0-9a-f]+|\d+)$/.test(term)) disp += sign * Number(term);
      else if (rip !== undefined) {
        rip = source.slice(source.toLowerCase().indexOf(term)).match(/^[A-Za-z0-9_.$]+/)![0];
      } else line.fail(`what is ${term}?`);
    }
    if (index === 4) [base, index] = [4, base]; // rsp cannot be an index
    return {
      kind: "memory",
      base,
      index,
      scale,
      disp,
      size: memory[1] ? SIZES[memory[1]] : 0,
      segment: memory[2] ? SEGMENT_PREFIX[memory[2]] : 0,
      rip,
      text: lower,
    };
  }
  if (/^-?(0x[0-9a-f]+|\d+)$/i.test(source)) {
    const negative = source.startsWith("-");
    const value = BigInt(negative ? source.slice(1) : source);
    return { kind: "value", value: negative ? -value : value, text: lower };
  }
  return { kind: "value", value: 0n, label: source, text: lower };
}

const fits = (v: bigint, bits: number, signed: boolean): boolean =>
  signed ? BigInt.asIntN(bits, v) === v : v >= -(1n << BigInt(bits - 1)) && v < 1n << BigInt(bits);

function matchesKind(k: OperandKind, i: Item, all: readonly Item[]): boolean {
  const size = k.size;
  const memory = () => {
    if (i.kind !== "memory") return false;
    if (i.size) return i.size === size || k.access === "none" && !size;
    // Without "ptr" the other operand tells.
    return !size || all.some((o) => o.kind === "register" && o.class !== "sreg");
  };
  const register = () =>
    i.kind === "register" && i.class === k.class &&
    (k.class !== "gpr" || i.size === (k.registerSize ?? size));
  switch (k.source) {
    case "reg":
    case "rm-reg":
    case "opcode":
      return register();
    case "rm":
      return i.kind === "memory" ? memory() : register();
    case "mem":
      return memory();
    case "implicit":
      return register() && i.kind === "register" && i.number === k.slot! >> 3 && !i.high;
    case "moffs":
      return false;
    case "fixed":
      return i.kind === "register" ? REGISTERS.get(k.text!) === i : i.text === k.text!.toLowerCase();
    case "rel":
      return i.kind === "value";
    case "imm": {
      if (i.kind !== "value" || i.label !== undefined) return false;
      const bits = k.bytes! * 8;
      if (size > bits && k.signed) return fits(BigInt.asIntN(size, i.value), bits, true);
      return fits(i.value, bits, false);
    }
  }
}

function encode(
  d: Declaration,
  items: readonly Item[],
  prefixes: readonly number[],
  at: number,
  line: Line,
): number[] {
  const e = d.encoding;
  const out: number[] = [...prefixes];
  let rex = e.operandSize === 64 ? 0x48 : 0,
    modrm = (e.digit ?? 0) << 3,
    opcode = e.opcode,
    tail: number[] = [],
    hasRex = rex !== 0,
    noRex = false;
  let rip: { disp: number; label: string } | undefined, needsModrm = e.modrm && e.modrmByte === undefined;
  if (e.modrmByte !== undefined) modrm = e.modrmByte, needsModrm = true;
  const immediate: { value: bigint; bytes: number; label?: string; relative: boolean }[] = [];
  d.operands.forEach((k, n) => {
    const i = items[n];
    if (i.kind === "register") {
      if (i.rexOnly) hasRex = true;
      if (i.high) noRex = true;
      const low = i.number & 7, high = i.number >> 3;
      if (k.source === "reg") modrm |= low << 3, rex |= high << 2;
      else if (k.source === "rm" || k.source === "rm-reg") {
        modrm = modrm & 0x38 | 0xc0 | (e.modrmByte !== undefined ? modrm & 7 : 0) | low, rex |= high;
      } else if (k.source === "opcode") opcode += low, rex |= high;
    } else if (i.kind === "memory") {
      if (k.source === "fixed") return;
      if (i.segment) out.unshift(i.segment);
      if (i.rip !== undefined) {
        modrm |= 5, rip = { disp: i.disp, label: i.rip }, tail = [0, 0, 0, 0];
        return;
      }
      const bytes = (v: number) => [v & 255, v >> 8 & 255, v >> 16 & 255, v >>> 24];
      if (i.base >= 8) rex |= 1;
      if (i.index >= 8) rex |= 2;
      const small = i.disp >= -128 && i.disp < 128;
      const mod = i.base < 0 ? 0 : i.disp === 0 && (i.base & 7) !== 5 ? 0 : small ? 1 : 2;
      if (i.base < 0 || i.index >= 0 || (i.base & 7) === 4) {
        modrm |= mod << 6 | 4;
        tail = [i.scale << 6 | (i.index >= 0 ? i.index & 7 : 4) << 3 | (i.base < 0 ? 5 : i.base & 7)];
      } else modrm |= mod << 6 | i.base & 7;
      if (i.base < 0 || mod === 2) tail.push(...bytes(i.disp));
      else if (mod === 1) tail.push(i.disp & 255);
    } else if (k.source === "imm") immediate.push({ value: i.value, bytes: k.bytes!, relative: false });
    else if (k.source === "rel") {
      immediate.push({ value: i.value, bytes: k.bytes!, label: i.label, relative: true });
    }
  });
  if (e.operandSize === 16 || e.prefix === "66") out.push(0x66);
  if (e.prefix === "F2") out.push(0xf2);
  if (e.prefix === "F3") out.push(0xf3);
  if (rex || hasRex) {
    if (noRex) line.fail("ah, ch, dh and bh do not go with REX");
    out.push(0x40 | rex);
  }
  if (e.map) out.push(0x0f);
  if (e.map === 2) out.push(0x38);
  if (e.map === 3) out.push(0x3a);
  out.push(opcode);
  if (needsModrm) out.push(modrm);
  const dispAt = out.length;
  out.push(...tail);
  const end = at + out.length + immediate.reduce((n, i) => n + i.bytes, 0);
  if (rip) {
    const target = rip.label === "" ? undefined : line.labels.get(rip.label);
    if (rip.label !== "" && target === undefined) line.fail(`no label ${rip.label}`);
    const v = target === undefined ? rip.disp : target + rip.disp - end;
    for (let b = 0; b < 4; b++) out[dispAt + b] = v >> b * 8 & 255;
  }
  for (const i of immediate) {
    let v = i.value;
    if (i.relative) {
      const target = i.label === undefined ? Number(i.value) : line.labels.get(i.label);
      if (target === undefined) line.fail(`no label ${i.label}`);
      v = BigInt(target - end);
      if (BigInt.asIntN(i.bytes * 8, v) !== v) line.fail("the target is too far");
    }
    for (let b = 0; b < i.bytes; b++) out.push(Number(v >> BigInt(b * 8) & 255n));
  }
  return out;
}

function splitOperands(text: string): string[] {
  return text.trim() === "" ? [] : text.split(",");
}

/** Assembles a listing for the address `at`. Throws on a bad line: it is the author's mistake. */
export function assemble(source: string, at: number): Uint8Array {
  const lines = source.split("\n").map((l) => l.replace(/[;#].*$/, "").trim()).filter((l) => l !== "");
  const byMnemonic = new Map<string, Declaration[]>();
  for (const d of instructions()) {
    if (d.alias) continue;
    for (const name of new Set([d.mnemonic, d.display ?? d.mnemonic])) {
      const list = byMnemonic.get(name) ?? [];
      list.push(d);
      byMnemonic.set(name, list);
    }
  }
  let labels = new Map<string, number>(), out: number[] = [];
  // Sizes of branches depend on labels: repeat until nothing moves, with forward labels near at first.
  for (let pass = 0; pass < 10; pass++) {
    const next = new Map<string, number>(), known = labels;
    out = [];
    for (const text of lines) {
      const label = /^([A-Za-z_.$][\w.$]*):$/.exec(text);
      if (label) {
        next.set(label[1], at + out.length);
        continue;
      }
      const set = /^\.set\s+([A-Za-z_.$][\w.$]*)\s*,\s*((?:0x)?[0-9a-f]+)$/i.exec(text);
      if (set) {
        next.set(set[1], Number(set[2]));
        continue;
      }
      const line = new Line(text, pass === 0 ? new Map([...known, ...next]) : known);
      out.push(...statement(text, line, byMnemonic, at + out.length, pass === 0));
    }
    const same = pass > 0 && next.size === known.size && [...next].every(([k, v]) => known.get(k) === v);
    labels = next;
    if (same) break;
  }
  return Uint8Array.from(out);
}

function statement(
  text: string,
  line: Line,
  byMnemonic: ReadonlyMap<string, Declaration[]>,
  at: number,
  first: boolean,
): number[] {
  const data = /^\.(byte|word|long|quad)\s+(.*)$/.exec(text);
  if (data) {
    const bytes = { byte: 1, word: 2, long: 4, quad: 8 }[data[1] as "byte"];
    return splitOperands(data[2]).flatMap((v) => {
      const i = item(v, line);
      if (i.kind !== "value") return line.fail("a number is expected");
      const n = i.label === undefined
        ? i.value
        : BigInt(line.labels.get(i.label) ?? (first ? 0 : line.fail(`no label ${i.label}`)));
      return Array.from({ length: bytes }, (_, b) => Number(n >> BigInt(b * 8) & 255n));
    });
  }
  const prefixes: number[] = [];
  let rest = text;
  for (;;) {
    const prefix = /^(lock|notrack)\s+/i.exec(rest);
    if (!prefix) break;
    prefixes.push(prefix[1].toLowerCase() === "lock" ? 0xf0 : 0x3e);
    rest = rest.slice(prefix[0].length);
  }
  const parts = /^((?:rep|repz|repe|repnz|repne)\s+\w+|\S+)\s*(.*)$/i.exec(rest)!;
  let mnemonic = parts[1].toLowerCase().replace(/\s+/, " ");
  let items = splitOperands(parts[2]).map((o) => item(o, line));
  mnemonic = ALIASES[mnemonic] ?? mnemonic;
  if (mnemonic === "nop" && !items.length) return [...prefixes, 0x90];
  // movsb and the like: the operands are in the name.
  const suffixed = /^((?:rep|repz|repnz) )?(movs|cmps|stos|lods|scas)([bwdq])$/.exec(mnemonic);
  if (suffixed && !items.length) {
    const size = { b: "BYTE", w: "WORD", d: "DWORD", q: "QWORD" }[suffixed[3] as "b"];
    const d = byMnemonic.get((suffixed[1] ?? "") + suffixed[2])?.find((c) =>
      c.operands.some((k) => k.text!.startsWith(`${size} `))
    );
    if (d) {
      return encode(
        d,
        d.operands.map((k) => ({ kind: "value", value: 0n, text: k.text! })),
        prefixes,
        at,
        line,
      );
    }
  }
  const candidates = byMnemonic.get(mnemonic) ?? line.fail("unknown instruction");
  if (first) {
    items = items.map((
      i,
    ) => (i.kind === "value" && i.label !== undefined && !line.labels.has(i.label)
      ? { ...i, label: undefined, value: BigInt(at) + 0x1000n }
      : i)
    );
  }
  let best: number[] | undefined;
  for (const d of candidates) {
    if (d.operands.length === 1 && d.operands[0].text === "" && !items.length) {
      return encode(d, [REGISTERS.get("eax")!], prefixes, at, line);
    }
    if (d.operands.length !== items.length || !d.operands.every((k, n) => matchesKind(k, items[n], items))) {
      continue;
    }
    try {
      const bytes = encode(
        d,
        items,
        prefixes,
        at,
        first ? new Line(text, new Map([...line.labels, ...ripLabels(items, at)])) : line,
      );
      if (!best || bytes.length < best.length) best = bytes;
    } catch (error) {
      if (!(error instanceof Error) || !/too far/.test(error.message)) throw error;
    }
  }
  return best ?? line.fail("no form with these operands");
}

const ripLabels = (items: readonly Item[], at: number): [string, number][] =>
  items.flatMap((i): [string, number][] => (i.kind === "memory" && i.rip ? [[i.rip, at]] : []));

const ALIASES: Record<string, string> = {
  jz: "je",
  jnz: "jne",
  jc: "jb",
  jnc: "jae",
  jnae: "jb",
  jnb: "jae",
  jna: "jbe",
  jnbe: "ja",
  jnge: "jl",
  jnl: "jge",
  jng: "jle",
  jnle: "jg",
  jpe: "jp",
  jpo: "jnp",
  setz: "sete",
  setnz: "setne",
  setc: "setb",
  setnc: "setae",
  cmovz: "cmove",
  cmovnz: "cmovne",
  cmovc: "cmovb",
  cmovnc: "cmovae",
  sal: "shl",
  retn: "ret",
  pushfq: "pushf",
  popfq: "popf",
  "repe cmps": "repz cmps",
  "repe scas": "repz scas",
  "repe cmpsb": "repz cmpsb",
  "repne scasb": "repnz scasb",
  "repe scasb": "repz scasb",
  "repne cmpsb": "repnz cmpsb",
};
