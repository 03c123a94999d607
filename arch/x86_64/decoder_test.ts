import { assertEquals } from "@std/assert";
import { BIAS, CHUNK_INFO, FIELD, RECORD } from "@guise/translator";
import { useDeclarations } from "./built.ts";
import { sharedEngine } from "./cpu.ts";
import { Decoder, newParts, PARSE, parse, RUN_INSTRUCTIONS, RUN_RECORDS } from "./decode.ts";
import { CODE, EXEC, machine, READ, WRITE } from "./fake_space.ts";
import { image } from "./image.ts";
import { generated } from "./tools/generate.ts";

Deno.test("the shipped interpreter is what the declarations make", async () => {
  const { main, memory32, operations } = generated();
  const read = (name: string) => Deno.readTextFile(new URL(name, import.meta.url));
  const hint = "run: deno run -A arch/x86_64/tools/generate.ts";
  assertEquals(await read("./interpreter.generated.ts") === main, true, hint);
  assertEquals(await read("./memory32.generated.ts") === memory32, true, hint);
  assertEquals(await read("./operations.generated.ts") === operations, true, hint);
});

/** Records of a run with targets relative to its start, so that two decodings can be compared. */
function records(start: number, end: number): { op: Uint32Array; info: Uint32Array } {
  const { u32 } = sharedEngine(), op = u32.slice(start >>> 2, end >>> 2);
  for (let i = 2; i < op.length; i += 4) {
    if (op[i] >= start && op[i] < end) op[i] = op[i] - start + 0x77000000;
  }
  const info = (start & ~0x1ffff) + CHUNK_INFO + ((start & 0xffff) >>> 1);
  return { op, info: u32.slice(info >>> 2, info + (end - start >>> 1) >>> 2) };
}

Deno.test("both decoders make the same records of random bytes", () => {
  useDeclarations();
  const { cpu, space } = machine();
  const { tables, special } = image(), reference = new Decoder(tables, special, cpu);
  let seed = 12345, compared = 0;
  const random = () => (seed = Math.imul(seed, 1103515245) + 12345) >>> 16 & 0xff;
  space.map(CODE, 0x10000, READ | EXEC);
  const { exports, cache } = cpu as unknown as {
    exports: Record<string, (...a: number[]) => number>;
    cache: typeof cpu.cache;
  };
  for (let round = 0; round < 3000; round++) {
    // Mostly frequent opcodes, so that runs get long.
    const bytes = Array.from({ length: 48 }, () => {
      const r = random();
      return r < 40 ? [0x48, 0x0f, 0x8b, 0x89, 0x83, 0x66, 0x41, 0x85][r & 7] : random();
    });
    const pc = CODE - BIAS + (round % 7 === 0 ? 4096 - 20 : 64);
    space.u8.set(bytes, pc);
    cache.reset();
    sharedEngine().u32[FIELD.directory >>> 2] = cache.root;
    const a = cache.begin(RUN_RECORDS);
    const end = exports.decode(pc, cache.page(pc >>> 12), a, space.memory.buffer.byteLength - 32, 1);
    if (!end) continue;
    const fast = records(a, end);
    // The fast one stops before what it cannot do: as many instructions are asked of the other.
    const instructions = fast.op.filter((_, i) => i % 4 === 0 && (fast.op[i] & 0xffff) === 2).length
      ? lastOrdinal(fast.op)
      : RUN_INSTRUCTIONS;
    cache.reset();
    sharedEngine().u32[FIELD.directory >>> 2] = cache.root;
    const b = cache.begin(RUN_RECORDS);
    const slow = records(b, reference.run(pc, instructions, b, false));
    assertEquals(fast, slow, `round ${round}`);
    compared++;
  }
  assertEquals(compared > 1500, true, `${compared}`);
  void WRITE;
});

Deno.test("a run of nothing but branches to unknown code leaves the engine's fields alone", () => {
  useDeclarations();
  const { cpu, space } = machine();
  space.map(CODE, 0x10000, READ | EXEC);
  const jump = (i: number) => [0x0f, 0x84, i, 0x20, 0, 0];
  const pc = CODE - BIAS,
    { exports, cache } = cpu as unknown as {
      exports: Record<string, (...a: number[]) => number>;
      cache: typeof cpu.cache;
    };
  space.u8.set(Array.from({ length: RUN_INSTRUCTIONS + 1 }, (_, i) => jump(i)).flat(), pc);
  const { u32 } = sharedEngine(), fields = () => u32.slice(FIELD.record >>> 2, (FIELD.partly >>> 2) + 1);
  sharedEngine().use(cache);
  // A place for records is one of the fields.
  const at = cache.begin(RUN_RECORDS), before = fields();
  const end = exports.decode(pc, cache.page(pc >>> 12), at, space.memory.buffer.byteLength - 32, 1);
  // The branches, the way on, and a stub for each of their targets.
  assertEquals((end - at) / RECORD.size, RUN_INSTRUCTIONS * 2 + 2);
  assertEquals(fields(), before);
});

Deno.test("code in a page that is known is decoded without JavaScript, until the page is written", () => {
  useDeclarations();
  // mov eax, 1; jmp +8; (mov eax, 7; ret); at +16: inc eax; syscall
  const code = [0xb8, 1, 0, 0, 0, 0xeb, 9, 0xb8, 7, 0, 0, 0, 0xc3, 0x90, 0x90, 0x90, 0xff, 0xc0, 0x0f, 0x05];
  const { cpu, space } = machine(code), decoded: number[] = [];
  const hooked = cpu as unknown as { decode(pc: number, limit: number): number };
  const before = hooked.decode.bind(cpu);
  hooked.decode = (pc, limit) => (decoded.push(pc + BIAS), before(pc, limit));
  const run = () => {
    cpu.frame.setNum(16, CODE);
    const trap = cpu.run(100);
    return [trap.cause, cpu.frame.num(0)];
  };
  assertEquals(run(), ["syscall", 2]);
  // The jump's target is in the page that the first run made known.
  assertEquals(decoded, [CODE]);
  // A store of the guest's goes through resolve; what was decoded is forgotten, and the page is watched anew by JavaScript.
  space.resolve(CODE + 17, WRITE);
  space.u8[CODE + 17 - BIAS] = 0xc8; // dec eax
  assertEquals(run(), ["syscall", 0]);
  assertEquals(decoded, [CODE, CODE]);
});

/** Ordinal of the record that ends a run: the number of its instructions. */
function lastOrdinal(op: Uint32Array): number {
  for (let i = 0; i < op.length; i += 4) if ((op[i] & 0xffff) === 2) return op[i + RECORD.base / 4] >>> 24;
  return RUN_INSTRUCTIONS;
}

Deno.test("parse takes prefixes in any order and REX only before the opcode", () => {
  const t = image().tables, p = newParts();
  const length = (
    ...bytes: number[]
  ) => (parse(t, Uint8Array.from([...bytes, ...new Array(16).fill(0)]), 0, p) === PARSE.ok ? p.length : -1);
  assertEquals(length(0x48, 0x01, 0xd8), 3);
  assertEquals(length(0x48, 0x66, 0x01, 0xd8), 4); // REX is void here
  assertEquals(p.rex, 0);
  assertEquals(length(0x66, 0x48, 0x01, 0xd8), 4);
  assertEquals(length(0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0), 9);
  assertEquals(length(0xf0, 0x01, 0xd8), -1); // LOCK with a register
  assertEquals(length(0xf0, 0x01, 0x18), 3);
  assertEquals(length(0x06), -1);
  assertEquals(length(0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0), 8);
});
