/**
 * Where a computed call probably goes, found from the registers and the memory as they are while its region is made: a function pointer in
 * a register, in memory, or a table of them. The region compares with the guesses and calls those directly; nothing relies on them.
 */
import { ACCESS, BIAS, PAGE_BIAS } from "../layout.ts";
import type { Analysis } from "./analysis.ts";
import type { Code, Instruction } from "./graph.ts";
import { type Fields, registerIn } from "./machine.ts";

/** Guesses of one call, at most. */
const MOST = 4;

/** What was guessed of the call at an address while other regions were made: registers that told it then may hold something else now. */
const earlier = new WeakMap<Code["cache"], Map<number, number[]>>();

/** Of the call that ends these instructions. */
export function guess(code: Code, analysis: Analysis, instructions: readonly Instruction[]): number[] {
  const { pc } = instructions[instructions.length - 1], now = guessNow(code, analysis, instructions);
  let calls = earlier.get(code.cache);
  if (!calls) earlier.set(code.cache, calls = new Map());
  const known = calls.get(pc) ?? [];
  const all = [...new Set([...now, ...known])].filter((target) => code.cache.find(target) !== 0).slice(
    0,
    MOST,
  );
  if (all.length) calls.set(pc, all);
  return all;
}

function guessNow(code: Code, analysis: Analysis, instructions: readonly Instruction[]): number[] {
  const { spec } = analysis.slots, last = instructions[instructions.length - 1];
  const operand = last.info.def.operands[0];
  if (!operand || last.addresses.length) return [];
  if (operand.place === "mem") return pointers(code, analysis, last.fields, last.info.form);
  if (operand.place !== "reg") return [];
  const register = registerIn(last.fields, operand, 0, spec);
  const at = writer(analysis, instructions, instructions.length - 1, register);
  if (at < 0) return known(code, [number(code.state, register)]);
  const i = instructions[at];
  return loads(i) ? pointers(code, analysis, i.fields, i.info.form) : [];
}

/** The last of the instructions before `end` that writes a register; -1: none does. */
function writer(
  analysis: Analysis,
  instructions: readonly Instruction[],
  end: number,
  register: number,
): number {
  let at = end - 1;
  while (at >= 0 && !writes(analysis, instructions[at], register)) at--;
  return at;
}

/** Does an instruction load all of a register from memory, and nothing else? */
function loads({ info: { def: { operands } }, addresses }: Instruction): boolean {
  const [to, from] = operands;
  return operands.length === 2 && to.place === "reg" && to.size === 64 && to.access === "w" &&
    from.place === "mem" && from.size === 64 && from.access === "r" && !addresses.length;
}

/** The value that an instruction gives a register, if it is a constant that may be an address. */
function constant({ info: { def: { operands: [to, from] } }, fields }: Instruction): number | undefined {
  const moves = to?.place === "reg" && to.access === "w" && from?.place === "imm" && from.wideImmediate;
  return moves && fields.imm === 0 ? fields.disp >>> 0 : undefined;
}

/**
 * Of the jump that ends these instructions. Through one place in memory: how linkers call functions of other files. Through a table: at
 * least two, as far as code there has been executed.
 */
export function guessJump(code: Code, analysis: Analysis, instructions: readonly Instruction[]): number[] {
  const i = instructions[instructions.length - 1];
  const operand = i.info.def.operands[0], { zero } = analysis.slots.spec;
  if (!operand || i.addresses.length) return [];
  const indexed = i.info.form === 1 && i.fields.index !== zero;
  if (operand.place === "mem" && i.fields.base === zero && !indexed) {
    return pointers(code, analysis, i.fields, 0);
  }
  if (operand.place === "reg") {
    const linked = place(code, analysis, instructions);
    if (linked.length) return linked;
  }
  const table = operand.place === "mem"
    ? absolute(code, analysis, i)
    : relative(code, analysis, instructions);
  return table.length > 1 ? table : [];
}

/** Of a jump to a register that is loaded from one place, whose page a register is given right before: what aarch64's linkers make. */
function place(code: Code, analysis: Analysis, instructions: readonly Instruction[]): number[] {
  const { slots: { spec } } = analysis, end = instructions.length - 1, jump = instructions[end];
  const at = writer(analysis, instructions, end, registerIn(jump.fields, jump.info.def.operands[0], 0, spec));
  const load = instructions[at];
  if (!load || !loads(load) || load.info.form === 1 && load.fields.index !== spec.zero) return [];
  const base = instructions[writer(analysis, instructions, at, load.fields.base)];
  const page = base && constant(base);
  if (page === undefined) return [];
  return pointers(code, analysis, { ...load.fields, base: spec.zero, disp: load.fields.disp + page }, 0);
}

