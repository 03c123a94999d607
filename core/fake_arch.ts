/**
 * A made-up CPU for tests: sixteen instructions of eight bytes in guest memory, run one by one with every check. It
 * keeps the contract of arch.ts to the letter, so what works on it works on a real one, and a test needs no compiler.
 */
// cold: a CPU for tests; clear before quick
import {
  type Arch,
  type CallAbi,
  type Cpu,
  type CpuOptions,
  EXEC,
  type KernelEntry,
  READ,
  type Register,
  type Trap,
  type TrapCause,
  type TrapFrame,
  WRITE,
} from "./arch.ts";
import type { AddressSpace } from "./memory.ts";
import type { SpawnRequest } from "./personality.ts";
import type { Process } from "./task.ts";
import { STACK_TOP } from "./memory.ts";

const NAMES = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "sp", "pc", "tls"];
const SP = 8, PC = 9, TLS = 10, SIZE = 8;
const ARGS = ["r1", "r2", "r3", "r4", "r5", "r6"];

/** Operations, with the operands that the assembler takes: r register, i number or label, e entry. */
// deno-fmt-ignore
const OPS: readonly (readonly [name: string, operands: string])[] = [
  ["illegal", ""], ["nop", ""], ["set", "ri"], ["mov", "rr"], ["add", "ri"], ["sum", "rr"], ["load", "rr"], ["store", "rr"],
  ["jump", "i"], ["jnz", "ri"], ["call", "i"], ["callr", "r"], ["ret", ""], ["trap", "e"], ["divide", ""], ["break", ""],
  ["stub", "i"], ["retstub", ""], ["push", "r"], ["pop", "r"], ["jumpr", "r"],
];
const OP: Record<string, number> = Object.fromEntries(OPS.map(([name], i) => [name, i]));

/** Options of {@link fakeArch}. */
export interface FakeArchOptions {
  /** Default `fake`. With a real name it stands in for that architecture: tables of the name are served. */
  readonly name?: string;
  /** Default `["syscall"]`; the instruction `trap NAME` enters there. */
  readonly entries?: readonly string[];
  /** Default 8. */
  readonly pointer?: 4 | 8;
  /** Default 0xfa5e. */
  readonly elfMachine?: number;
}

/**
 * A CPU for tests. System calls take their number in `r0`, arguments in `r1` to `r6` and give the result in `r0`;
 * calls push the return address. Its assembly has a line an instruction or `label:`;
 * `set r1, 5`, `mov r1, r2`, `add r1, -1`, `sum r1, r2`, `load r1, r2` (32 bits from the address in r2), `store r1, r2`,
 * `jump label`, `jnz r1, label`, `call label`, `callr r1`, `ret`, `push r1`, `pop r1`, `jumpr r1`, `trap syscall`,
 * `divide`, `break`, `illegal`, `nop`.
 *
 * @example
 * ```ts
 * import { fakeArch } from "@guise/core/testing";
 * const code = fakeArch().assemble("set r0, 60\ntrap syscall", 0x20000);
 * console.assert(code.length === 16);
 * ```
 */
export function fakeArch(options: FakeArchOptions = {}): Arch {
  const entries = options.entries ?? ["syscall"];
  const pointer = options.pointer ?? 8;
  const abis: Record<string, CallAbi> = { call: { args: ARGS, result: "r0", pointer } };
  for (const entry of entries) abis[entry] = { number: "r0", args: ARGS, result: "r0", pointer };
  const arch: Arch = {
    name: options.name ?? "fake",
    elfMachine: options.elfMachine ?? 0xfa5e,
    elfClass: pointer === 8 ? 64 : 32,
    pageSize: 4096,
    registers: NAMES.map((name): Register => ({ name, bits: 64 })),
    entries,
    abis,
    register(name: string): number {
      const index = NAMES.indexOf(name);
      if (index < 0) throw new Error(`guise: the fake architecture has no register ${name}`);
      return index;
    },
    pc: PC,
    sp: SP,
    tls: TLS,
    syscallLength: SIZE,
    stub(target: number): Uint8Array {
      const code = new Uint8Array(2 * SIZE);
      code[0] = OP.stub;
      new DataView(code.buffer).setInt32(4, target, true);
      code[SIZE] = OP.retstub;
      return code;
    },
    createCpu: (space: AddressSpace, kernel: KernelEntry, _options?: CpuOptions): Cpu =>
      new FakeCpu(arch, space, kernel),
    disassemble(code: Uint8Array, _pc: number): { text: string; length: number }[] {
      const lines: { text: string; length: number }[] = [];
      for (let at = 0; at + SIZE <= code.length; at += SIZE) {
        lines.push({ text: OPS[code[at]]?.[0] ?? "illegal", length: SIZE });
      }
      return lines;
    },
    assemble: (source: string, at: number): Uint8Array => assemble(source, at, entries),
  };
  return arch;
}

