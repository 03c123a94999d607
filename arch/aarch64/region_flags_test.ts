/** Flags of conditional comparisons in regions, whose kind depends on the way, are those of the interpreter. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { createSpace, EXEC, READ, WRITE } from "@guise/core";
import { assemble } from "./assemble.ts";
import { type ArmCpu, loadTranslator } from "./cpu.ts";
import { aarch64 } from "./mod.ts";
import { useDeclarations } from "./built.ts";
import { CONDITIONS } from "./flag_names.ts";

// What is declared is tested, not what was shipped.
useDeclarations();
await loadTranslator();

const CODE = 0x30000;

function outcome(code: Uint8Array, engine: "jit" | "interpreter") {
  const space = createSpace()!;
  const cpu = aarch64.createCpu(space, { syscall: () => 1, call: () => 1 }, { engine }) as unknown as ArmCpu;
  space.map({ address: CODE, length: 0x10000, prot: READ | WRITE | EXEC, fixed: "replace" });
  space.write(CODE, code);
  cpu.frame.setNum(aarch64.pc, CODE);
  let trap = cpu.run(1_000_000);
  for (let turn = 0; trap.cause === "budget" && turn < 100; turn++) trap = cpu.run(1_000_000);
  const regions = cpu.cache.regions?.regions.filter((r) => r).length ?? 0;
  const seen = [trap.cause, ...Array.from({ length: 33 }, (_, i) => cpu.frame.big(i).toString(16))].join();
  cpu.dispose();
  return { seen, regions };
}

Deno.test("each condition behind each conditional comparison is the interpreter's, by either way", () => {
  for (const [n, cc] of CONDITIONS.slice(0, 14).entries()) {
    const r = n % 2 ? "x" : "w";
    const each = Array.from({ length: 16 }, (_, nzcv) => {
      // Each reads the flags in its own way, as somebody who has not been told their kind, and as somebody who has.
      const reads = CONDITIONS.slice(0, 14).map((c, n) =>
        `csinc x${10 + n % 8}, x${10 + n % 8}, x${10 + n % 8}, ${c}\nadd x${10 + n % 8}, x${10 + n % 8}, x${
          10 + n % 8
        }, lsl #3`
      );
      const second = nzcv & 1 ? `${r}4` : `#${nzcv}`;
      return `cmp ${r}1, ${r}2\nccmp ${r}3, ${second}, #${nzcv}, ${cc}\n${
        reads.join("\n")
      }\nmrs x7, nzcv\neor x8, x7, x8, ror #7
          cmp ${r}1, ${r}2\nccmp ${r}3, ${second}, #${nzcv}, ${cc}\nb.gt greater${nzcv}\nadd x9, x9, #1\ngreater${nzcv}:`;
    });
    const source = `mov x0, #60\nmov x1, #1\nagain:
        eor x2, x1, x0, ror #3\neor x3, x2, x1, ror #31\nsub x4, x3, x2
        tst x0, #3\ncsel x2, x1, x2, eq\ntst x0, #6\ncsel x4, x3, x4, eq\ntst x0, #12\ncsel x3, xzr, x3, eq
        ${each.join("\n")}
        eor x1, x3, x1, ror #9\nadd x1, x1, #7\nsubs x0, x0, #1\nb.ne again\nsvc #0`;
    const code = assemble(source, CODE), made = outcome(code, "jit");
    assertEquals(made.seen, outcome(code, "interpreter").seen, `${r} ${cc}`);
    assert(made.regions > 0);
  }
});

Deno.test("each branch behind each conditional comparison leaves the interpreter's flags on both ways", () => {
  for (const [n, cc] of CONDITIONS.slice(0, 14).entries()) {
    for (let part = 0; part < 4; part++) {
      const r = (n + part) % 2 ? "x" : "w";
      const each = Array.from({ length: 4 }, (_, k) => {
        const nzcv = part * 4 + k, second = k & 1 ? `${r}4` : `#${nzcv}`;
        // What is done between the two is done with flags that nobody has chosen yet.
        const between = ["", "add x9, x9, #3", "cbz x3, between", "ldr x12, [x13]"];
        return CONDITIONS.slice(0, 14).filter((_, c) => c % 3 === (n + k) % 3).map((branch, c) => {
          const name = `${nzcv}_${c}`, line = between[c % 4].replace("between", `between${name}`);
          return `cmp ${r}1, ${r}2\nccmp ${r}3, ${second}, #${nzcv}, ${cc}\n${line}\nbetween${name}:\nb.${branch} taken${name}
            mrs x7, nzcv\nadd x9, x9, x7, lsr #28\ntaken${name}:\nadd x10, x10, x9\nmrs x7, nzcv\neor x8, x7, x8, ror #7`;
        }).join("\n");
      });
      const source = `mov x0, #60\nmov x1, #1\nmov x13, #${CODE}\nagain:
        eor x2, x1, x0, ror #3\neor x3, x2, x1, ror #31\nsub x4, x3, x2
        tst x0, #3\ncsel x2, x1, x2, eq\ntst x0, #6\ncsel x4, x3, x4, eq\ntst x0, #12\ncsel x3, xzr, x3, eq
        ${each.join("\n")}
        eor x1, x3, x1, ror #9\nadd x1, x1, #7\nsubs x0, x0, #1\nb.ne again\nsvc #0`;
      const code = assemble(source, CODE), made = outcome(code, "jit");
      assertEquals(made.seen, outcome(code, "interpreter").seen, `${r} ${cc} ${part}`);
      assert(made.regions > 0);
    }
  }
});
