/**
 * Random instructions on this CPU and on the host's, compared: registers, flags, memory, vector and x87 state, and how a case ended.
 *
 *   deno run -A tests/fuzz/x86_64.ts [--cases N] [--seed N] [--only TEXT] [--show N] [--engine interpreter|jit|lockstep]
 *
 * Every declared form is drawn at least cases / forms times; a form that was never drawn fails the run. Seeds are kept: the same seed
 * makes the same cases.
 */
import {
  type Cpu,
  createSpace,
  type Engine,
  EXEC,
  type LockstepLog,
  READ,
  type TrapFrame,
  WRITE,
} from "@guise/core";
import { x86_64 } from "@guise/x86-64";
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
} from "@guise/x86-64/testing";
import { parseArgs } from "@std/cli";
import { fromFileUrl } from "@std/path";
import { compile } from "../tools/compile.ts";
import { intel } from "../tools/vendor.ts";
import { openNans, openOnIntel, settled } from "./intel.ts";
import { AT, STATE } from "./state.ts";
import { approximate, maskX87 } from "./undefined.ts";

export interface Difference {
  readonly case: Case;
  readonly index: number;
  readonly text: string[];
}

/** Compiles the native runner; undefined where there is no compiler or no such CPU. */
export function nativeRunner(): string | undefined {
  if (Deno.build.arch !== "x86_64" || Deno.build.os !== "linux") return undefined;
  const folder = fromFileUrl(new URL("../.guests/fuzz/", import.meta.url));
  Deno.mkdirSync(folder, { recursive: true });
  const program = `${folder}native_runner`;
  const source = fromFileUrl(new URL("./native_runner.c", import.meta.url));
  try {
    const args = ["-O1", "-no-pie", "-Wl,-Ttext-segment=0x13579000", "-w", "-o", program, source];
    return compile(program, "cc", args) === undefined ? program : undefined;
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
    c.gpr.forEach((v, r) => view.setBigUint64(at + AT.gpr + 8 * r, v, true));
    view.setBigUint64(at + AT.flags, BigInt(c.flags), true);
    out.set(c.window, at + AT.window);
    out.set(c.fx, at + AT.fx);
  });
  return out;
}

