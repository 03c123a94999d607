/** Sets of regions, caches and the engine's memory that are full: everything is dropped, and what runs goes on rightly. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { EAGERNESS, type LockstepLog } from "@guise/translator/run";
import { assemble } from "./assemble.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { CODE, DATA, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { REG } from "./registers.ts";

const EXEC = 4, FUNCTIONS = 240, ROUNDS = 40;
await loadTranslator();

type Name = "interpreter" | "jit" | "lockstep";

/** Functions with loops that call one another, directly and by a table, some of them deep; a system call at each round's end. */
function program(): Uint8Array {
  const text = [`mov ebx, ${ROUNDS}`, "again:"];
  for (let i = 0; i < FUNCTIONS; i += 3) {
    text.push(`call f${i}`, `call qword ptr [${DATA + 8 * (i + 1)}]`);
    if (i % 60 === 0) text.push("mov edx, 30", "call deep");
  }
  text.push("syscall", "dec ebx", "jne again", "hlt");
  text.push("deep:", "add rax, rdx", "dec edx", "je bottom", "call deep", "rol rax, 3", "bottom:", "ret");
  for (let i = 0; i < FUNCTIONS; i++) {
    text.push(`f${i}:`, `add rax, ${i}`, "push rcx", "mov ecx, 4", `l${i}:`, "rol rax, 5", "xor rax, rcx");
    text.push("dec ecx", `jne l${i}`, "pop rcx");
    if (i % 3 === 0) text.push(`call f${i + 2}`);
    text.push("ret");
  }
  return assemble(text.join("\n"), CODE);
}
const code = program();
/** Addresses of the functions: each begins with its own `add rax`. */
function addresses(): number[] {
  const found: number[] = [];
  for (let i = 0; i < FUNCTIONS; i++) {
    const start = assemble(`add rax, ${i}\npush rcx`, CODE).join();
    for (let at = found.length ? found[i - 1] - CODE + 1 : 0;; at++) {
      if (code[at] === 0x48 && code.slice(at, at + start.split(",").length).join() === start) {
        found.push(CODE + at);
        break;
      }
    }
  }
  return found;
}
const table = new Uint8Array(new BigUint64Array(addresses().map(BigInt)).buffer);

interface Run {
  readonly registers: string[];
  readonly calls: string[];
  readonly cpu: X86Cpu;
  readonly log: LockstepLog;
  /** Sets of regions that were met. */
  readonly sets: number;
}
/** `prepare` may make the CPU's limits small; `within` is done in each system call. */
function start(engine: Name, prepare: (cpu: X86Cpu) => void, within: (cpu: X86Cpu) => void = () => {}): Run {
  const space = new FakeSpace(), calls: string[] = [];
  const log: LockstepLog = { compared: 0, instructions: 0, partial: 0, differences: [] };
  const kernel = {
    syscall: (): 0 | 1 => {
      calls.push(cpu.frame.big(REG.rax).toString(16));
      within(cpu);
      return 0;
    },
    call: (): 0 | 1 => 1,
  };
  const cpu: X86Cpu = new X86Cpu(space, kernel, undefined, undefined, engine, log);
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | EXEC);
  space.map(DATA, 0x10000, READ | WRITE);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  space.write(CODE, code), space.write(DATA, table);
  cpu.frame.setNum(REG.rip, CODE), cpu.frame.setNum(REG.rsp, STACK);
  prepare(cpu);
  const sets = new Set<unknown>();
  try {
    for (let turn = 0; turn < 5_000; turn++) {
      const { cause } = cpu.run(3_000);
      sets.add(cpu.cache.regions);
      if (cause === "protection") break;
      assertEquals(cause, "budget");
    }
  } finally {
    cpu.dispose();
  }
  const registers = Array.from({ length: 17 }, (_, i) => cpu.frame.big(i).toString(16));
  return { registers, calls, cpu, log, sets: sets.size };
}
function assertSame(run: Run, reference: Run): void {
  assertEquals(run.log.differences, []);
  assertEquals(run.calls, reference.calls);
  assertEquals(run.registers, reference.registers);
}

const reference = start("interpreter", () => {});
assertEquals(reference.calls.length, ROUNDS);

for (const engine of ["jit", "lockstep"] as const) {
  const eager = EAGERNESS[engine] as { set: number; life: number };
  Deno.test(`a full set of regions is dropped and made anew, and what runs goes on (${engine})`, () => {
    const { set, life } = eager;
    eager.set = 250, eager.life = 4;
    try {
      const run = start(engine, () => {});
      assertSame(run, reference);
      assert(run.sets > 3, `${run.sets} sets`);
      if (engine === "lockstep") assert(run.log.compared > 200, `${run.log.compared} compared`);
    } finally {
      eager.set = set, eager.life = life;
    }
  });

  Deno.test(`a full cache is dropped with its regions, and what runs goes on (${engine})`, () => {
    const run = start(engine, (cpu) => void ((cpu.cache as { maxChunks: number }).maxChunks = 2));
    assertSame(run, reference);
    assert(run.cpu.cache.generation > 3, `dropped ${run.cpu.cache.generation} times`);
    assert(run.cpu.regions > 30, `${run.cpu.regions} regions`);
  });

  Deno.test(`the engine's limit takes caches of others, and they go on rightly (${engine})`, () => {
    let shared: { limit: number } | undefined, limit = 0;
    const others: X86Cpu[] = [];
    try {
      const run = start(engine, (cpu) => {
        shared = cpu.engine as unknown as { limit: number }, limit = shared.limit;
        shared.limit = cpu.engine.memory.buffer.byteLength;
      }, (cpu) => {
        // Another process begins, decodes, and some time later ends.
        const other = new X86Cpu(new FakeSpace(), cpu.kernel);
        other.cache.begin(100);
        others.push(other);
        if (others.length > 5) others.shift()!.dispose();
      });
      assertSame(run, reference);
      assert(run.cpu.regions > 30, `${run.cpu.regions} regions`);
    } finally {
      for (const other of others) other.dispose();
      if (shared) shared.limit = limit;
    }
  });
}
