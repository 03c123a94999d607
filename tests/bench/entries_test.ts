/** The ways into the kernel, by what they do: counted by the model at the CPU's kernel entries, not by a clock (G1). */
import { assert, assertEquals } from "@std/assert";
import { perCall, programs, WAYS } from "./groups/entries.ts";
import { costOf, type Counts, descriptorTable } from "./model.ts";

const ready = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
const built = ready ? await programs() : undefined;

/** What the facts say of each way: traps, gates, words, MSRs, words that the kernel saves, functions called directly. */
const SAID: Readonly<Record<string, readonly number[]>> = {
  call: [0, 0, 0, 0, 0, 0],
  direct: [0, 0, 0, 0, 0, 1],
  vdso: [0, 0, 0, 0, 0, 0],
  syscall: [1, 0, 0, 3, 21, 0],
  int80: [1, 1, 5, 0, 16, 0],
};
const seen = (c: Counts): number[] => [
  c.traps,
  c.gateLookups,
  c.frameWords,
  c.modelRegisters,
  c.savedWords,
  c.hostCalls,
];

for (const engine of ["interpreter", "jit"] as const) {
  Deno.test({
    name: `entries: each way does what the facts say${
      engine === "jit" ? "" : ", and costs in their order"
    } (${engine})`,
    ignore: built === undefined,
    fn: async () => {
      const costs = new Map<string, number>();
      for (const way of WAYS) {
        const counts = await perCall(way, built!, engine);
        assertEquals(seen(counts), SAID[way.way], `${way.way} ${way.call}`);
        costs.set(`${way.way} ${way.call}`, costOf(counts));
      }
      // Translated code does not count its instructions.
      if (engine === "jit") return;
      for (const call of ["getpid", "close", "clock"]) {
        const of = (way: string): number => costs.get(`${way} ${call}`)!;
        const vdso = call === "clock" ? of("vdso") : of("direct");
        const order = [of("call"), of("direct"), vdso, of("syscall"), of("int80")];
        const text = `${call}: ${order.join(" ")}`;
        assert(order[0] < order[1], text);
        assert(order[1] <= order[2], text);
        assert(order[2] < order[3], text);
        assert(order[3] < order[4], text);
      }
    },
  });
}

Deno.test("entries: the model's table is 256 gates of 16 bytes, three of them open (X10)", () => {
  const table = descriptorTable();
  assertEquals(table.byteLength, 4096);
  const open = Array.from({ length: 256 }, (_, n) => n).filter((n) =>
    (table.getUint8(16 * n + 5) & 0x60) === 0x60
  );
  assertEquals(open, [3, 4, 0x80]);
  // Present, interrupt gate, in the kernel's segment.
  assertEquals([table.getUint8(16 * 13 + 5), table.getUint16(16 * 13 + 2, true)], [0x8e, 0x10]);
});
