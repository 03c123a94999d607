// 2,000 damaged programs: every one ends in a plan and an image, or in a refusal with words; never in a throw.
import { assert } from "@std/assert";
import { type Backing, createSpace, ENOENT, type Errno } from "@guise/core";
import { createPrograms, elfSymbols } from "./key.ts";
import { memoryFile, mutant, text } from "./testing.ts";

const PROGRAMS = ["/bin/busybox", "/bin/true", "/bin/dash", "/bin/bash", "/lib64/ld-linux-x86-64.so.2"];

Deno.test({
  name: "plan and load end in a value for 2,000 mutants of real programs",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
  fn() {
    const programs = PROGRAMS.flatMap((path) => {
      try {
        return [Deno.readFileSync(path)];
      } catch {
        return [];
      }
    });
    assert(programs.length > 0);
    const loader = createPrograms();
    const ld = Deno.readFileSync("/lib64/ld-linux-x86-64.so.2");
    const open = (path: Uint8Array): Backing | Errno =>
      text(path).includes("ld-linux") ? memoryFile(ld, "ld") : ENOENT;
    let planned = 0, loaded = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const file = memoryFile(mutant(programs[seed % programs.length], seed), "/mutant");
      const plan = loader.plan({
        path: new TextEncoder().encode("/mutant"),
        file,
        args: [],
        open,
        arches: [{ name: "x86-64", elfMachine: 62, elfClass: 64 }],
      });
      if (seed % 10 === 0) elfSymbols(file);
      if (plan.kind === "refused") {
        assert(plan.errno < 0 && plan.errno >= -4095 && plan.reason.length > 10, `seed ${seed}`);
        continue;
      }
      planned++;
      const space = createSpace();
      assert(space !== undefined, `seed ${seed}: no space`);
      const image = loader.load(plan, space);
      if (image.kind === "refused") assert(image.errno < 0 && image.reason.length > 10, `seed ${seed}`);
      else {
        loaded++;
        assert(image.start >= 0 && Number.isFinite(image.brk), `seed ${seed}`);
      }
      space.dispose();
    }
    // Mutants must get past the first checks to be worth anything.
    assert(planned >= 1000, `only ${planned} of 2,000 were planned`);
    assert(loaded >= 200, `only ${loaded} of 2,000 were loaded`);
  },
});
