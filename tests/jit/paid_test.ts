/**
 * Lockstep translates at once, and all that a place leads to. What `auto` makes of samples has other shapes: regions that begin where their code
 * is come to, copies along what is executed, pieces of big functions. Here those are compared: loops of all sorts, built for both CPUs.
 * More of them: GUISE_ALL=1; any program: `deno run -A --preload=./tests/tools/paid.ts command.ts run --engine lockstep PROGRAM`.
 */
import { assert, assertEquals } from "@std/assert";
import { run } from "@guise/guise";
import "../tools/paid.ts";
import { available, build, TARGETS } from "./build.ts";

const few = "calls indirect double strings sorting",
  more = "integer branchy fib memory vector simd malloc wide hashing";
const kernels = (Deno.env.get("GUISE_ALL") === undefined ? few : `${few} ${more}`).split(" ");

for (const target of TARGETS) {
  const { arch } = target;
  const missing = available(target) ? "" : " (skipped: needs compiler and emulator)";
  for (const kernel of kernels) {
    Deno.test({
      name:
        `${kernel} as regions that samples have paid for, for ${arch}, does what the interpreter does${missing}`,
      ignore: missing !== "",
      fn: async () => {
        const program = await Deno.readFile(build("../bench/kernels.c", target, "-static"));
        const { status, lockstep } = await run(program, { args: [kernel, "300"], engine: "lockstep" });
        assertEquals([status, lockstep?.differences], [0, []]);
        assert(lockstep!.compared > 100, `only ${lockstep!.compared} runs compared`);
      },
    });
  }
}