export async function native(program: string, cases: readonly Case[]): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "guise-fuzz-" });
  try {
    await Deno.writeFile(`${folder}/cases`, encode(cases));
    const { success, stderr } = await new Deno.Command(program, {
      args: [`${folder}/cases`, `${folder}/results`],
    }).output();
    if (!success) throw new Error(`the native runner failed: ${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(`${folder}/results`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const GPR = x86_64.registers.slice(0, 16).map((r) => r.name);

/** What CPUs with a translator have beside core's contract. */
interface Translating {
  readonly regions: number;
  translateNow(start: number, end: number): void;
}

/** Our CPU with the same memory as the runner. */
export class Ours {
  readonly #space = createSpace()!;
  readonly #cpu: Cpu & Partial<Translating>;
  readonly #frame: TrapFrame;
  readonly #gpr = GPR.map((name) => x86_64.register(name));
  readonly #rip = x86_64.register("rip");
  readonly #flags = x86_64.register("rflags");
  readonly #fx = x86_64.register("fxsave");
  readonly #translates: boolean;
  /** With engine "lockstep". */
  readonly lockstep: LockstepLog = { compared: 0, instructions: 0, partial: 0, differences: [] };
  /** Regions made. */
  get regions(): number {
    return this.#cpu.regions ?? 0;
  }

  constructor(engine: Engine = "interpreter") {
    const lockstep = engine === "lockstep" ? this.lockstep : undefined;
    this.#cpu = x86_64.createCpu(this.#space, { syscall: () => 1, call: () => 1 }, {
      engine,
      ...(lockstep === undefined ? {} : { lockstep }),
    });
    // Flags at faults are compared.
    this.#cpu.exactFaults?.();
    this.#frame = this.#cpu.frame;
    this.#translates = engine === "jit" || engine === "lockstep";
    const map = (address: number, length: number, prot: number) => {
      if (this.#space.map({ address, length, prot, fixed: "replace" }) !== address) throw new Error("map");
    };
    map(CODE, 4096, READ | EXEC);
    map(DATA, DATA_SIZE, READ | WRITE);
  }

  /** Runs a case; the result has the runner's layout. */
  run(c: Case, out: Uint8Array): void {
    const space = this.#space, frame = this.#frame;
    const code = new Uint8Array(128).fill(0x90);
    code.set(c.code);
    code[c.code.length] = 0xf4; // hlt: the end
    // Cases cannot write there, on the host's CPU neither.
    space.protect(CODE, 4096, READ | WRITE);
    space.write(CODE, code);
    space.protect(CODE, 4096, READ | EXEC);
    space.write(DATA, new Uint8Array(DATA_SIZE));
    space.write(WINDOW, c.window);
    this.#gpr.forEach((r, i) => frame.setBig(r, c.gpr[i]));
    frame.write(this.#fx, c.fx);
    frame.setNum(this.#flags, c.flags);
    frame.setNum(this.#rip, CODE);
    if (this.#translates) this.#cpu.translateNow!(CODE, CODE + c.code.length);
    const trap = this.#cpu.run(100_000);
    const view = new DataView(out.buffer, out.byteOffset, STATE);
    out.fill(0);
    const rip = Number(frame.big(this.#rip) - BigInt(CODE));
    const ended = trap.cause === "protection" && rip === c.code.length;
    // deno-fmt-ignore
    const signal = ended ? 0 : trap.vector === 12 ? 7 : ({ page: 11, protection: 11, illegal: 4, divide: 8, float: 8, breakpoint: 5, overflow: 11 } as Record<string, number>)[trap.cause] ?? 99;
    view.setUint32(AT.signal, signal, true);
    view.setBigInt64(AT.rip, BigInt(rip), true);
    if (trap.cause === "page") {
      view.setBigUint64(AT.fault, BigInt(trap.addressHi >>> 0) << 32n | BigInt(trap.addressLo >>> 0), true);
    }
    this.#gpr.forEach((r, i) => view.setBigUint64(AT.gpr + 8 * i, frame.big(r), true));
    view.setBigUint64(AT.flags, frame.big(this.#flags), true);
    out.set(space.read(WINDOW, WINDOW_SIZE)!, AT.window);
    const fx = new Uint8Array(512);
    frame.read(this.#fx, fx);
    out.set(fx, AT.fx);
  }
}

/** Where loops count, outside of the window. */
const COUNTER = DATA + DATA_SIZE - 16;

/** Every third case as a loop of three rounds, every third as a function that is called. */
export function wrapped(c: Case, index: number): Case {
  const form = index % 3, at = [COUNTER & 255, COUNTER >> 8 & 255, COUNTER >> 16 & 255, COUNTER >>> 24];
  if (form === 0 || c.code.length > 60) return c;
  const { length } = c.code;
  // mov dword ptr [COUNTER], 3; the case; sub dword ptr [COUNTER], 1; jne the case. Or: call +5; jmp to the end; the case; ret.
  const before = form === 1 ? [0xc7, 0x04, 0x25, ...at, 3, 0, 0, 0] : [0xe8, 2, 0, 0, 0, 0xeb, length + 1];
  const back = -(length + 10);
  const after = form === 1 ? [0x83, 0x2c, 0x25, ...at, 1, 0x75, back & 255] : [0xc3];
  const ends = c.ends.map((end) => end + before.length);
  return {
    ...c,
    code: Uint8Array.from([...before, ...c.code, ...after]),
    ends,
    ...{ again: true },
  };
}

/** What differs, for a person; empty: nothing. `executed`: how many instructions of the case were finished. */
function compare(c: Case, expected: Uint8Array, actual: Uint8Array): string[] {
  if (intel) expected = settled(c, expected, actual);
  const e = new DataView(expected.buffer, expected.byteOffset, STATE),
    a = new DataView(actual.buffer, actual.byteOffset, STATE);
  const text: string[] = [];
  const both = (name: string, x: bigint | number, y: bigint | number) => {
    if (x !== y) text.push(`${name}: expected ${x.toString(16)}, got ${y.toString(16)}`);
  };
  // It never ends (SIGALRM of the runner).
  if (e.getUint32(AT.signal, true) === 14) return text;
  // A function that changes its own return address may go anywhere, also into the runner.
  if ("again" in c && c.code[0] === 0xe8 && Number(e.getBigInt64(AT.rip, true)) !== c.code.length) {
    return text;
  }
  both("signal", e.getUint32(AT.signal, true), a.getUint32(AT.signal, true));
  both("rip", e.getBigInt64(AT.rip, true), a.getBigInt64(AT.rip, true));
  if (text.length === 0 && e.getUint32(AT.signal, true) === 11) {
    // si_addr of a general protection fault is 0, and so is ours.
    both("fault", e.getBigUint64(AT.fault, true), a.getBigUint64(AT.fault, true));
  }
  const rip = Number(e.getBigInt64(AT.rip, true));
  const executed = c.ends.filter((end) => end <= rip).length;
  const undefinedFlags = executed > 0 ? c.undefinedFlags[executed - 1] : 0;
  GPR.forEach((name, i) =>
    both(name, e.getBigUint64(AT.gpr + 8 * i, true), a.getBigUint64(AT.gpr + 8 * i, true))
  );
  const mask = 0xcd5 & ~undefinedFlags;
  both("flags", e.getUint32(AT.flags, true) & mask, a.getUint32(AT.flags, true) & mask);
  for (let i = 0; i < WINDOW_SIZE; i += 8) {
    both(`[window+${i}]`, e.getBigUint64(AT.window + i, true), a.getBigUint64(AT.window + i, true));
  }
  const done = ("again" in c ? c.forms : c.forms.slice(0, executed)).map((f) => f.declaration);
  const statusMask = maskX87(done);
  both("fcw", e.getUint16(AT.fx, true), a.getUint16(AT.fx, true));
  both("fsw", e.getUint16(AT.fx + 2, true) & statusMask, a.getUint16(AT.fx + 2, true) & statusMask);
  both("ftw", e.getUint8(AT.fx + 4), a.getUint8(AT.fx + 4));
  both("mxcsr", e.getUint32(AT.fx + 24, true), a.getUint32(AT.fx + 24, true));
  for (let i = 0; i < 8; i++) {
    both(
      `st${i} significand`,
      e.getBigUint64(AT.fx + 32 + 16 * i, true),
      a.getBigUint64(AT.fx + 32 + 16 * i, true),
    );
    both(`st${i} exponent`, e.getUint16(AT.fx + 40 + 16 * i, true), a.getUint16(AT.fx + 40 + 16 * i, true));
  }
  for (let i = 0; i < 32; i++) {
    both(
      `xmm${i >> 1}.${i & 1}`,
      e.getBigUint64(AT.fx + 160 + 8 * i, true),
      a.getBigUint64(AT.fx + 160 + 8 * i, true),
    );
  }
  return text;
}

/** Result of a run. */
export interface Summary {
  readonly cases: number;
  readonly drawn: ReadonlyMap<string, number>;
  readonly differences: readonly Difference[];
  /** Regions that were made. */
  readonly regions: number;
  readonly lockstep: LockstepLog;
}

/** Alone in its case: what comes after it would carry on what differs. */
const alone = ({ declaration: d }: Form): boolean => approximate(d) !== undefined || intel && openNans(d);

/** Runs `count` cases from a seed. Approximate instructions only start a case of their own and are compared within their error. */
export async function fuzz(
  program: string,
  count: number,
  seed: number,
  only: string | ((f: Form) => boolean) = "",
  most = 20,
  change: (c: Case) => Case = (c) => c,
  engine: Engine = "interpreter",
  wrap = false,
): Promise<Summary> {
  const list = forms().filter(typeof only === "string" ? (f) => f.name.includes(only) : only);
  const open = intel ? openOnIntel : undefined;
  const generator = new CaseGenerator(seed, list.filter((f) => !alone(f)), open),
    single = new CaseGenerator(seed, [], open);
  await x86_64.loadTranslator?.();
  const ours = new Ours(engine), drawn = new Map<string, number>(list.map((f) => [f.name, 0]));
  const differences: Difference[] = [];
  let index = 0;
  while (index < count && differences.length < most) {
    const batch: Case[] = [];
    while (batch.length < 20_000 && index + batch.length < count) {
      const form: Form = list[(index + batch.length) % list.length];
      const known = !alone(form);
      let c = change((known ? generator : single).next(form));
      // Engines that translate know loops and calls.
      if (known && (engine !== "interpreter" || wrap)) c = wrapped(c, index + batch.length);
      for (const f of c.forms) drawn.set(f.name, (drawn.get(f.name) ?? 0) + 1);
      batch.push(c);
    }
    const results = await native(program, batch), out = new Uint8Array(STATE);
    for (let i = 0; i < batch.length && differences.length < most; i++) {
      ours.run(batch[i], out);
      const expected = results.subarray(i * STATE, (i + 1) * STATE);
      const tolerance = approximate(batch[i].forms[0].declaration);
      const text = tolerance === undefined
        ? compare(batch[i], expected, out)
        : tolerance(batch[i], expected.subarray(AT.fx), out.subarray(AT.fx));
      if (text.length > 0) differences.push({ case: batch[i], index: index + i, text });
    }
    index += batch.length;
  }
  return { cases: index, drawn, differences, regions: ours.regions, lockstep: ours.lockstep };
}

/** The shortest beginning of a case that differs, for a person. */
async function shrink(program: string, d: Difference, engine: Engine): Promise<Difference> {
  if (d.case.code.length !== d.case.ends.at(-1)) return d;
  const ours = new Ours(engine), out = new Uint8Array(STATE);
  for (let n = 1; n < d.case.ends.length; n++) {
    const c = {
      ...d.case,
      code: d.case.code.slice(0, d.case.ends[n - 1]),
      ends: d.case.ends.slice(0, n),
      forms: d.case.forms.slice(0, n),
    };
    const expected = await native(program, [c]);
    ours.run(c, out);
    const text = compare(c, expected, out);
    if (text.length > 0) return { case: c, index: d.index, text };
  }
  return d;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["cases", "seed", "only", "show", "engine"],
    boolean: ["wrap"],
  });
  const program = nativeRunner();
  if (program === undefined) throw new Error("this needs an x86-64 Linux host with a C compiler");
  const engine = (args.engine ?? "interpreter") as Engine;
  const seed = Number(args.seed ?? 1), start = performance.now();
  const summary = await fuzz(
    program,
    Number(args.cases ?? 100_000),
    seed,
    args.only,
    Number(args.show ?? 10),
    undefined,
    engine,
    args.wrap,
  );
  for (const d of summary.differences) {
    const small = await shrink(program, d, engine);
    console.log(`\ncase ${d.index} of seed ${seed}:`);
    for (const line of x86_64.disassemble(small.case.code, CODE)) console.log(`  ${line.text}`);
    console.log(`  [${small.case.forms.map((f) => f.name).join(" | ")}]`);
    console.log(
      `  in: ${GPR.map((n, i) => `${n}=${small.case.gpr[i].toString(16)}`).join(" ")} flags=${
        small.case.flags.toString(16)
      }`,
    );
    for (const line of small.text.slice(0, 12)) console.log(`  ${line}`);
  }
  const counts = [...summary.drawn.values()],
    never = [...summary.drawn].filter(([, n]) => n === 0).map(([name]) => name);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(
    `\n${summary.cases} cases of seed ${seed}, ${counts.length} forms, each drawn at least ${
      Math.min(...counts)
    } times, ` +
      `${summary.differences.length} differences, ${seconds} s`,
  );
  if (summary.regions > 0) console.log(`${summary.regions} regions`);
  const { lockstep } = summary;
  if (lockstep.compared > 0) console.log(`lockstep: ${lockstep.compared} runs of regions compared`);
  for (const text of lockstep.differences) console.log(text);
  if (never.length > 0) console.log(`never drawn: ${never.join("; ")}`);
  Deno.exit(summary.differences.length + lockstep.differences.length > 0 || never.length > 0 ? 1 : 0);
}
