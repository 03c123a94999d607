import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { AddressSpace, Backing, Process, Task } from "@guise/core";
import { profiler } from "./mod.ts";

/** A 64-bit ELF file with two functions in .symtab, mapped at `start` from its beginning. */
function file(): Backing {
  const bytes = new Uint8Array(1024), view = new DataView(bytes.buffer);
  const u64 = (at: number, v: number) => view.setUint32(at, v, true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 3, true), view.setUint16(18, 62, true), view.setUint32(20, 1, true);
  u64(32, 64), u64(40, 512); // program headers, section headers
  view.setUint16(52, 64, true), view.setUint16(54, 56, true), view.setUint16(56, 1, true);
  view.setUint16(58, 64, true), view.setUint16(60, 3, true);
  // One segment: offset 0 at address 0x400000.
  view.setUint32(64, 1, true), view.setUint32(68, 5, true);
  u64(72, 0), u64(80, 0x400000), u64(96, 1024), u64(104, 1024);
  // .symtab at 192 (3 entries of 24), .strtab at 288.
  const names = "\0hot\0cold\0";
  for (let i = 0; i < names.length; i++) bytes[288 + i] = names.charCodeAt(i);
  for (const [n, name, value] of [[1, 1, 0x400100], [2, 5, 0x400180]]) {
    const at = 192 + n * 24;
    view.setUint32(at, name, true), bytes[at + 4] = 0x12, view.setUint16(at + 6, 1, true);
    u64(at + 8, value), u64(at + 16, 0x40);
  }
  const section = (n: number, type: number, offset: number, size: number, link: number, entry: number) => {
    const at = 512 + n * 64;
    view.setUint32(at + 4, type, true), u64(at + 24, offset), u64(at + 32, size);
    view.setUint32(at + 40, link, true), u64(at + 56, entry);
  };
  section(1, 2, 192, 72, 2, 24), section(2, 3, 288, names.length, 0, 0);
  const fill = (offset: number, into: Uint8Array) => {
    const part = bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  };
  return { fill, size: bytes.length, identity: bytes, name: "/bin/program" };
}

function task(pc: () => number): Task {
  const backing = file();
  const space = {
    find: (at: number) =>
      at >= 0x400000 && at < 0x401000 ? { start: 0x400000, offset: 0, backing, name: "" } : undefined,
  };
  const process = { id: 4, arch: { pc: 16 } };
  return {
    id: 4,
    process: process as unknown as Process,
    space: space as unknown as AddressSpace,
    frame: { num: pc },
  } as unknown as Task;
}

Deno.test("profiler gives host time to the functions where guest code was left", () => {
  const plugin = profiler({ interval: 1 }), { ran, event } = plugin.hooks!;
  let pc = 0x400110;
  const guest = task(() => pc);
  event!({ kind: "exec", process: guest.process, path: "/bin/program" });
  ran!(guest, 100), ran!(guest, 100.5), ran!(guest, 104); // hot: 1 and 4 ms, nothing between
  pc = 0x400190, ran!(guest, 106); // cold
  pc = 0x400300, ran!(guest, 107); // between functions
  pc = 0x10, ran!(guest, 108); // nowhere
  assertEquals(plugin.samples, 5);
  assertEquals(plugin.functions().map(({ place, ms }) => [place.name, ms]), [
    ["hot", 5],
    ["cold", 2],
    ["(program)", 1],
    ["(not mapped)", 1],
  ]);
  assertStringIncludes(plugin.table(1), " 55.6         5         2 hot (/bin/program)");
  assertStringIncludes(plugin.table(1), "and 3 more functions");
});

Deno.test("profiler writes a speedscope file with a profile for each task", () => {
  const plugin = profiler(), { ran } = plugin.hooks!;
  ran!(task(() => 0x400110), 5), ran!(task(() => 0x400180), 7);
  const { profiles, shared, $schema } = JSON.parse(plugin.speedscope("x"));
  assertEquals($schema, "https://www.speedscope.app/file-format-schema.json");
  assertEquals(profiles.length, 1);
  assertEquals([profiles[0].type, profiles[0].samples, profiles[0].weights, profiles[0].endValue], [
    "sampled",
    [[0], [1]],
    [1, 2],
    3,
  ]);
  assertEquals(shared.frames.map((f: { name: string }) => f.name), ["hot", "cold"]);
});

Deno.test("profiler never trips over a file that is no ELF file", () => {
  const plugin = profiler(), guest = task(() => 0x400110);
  const bad = { fill: () => 0, size: 0, identity: {}, name: "/x" };
  const odd = { ...guest, space: { find: () => ({ start: 0x400000, offset: 0, backing: bad, name: "" }) } };
  plugin.hooks!.ran!(odd as unknown as Task, 1);
  assertEquals(plugin.functions()[0].place, { name: "(x)", file: "/x" });
  assert(plugin.table().length > 0);
});