function assemble(source: string, at: number, entries: readonly string[]): Uint8Array {
  const labels = new Map<string, number>();
  const lines: { op: number; operands: string[]; line: string }[] = [];
  for (const raw of source.split("\n")) {
    const line = raw.replace(/[#;].*/, "").trim();
    if (line === "") continue;
    if (line.endsWith(":")) {
      labels.set(line.slice(0, -1), at + lines.length * SIZE);
      continue;
    }
    const [name, ...rest] = line.split(/[\s,]+/);
    const op = OP[name];
    if (op === undefined) throw new Error(`guise: no instruction "${name}" in "${line}"`);
    lines.push({ op, operands: rest, line });
  }
  const code = new Uint8Array(lines.length * SIZE);
  const view = new DataView(code.buffer);
  lines.forEach(({ op, operands, line }, i) => {
    const kinds = OPS[op][1];
    if (operands.length !== kinds.length) throw new Error(`guise: "${line}" needs ${kinds.length} operands`);
    code[i * SIZE] = op;
    [...kinds].forEach((kind, n) => {
      const text = operands[n];
      if (kind === "r") {
        const register = NAMES.indexOf(text);
        if (register < 0) throw new Error(`guise: no register "${text}" in "${line}"`);
        code[i * SIZE + 1 + n] = register;
      } else if (kind === "e") {
        const entry = entries.indexOf(text);
        if (entry < 0) throw new Error(`guise: no entry "${text}" in "${line}"`);
        view.setInt32(i * SIZE + 4, entry, true);
      } else {
        const value = labels.get(text) ?? Number(text);
        if (Number.isNaN(value)) throw new Error(`guise: no label "${text}" in "${line}"`);
        view.setInt32(i * SIZE + 4, value | 0, true);
      }
    });
  });
  return code;
}

class FakeCpu implements Cpu {
  readonly arch: Arch;
  readonly space: AddressSpace;
  readonly frame: FakeFrame = new FakeFrame();
  instructions = 0;
  readonly #kernel: KernelEntry;
  /** Low halves of the answers that stay the same, by number. */
  readonly #answers = new Map<number, number>();
  #interrupted = false;
  readonly #trap: Trap = {
    cause: "budget",
    address: 0,
    addressLo: 0,
    addressHi: 0,
    access: 0,
    vector: 0,
    error: 0,
    entry: 0,
  };

  constructor(arch: Arch, space: AddressSpace, kernel: KernelEntry) {
    this.arch = arch;
    this.space = space;
    this.#kernel = kernel;
    space.codeWatcher = this;
  }
  interrupt(): void {
    this.#interrupted = true;
  }
  invalidate(_start: number, _length: number): void {}
  rememberAnswer(number: number, lo: number): void {
    this.#answers.set(number, lo);
  }
  forgetAnswers(): void {
    this.#answers.clear();
  }
  dispose(): void {}

  #stop(cause: TrapCause, address: number = 0, access: number = 0): Trap {
    const trap = this.#trap;
    trap.cause = cause;
    trap.address = address;
    trap.addressLo = address | 0;
    trap.addressHi = Math.floor(address / 2 ** 32) | 0;
    trap.access = access;
    return trap;
  }

  run(budget: number): Trap {
    const r = this.frame.values;
    const { space } = this;
    for (let left = budget; left > 0; left--) {
      if (this.#interrupted) {
        this.#interrupted = false;
        return this.#stop("interrupt");
      }
      const pc = Number(r[PC]);
      if (!space.check(pc, SIZE, EXEC)) return this.#stop("page", pc, EXEC);
      const code = space.bytes(pc, SIZE);
      const [op, a, b] = code;
      const imm = code[4] | code[5] << 8 | code[6] << 16 | code[7] << 24;
      let next = pc + SIZE;
      switch (OPS[op]?.[0]) {
        case "nop":
          break;
        case "set":
          r[a] = BigInt(imm);
          break;
        case "mov":
          r[a] = r[b];
          break;
        case "add":
          r[a] += BigInt(imm);
          break;
        case "sum":
          r[a] += r[b];
          break;
        case "load": {
          const from = Number(r[b]);
          const value = space.getU32(from);
          if (value === undefined) return this.#stop("page", from, READ);
          r[a] = BigInt(value);
          break;
        }
        case "store": {
          const to = Number(r[b]);
          if (!space.setU32(to, Number(BigInt.asUintN(32, r[a])))) return this.#stop("page", to, WRITE);
          break;
        }
        case "jump":
          next = imm;
          break;
        case "jnz":
          if (r[a] !== BigInt(0)) next = imm;
          break;
        case "jumpr":
          next = Number(r[a]);
          break;
        case "push":
        case "call":
        case "callr": {
          const sp = Number(r[SP]) - 8;
          const value = OPS[op][0] === "push" ? Number(r[a]) : next;
          if (!space.setNum64(sp, value)) return this.#stop("page", sp, WRITE);
          r[SP] = BigInt(sp);
          if (OPS[op][0] !== "push") next = op === OP.call ? imm : Number(r[a]);
          break;
        }
        case "pop":
        case "ret":
        case "retstub": {
          const value = space.getNum64(Number(r[SP]));
          if (value === undefined) return this.#stop("page", Number(r[SP]), READ);
          r[SP] += BigInt(8);
          if (OPS[op][0] === "pop") r[a] = BigInt(value);
          else next = value;
          break;
        }
        case "trap":
        case "stub": {
          const isStub = op === OP.stub;
          if (isStub && space.find(pc)?.stubs !== true) return this.#stop("illegal", pc);
          r[PC] = BigInt(next);
          this.instructions++;
          const answer = isStub || imm !== 0 ? undefined : this.#answers.get(this.frame.lo(0));
          if (answer !== undefined) {
            this.frame.setNum(0, answer);
            continue;
          }
          const leave = isStub ? this.#kernel.call(imm) : this.#kernel.syscall(imm);
          if (leave === 1) {
            this.#trap.entry = imm;
            return this.#stop(isStub ? "call" : "syscall", isStub ? imm : 0);
          }
          continue;
        }
        case "divide":
          return this.#stop("divide", pc);
        case "break":
          r[PC] = BigInt(next);
          return this.#stop("breakpoint", pc);
        default:
          return this.#stop("illegal", pc);
      }
      r[PC] = BigInt(next);
      this.instructions++;
    }
    return this.#stop("budget");
  }
}

