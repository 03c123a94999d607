/** Quotas and bad pointers under OSv as natively (G2, G3); threads share the processor fairly (G4). */
import { assert, assertEquals } from "@std/assert";
import { virtualClock } from "@guise/core";
import { run } from "../../mod.ts";
import { build, same, test } from "./support.ts";

test("direct calls refuse bad pointers and what limits forbid as natively, to the stack's end (G2, G3)", async () => {
  const { status, traps } = await same(build("quotas"));
  assertEquals([status, traps.syscall, traps.fault], [139, 0, 1]);
});

test("two endless threads get half each, and a sleeper wakes within two quanta (G4)", async () => {
  const quantum = 50_000;
  const content = Deno.readFileSync("/usr/lib/x86_64-linux-musl/libc.so");
  const result = await run(Deno.readFileSync(build("fair")), {
    personality: "osv",
    files: { "/lib/ld-musl-x86_64.so.1": { content, mode: 0o755 } },
    kernel: { quantum, clock: virtualClock() },
  });
  const [share, late] = result.text().split(" ").map(Number);
  assert(share >= 40 && share <= 60, result.text());
  assert(late <= 2 * quantum, result.text());
});
