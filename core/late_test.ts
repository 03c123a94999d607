import { assert, assertEquals } from "@std/assert";
import { createKernel } from "./mod.ts";
import { fakeArch } from "./testing.ts";

Deno.test("bring loads an architecture once, and wakes who waits for it", async () => {
  let loads = 0;
  const kernel = await createKernel({
    plugins: [{
      name: "late",
      lateArch: {
        name: "late",
        elfMachine: 7,
        load: () => Promise.resolve((loads++, fakeArch({ name: "late", elfMachine: 7 }))),
      },
    }],
  });
  assertEquals([kernel.bring(8), kernel.archNames], [undefined, ["late"]]);
  assert(!kernel.arches.has("late"));
  const queue = kernel.bring(7);
  assert(queue !== undefined && kernel.bring(7) === queue);
  let woken = 0;
  queue.add({ woken: () => (woken++, true) });
  await kernel.run();
  assertEquals(kernel.archNames, ["late"]);
  assertEquals([loads, woken, kernel.arches.get("late")?.elfMachine, kernel.bring(7)], [1, 1, 7, undefined]);
});

Deno.test("bring says when an architecture cannot be loaded, and does not try again", async () => {
  const said: string[] = [];
  const kernel = await createKernel({
    plugins: [{
      name: "late",
      lateArch: { name: "late", elfMachine: 7, load: () => Promise.reject(new Error("no such file")) },
      hooks: { event: (e) => void (e.kind === "message" && said.push(e.text)) },
    }],
  });
  let woken = 0;
  kernel.bring(7)?.add({ woken: () => (woken++, true) });
  await kernel.run();
  assertEquals([woken, kernel.arches.size, kernel.bring(7)], [1, 0, undefined]);
  assertEquals(said, ["an architecture could not be loaded: Error: no such file"]);
});
