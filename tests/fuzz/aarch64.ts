/**
 * Random aarch64 instructions on this CPU and under qemu-aarch64, compared: registers, flags, vectors, FPSR, memory, and how a case ended.
 *
 *   deno run -A tests/fuzz/aarch64.ts [--cases N] [--seed N] [--only TEXT] [--show N] [--engine interpreter|jit|lockstep]
 */
import { type Cpu, createSpace, EXEC, type LockstepLog, READ, WRITE } from "@guise/core";
import { aarch64 } from "@guise/aarch64";
import {
  type Case,
  CaseGenerator,
  CODE,
  DATA,
  DATA_SIZE,
  type Form,
  forms,
  WINDOW,
  WINDOW_SIZE,
} from "@guise/aarch64/testing";
import { parseArgs } from "@std/cli";
import { fromFileUrl } from "@std/path";
import { compile } from "../tools/compile.ts";

/** Bytes and offsets of `struct state` in aarch64_runner.c. */
const STATE = 1376,
  AT = {
    length: 0,
    signal: 4,
    pc: 8,
    fault: 16,
    vector: 24,
    code: 32,
    x: 64,
    sp: 312,
    nzcv: 320,
    fpcr: 328,
    fpsr: 336,
    v: 352,
    window: 864,
  };

/** Compiles the runner; undefined where a tool is missing. */
export async function qemuRunner(): Promise<string | undefined> {
  const folder = fromFileUrl(new URL("../.guests/fuzz/", import.meta.url));
  Deno.mkdirSync(folder, { recursive: true });
  // Runs of different versions may share the folder.
  const program = `${folder}aarch64_runner-${CODE.toString(16)}`;
  const source = fromFileUrl(new URL("./aarch64_runner.c", import.meta.url));
  try {
    const refused = compile(program, "aarch64-linux-gnu-gcc", [
      ...["-O1", "-static", "-no-pie", "-w"],
      ...["-Wl,-Ttext-segment=0x28c00000", "-Wl,--defsym=case_code=0x2b5a7000"],
      ...["-o", program, source],
    ]);
    await new Deno.Command("qemu-aarch64", { args: ["--version"] }).output();
    return refused === undefined ? program : undefined;
  } catch {
    return undefined;
  }
}

function encode(cases: readonly Case[]): Uint8Array {
  const out = new Uint8Array(cases.length * STATE), view = new DataView(out.buffer);
  cases.forEach((c, i) => {
    const at = i * STATE;
    view.setUint32(at + AT.length, c.code.length, true);
    out.set(c.code, at + AT.code);
    c.x.forEach((v, r) => view.setBigUint64(at + AT.x + 8 * r, v, true));
    view.setBigUint64(at + AT.sp, c.sp, true);
    view.setUint32(at + AT.nzcv, c.nzcv, true);
    view.setUint32(at + AT.fpcr, c.fpcr, true);
    view.setUint32(at + AT.fpsr, c.fpsr, true);
    out.set(c.v, at + AT.v);
    out.set(c.window, at + AT.window);
  });
  return out;
}