class FakeFrame implements TrapFrame {
  readonly values: BigInt64Array = new BigInt64Array(NAMES.length);
  readonly #words = new Int32Array(this.values.buffer);
  lo(reg: number): number {
    return this.#words[reg * 2];
  }
  hi(reg: number): number {
    return this.#words[reg * 2 + 1];
  }
  set(reg: number, lo: number, hi: number): void {
    this.#words[reg * 2] = lo;
    this.#words[reg * 2 + 1] = hi;
  }
  num(reg: number): number {
    return (this.#words[reg * 2 + 1] >>> 0) * 2 ** 32 + (this.#words[reg * 2] >>> 0);
  }
  setNum(reg: number, value: number): void {
    this.#words[reg * 2] = value;
    this.#words[reg * 2 + 1] = Math.floor(value / 2 ** 32);
  }
  big(reg: number): bigint {
    return BigInt.asUintN(64, this.values[reg]);
  }
  setBig(reg: number, value: bigint): void {
    this.values[reg] = value;
  }
  read(reg: number, into: Uint8Array, at = 0): void {
    into.set(new Uint8Array(this.values.buffer, reg * 8, Math.min(8, into.length - at)), at);
  }
  write(reg: number, from: Uint8Array, at = 0): void {
    new Uint8Array(this.values.buffer, reg * 8, 8).set(from.subarray(at, at + 8));
  }
  gather(registers: Int32Array, into: DataView, at: number): void {
    registers.forEach((reg, i) => {
      into.setInt32(at + i * 8, this.lo(reg), true);
      into.setInt32(at + i * 8 + 4, this.hi(reg), true);
    });
  }
  scatter(registers: Int32Array, from: DataView, at: number): void {
    registers.forEach((reg, i) =>
      this.set(reg, from.getInt32(at + i * 8, true), from.getInt32(at + i * 8 + 4, true))
    );
  }
  save(into: Uint8Array = new Uint8Array(this.values.byteLength)): Uint8Array {
    into.set(new Uint8Array(this.values.buffer));
    return into;
  }
  restore(saved: Uint8Array): void {
    new Uint8Array(this.values.buffer).set(saved);
  }
}

/** Where {@link loadFlat} puts programs. */
export const FLAT_BASE = 0x100000;

/**
 * A loader for personalities under test: the program's bytes at {@link FLAT_BASE}, readable, writable and executable,
 * a stack of 64 KiB, and a first task at the first byte. The shape of {@link Personality.start}.
 */
export function loadFlat(
  process: Process,
  request: SpawnRequest,
): undefined | { readonly error: string; readonly status: number } {
  const { program } = request;
  if (typeof program === "string" || program.length === 0) {
    return { error: "guise: not a program", status: 126 };
  }
  const { space } = process;
  const all = READ | WRITE | EXEC;
  const at = space.map({
    address: FLAT_BASE,
    length: program.length,
    prot: all,
    fixed: "replace",
    name: "[program]",
  });
  const stack = space.map({
    address: STACK_TOP - 65536,
    length: 65536,
    prot: READ | WRITE,
    fixed: "replace",
    growsDown: true,
    name: "[stack]",
  });
  if (at < 0 || stack < 0 || !space.write(at, program)) return { error: "guise: no memory", status: 126 };
  const { frame } = process.addTask();
  frame.setNum(process.cpu.arch.pc, at);
  frame.setNum(process.cpu.arch.sp, STACK_TOP - 64);
  return undefined;
}