/** Entries of a table that are looked at, and different targets of it. */
const ENTRIES = 64, TARGETS = 24;

/** Up to the first entry that is not the address of code. */
function entries(code: Code, start: number, size: number, target: (view: DataView) => number): number[] {
  const { memory } = code, found: number[] = [];
  for (let at = start; at < start + ENTRIES * size; at += size) {
    const readable = at >= 0 && at + size <= memory.length &&
      (code.permissions((at >>> 12) + PAGE_BIAS) & ACCESS.read);
    if (!readable) break;
    const to = target(new DataView(memory.buffer, memory.byteOffset + at, size));
    const executable = to >= BIAS && to < 2 ** 32 && (code.permissions(to / 4096 >>> 0) & ACCESS.exec);
    if (!executable) break;
    found.push(to);
  }
  return known(code, found).slice(0, TARGETS);
}

/** A table of addresses at a fixed place. */
function absolute(code: Code, { slots: { spec: { zero } } }: Analysis, { fields }: Instruction): number[] {
  if (fields.base !== zero || fields.scale !== 3) return [];
  return entries(code, fields.disp, 8, (view) => number(view, 0));
}

/** A table of distances from its own place: register = load of 32 bits from base + 4 * index, then the base added. */
function relative(code: Code, analysis: Analysis, instructions: readonly Instruction[]): number[] {
  const { slots: { spec } } = analysis, { zero } = spec;
  const jump = instructions[instructions.length - 1], [to] = jump.info.def.operands;
  if (to.place !== "reg") return [];
  const register = registerIn(jump.fields, to, 0, spec);
  let at = instructions.length - 1;
  const before = (of: number): Instruction | undefined =>
    instructions[at = writer(analysis, instructions, at, of)];
  const sum = before(register);
  if (
    !sum?.info.def.name.startsWith("add ") ||
    sum.info.def.operands.some((o) => o.place !== "reg" || o.size !== 64)
  ) return [];
  const other = registerIn(sum.fields, sum.info.def.operands[1], 1, spec), added = at;
  // Either of the two is the table's place.
  for (const [loaded, base] of [[register, other], [other, register]]) {
    at = added;
    const load = before(loaded), from = load?.info.def.operands[1];
    if (
      !load || load.addresses.length || load.info.form !== 1 || from?.place !== "mem" || from.size !== 32 ||
      load.fields.base !== base || load.fields.scale !== 2 || load.fields.index === zero
    ) continue;
    const lea = before(base);
    const fixed = lea?.info.def.operands[1];
    if (lea && !(fixed?.place === "mem" && fixed.access === "none" && lea.fields.base === zero)) {
      return [];
    }
    const start = lea ? lea.fields.disp >>> 0 : number(code.state, base);
    return entries(code, start + load.fields.disp, 4, (view) => start + view.getInt32(0, true));
  }
  return [];
}

function writes(analysis: Analysis, i: Instruction, register: number): boolean {
  const id = analysis.slots.at[register];
  let registers = 0;
  return i.info.writes.has(id) || i.info.def.operands.some((o) => {
    const nth = o.place === "reg" ? registers++ : 0;
    return o.place === "reg" && o.access !== "r" &&
      registerIn(i.fields, o, nth, analysis.slots.spec) === register;
  });
}

/** An address as a number: too large when it is none. */
const number = (view: DataView, at: number): number =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;

/** What lies where a memory operand points; with an index, the first ones of a table. */
function pointers(code: Code, analysis: Analysis, fields: Fields, form: number): number[] {
  const { zero } = analysis.slots.spec, { base, index, scale, disp } = fields, { state, memory } = code;
  const indexed = form === 1 && index !== zero;
  // A scaled register counts; another one may as well be the address.
  const start = disp + (base === zero ? 0 : number(state, base)) +
    (indexed && scale === 0 ? number(state, index) : 0);
  const found: number[] = [];
  for (let n = 0; n < (indexed && scale === 3 ? MOST : 1); n++) {
    const at = start + n * 8;
    const allowed = at >= 0 && at + 8 <= memory.length &&
      (code.permissions((at >>> 12) + PAGE_BIAS) & ACCESS.read);
    if (!allowed) break;
    found.push(number(new DataView(memory.buffer, memory.byteOffset + at, 8), 0));
  }
  return known(code, found);
}

/** Those that code has been executed at. */
function known(code: Code, targets: readonly number[]): number[] {
  const biased = targets.map((t) => t - BIAS).filter((t) => t > 0 && t < 2 ** 32 && code.cache.find(t) !== 0);
  return [...new Set(biased)];
}