async function oracle(program: string, cases: readonly Case[]): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "guise-fuzz-" });
  try {
    await Deno.writeFile(`${folder}/cases`, encode(cases));
    const { success, stderr } = await new Deno.Command("qemu-aarch64", {
      args: ["-cpu", "max,pauth=off", program, `${folder}/cases`, `${folder}/results`],
    }).output();
    if (!success) throw new Error(`the runner failed: ${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(`${folder}/results`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

type Engine = "interpreter" | "jit" | "lockstep";
/** What CPUs with a translator have beside core's contract. */
interface Translating {
  readonly regions: number;
  translateNow(start: number, end: number): void;
}

class Ours {
  readonly #space = createSpace()!;
  readonly #cpu: Cpu & Partial<Translating>;
  readonly #reg = (name: string) => aarch64.register(name);
  readonly #translates: boolean;
  /** With engine "lockstep". */
  readonly lockstep: LockstepLog = { compared: 0, instructions: 0, partial: 0, differences: [] };
  /** Regions made. */
  get regions(): number {
    return this.#cpu.regions ?? 0;
  }

  constructor(engine: Engine) {
    this.#cpu = aarch64.createCpu(this.#space, { syscall: () => 1, call: () => 1 }, {
      engine,
      ...(engine === "lockstep" ? { lockstep: this.lockstep } : {}),
    });
    // Flags at faults are compared.
    this.#cpu.exactFaults?.();
    this.#translates = engine !== "interpreter";
    const map = (address: number, length: number, prot: number) => {
      if (this.#space.map({ address, length, prot, fixed: "replace" }) !== address) throw new Error("map");
    };
    map(CODE, 4096, READ | WRITE | EXEC);
    map(DATA, DATA_SIZE, READ | WRITE);
  }

  run(c: Case, out: Uint8Array): void {
    const space = this.#space, { frame } = this.#cpu, reg = this.#reg;
    const code = new Uint8Array(c.code.length + 4);
    code.set(c.code);
    new DataView(code.buffer).setUint32(c.code.length, 0xd4200000, true); // brk #0: the end
    space.write(CODE, code);
    space.write(DATA, new Uint8Array(DATA_SIZE));
    space.write(WINDOW, c.window);
    c.x.forEach((v, i) => frame.setBig(reg(`x${i}`), v));
    frame.setBig(reg("sp"), c.sp);
    frame.setNum(reg("pstate"), c.nzcv >>> 0);
    const image = new Uint8Array(520);
    image.set(c.v, 8);
    new DataView(image.buffer).setUint32(0, c.fpsr, true);
    new DataView(image.buffer).setUint32(4, c.fpcr, true);
    frame.write(reg("fpsimd"), image);
    frame.setNum(reg("pc"), CODE);
    if (this.#translates) this.#cpu.translateNow!(CODE, CODE + c.code.length);
    const trap = this.#cpu.run(1000), view = new DataView(out.buffer, out.byteOffset, STATE);
    out.fill(0);
    const pc = Number(frame.big(reg("pc")) - BigInt(CODE)),
      ended = trap.cause === "breakpoint" && pc === c.code.length;
    const signal = ended
      ? 0
      : ({ page: 11, illegal: 4, breakpoint: 5, alignment: 7 } as Record<string, number>)[trap.cause] ?? 99;
    view.setUint32(AT.signal, signal, true);
    if (signal === 7) view.setUint32(AT.vector, trap.vector, true);
    view.setBigInt64(AT.pc, BigInt(pc), true);
    if (trap.cause === "page" || trap.cause === "alignment") {
      view.setBigUint64(AT.fault, BigInt(trap.addressHi >>> 0) << 32n | BigInt(trap.addressLo >>> 0), true);
    }
    c.x.forEach((_, i) => view.setBigUint64(AT.x + 8 * i, frame.big(reg(`x${i}`)), true));
    view.setBigUint64(AT.sp, frame.big(reg("sp")), true);
    view.setBigUint64(AT.nzcv, frame.big(reg("pstate")), true);
    frame.read(reg("fpsimd"), image);
    view.setUint32(AT.fpsr, new DataView(image.buffer).getUint32(0, true), true);
    view.setUint32(AT.fpcr, new DataView(image.buffer).getUint32(4, true), true);
    out.set(image.subarray(8), AT.v);
    out.set(space.read(WINDOW, WINDOW_SIZE)!, AT.window);
  }
}

/** Words as code. */
const code = (words: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(words).buffer);

/** Every third case as a loop of three rounds, every third as a function that is called, where a register is free for it. */
function wrapped(c: Case, index: number): Case {
  const form = index % 3, words = [...new Int32Array(c.code.slice().buffer)], { length } = words;
  if (form === 0) return c;
  const mentioned = new Set(
    words.flatMap((w) => [0, 5, 10, 16].flatMap((at) => [w >>> at & 31, (w >>> at & 31) + 1])),
  );
  if (form === 1) {
    // The case; sub xR, xR, #1; cbnz xR, the case.
    const r = Array.from({ length: 29 }, (_, i) => i).find((i) => !mentioned.has(i));
    if (r === undefined) return c;
    const x = c.x.slice();
    x[r] = 3n;
    const back = (-(length + 1) & 0x7ffff) << 5;
    return { ...c, x, code: code([...words, 0xd1000400 | r << 5 | r, 0xb5000000 | back | r]) };
  }
  if (mentioned.has(30)) return c;
  // bl the case; b the end; the case; ret.
  return { ...c, code: code([0x94000002, 0x14000000 | length + 2, ...words, 0xd65f03c0]) };
}

function compare(expected: Uint8Array, actual: Uint8Array): string[] {
  const e = new DataView(expected.buffer, expected.byteOffset, STATE),
    a = new DataView(actual.buffer, actual.byteOffset, STATE);
  const text: string[] = [];
  const both = (name: string, at: number) => {
    const x = e.getBigUint64(at, true), y = a.getBigUint64(at, true);
    if (x !== y) text.push(`${name}: expected ${x.toString(16)}, got ${y.toString(16)}`);
  };
  if (e.getUint32(AT.signal, true) !== a.getUint32(AT.signal, true)) {
    text.push(`signal: expected ${e.getUint32(AT.signal, true)}, got ${a.getUint32(AT.signal, true)}`);
  }
  both("pc", AT.pc);
  // Faults beyond 48 bits have no address under qemu.
  if ([7, 11].includes(e.getUint32(AT.signal, true)) && e.getBigUint64(AT.fault, true) !== 0n) {
    both("fault", AT.fault);
  }
  for (let i = 0; i < 31; i++) both(`x${i}`, AT.x + 8 * i);
  both("sp", AT.sp), both("nzcv", AT.nzcv);
  if ((e.getUint32(AT.fpcr, true) ^ a.getUint32(AT.fpcr, true)) & 0x07c80000) both("fpcr", AT.fpcr);
  // FPSR has flags of the 32-bit state under qemu.
  const fe = e.getUint32(AT.fpsr, true) & 0x0800009f, fa = a.getUint32(AT.fpsr, true);
  if (fe !== fa) text.push(`fpsr: expected ${fe.toString(16)}, got ${fa.toString(16)}`);
  for (let i = 0; i < 64; i++) both(`v${i >> 1}.d[${i & 1}]`, AT.v + 8 * i);
  for (let i = 0; i < WINDOW_SIZE; i += 8) both(`[window+${i}]`, AT.window + i);
  return text;
}

/**
 * What is known to differ: qemu-user does not check the alignment of sp, and FPCR read back has the fields of 32-bit state
 * (Stride, Len) there, which are RES0 where that state does not exist.
 */
function excused(c: Case, actual: Uint8Array): boolean {
  const names = c.forms.map((f) => f.name), written = names.findIndex((n) => n.startsWith("msr fpcr"));
  if (written >= 0 && names.slice(written).some((n) => /^mrs .*fpcr$/.test(n))) return true;
  return new DataView(actual.buffer, actual.byteOffset, STATE).getUint32(AT.vector, true) === STACK_ALIGNMENT;
}
const STACK_ALIGNMENT = 0x26;

export interface Difference {
  readonly case: Case;
  readonly text: readonly string[];
}
export interface Summary {
  readonly cases: number;
  readonly forms: number;
  readonly never: readonly string[];
  readonly differences: readonly Difference[];
  /** Regions that were made. */
  readonly regions: number;
  readonly lockstep: LockstepLog;
}

/** Runs `count` cases from a seed. */
export async function fuzz(
  program: string,
  count: number,
  seed: number,
  only = "",
  most = 20,
  perForm = 1e9,
  engine: Engine = "interpreter",
): Promise<Summary> {
  await aarch64.loadTranslator?.();
  const list = forms().filter((f) => f.name.includes(only)),
    generator = new CaseGenerator(seed, list),
    ours = new Ours(engine);
  const drawn = new Map<Form, number>(), differences: Difference[] = [], failed = new Map<string, number>();
  for (let index = 0; index < count && differences.length < most;) {
    const batch: Case[] = [];
    while (batch.length < 10_000 && index < count) {
      const form = list[index++ % list.length], plain = generator.next(form);
      if (!plain) continue;
      // Engines that translate know loops and calls.
      const c = engine === "interpreter" ? plain : wrapped(plain, index);
      drawn.set(form, (drawn.get(form) ?? 0) + 1);
      batch.push(c);
    }
    const results = await oracle(program, batch), out = new Uint8Array(STATE);
    for (let i = 0; i < batch.length && differences.length < most; i++) {
      ours.run(batch[i], out);
      const expected = results.subarray(i * STATE, (i + 1) * STATE);
      if (excused(batch[i], out)) continue;
      const text = compare(expected, out);
      if (text.length === 0) continue;
      const key = batch[i].forms[0].name, n = (failed.get(key) ?? 0) + 1;
      failed.set(key, n);
      if (n <= perForm) differences.push({ case: batch[i], text });
    }
  }
  return {
    cases: count,
    forms: list.length,
    never: list.filter((f) => !drawn.has(f)).map((f) => f.name),
    differences,
    regions: ours.regions,
    lockstep: ours.lockstep,
  };
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["cases", "seed", "only", "show", "per", "engine"] });
  const program = await qemuRunner();
  if (program === undefined) throw new Error("this needs qemu-aarch64 and aarch64-linux-gnu-gcc");
  const start = performance.now(), seed = Number(args.seed ?? 1);
  const summary = await fuzz(
    program,
    Number(args.cases ?? 20_000),
    seed,
    args.only,
    Number(args.show ?? 10),
    Number(args.per ?? 1),
    (args.engine ?? "interpreter") as Engine,
  );
  for (const { case: c, text } of summary.differences) {
    console.log();
    for (const line of aarch64.disassemble(c.code, CODE)) console.log(`  ${line.text}`);
    console.log(
      `  fpcr=${c.fpcr.toString(16)} fpsr=${c.fpsr.toString(16)} nzcv=${(c.nzcv >>> 28).toString(16)}`,
    );
    for (const line of text.slice(0, 6)) console.log(`  ${line}`);
  }
  console.log(
    `\n${summary.cases} cases of seed ${seed}, ${summary.forms} forms, ${summary.differences.length} differences, ${
      ((performance.now() - start) / 1000).toFixed(0)
    } s`,
  );
  if (summary.never.length) {
    console.log(
      `never drawn: ${summary.never.slice(0, 10).join("; ")}${
        summary.never.length > 10 ? ` and ${summary.never.length - 10} more` : ""
      }`,
    );
  }
  const { regions, lockstep } = summary;
  for (const text of lockstep.differences) console.log(text);
  if (regions > 0) console.log(`${regions} regions`);
  if (lockstep.compared > 0) {
    console.log(`${lockstep.compared} runs of regions compared, ${lockstep.differences.length} differences`);
  }
  Deno.exit(summary.differences.length + lockstep.differences.length > 0 ? 1 : 0);
}
