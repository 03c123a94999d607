/**
 * Pre-emption of Linux tasks (G4): a switch keeps all registers, whatever the quantum, and endless loops share the
 * processor evenly while a sleeper wakes within two quanta.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { virtualClock } from "@guise/core";
import { createKernel, run } from "@guise/guise";
import { hostFolder } from "@guise/host-deno";
import { createMemoryFs, credentialsOf, HostFs, HostStream, openStdio, OverlayFs, vfsKey } from "@guise/vfs";
import { compiler, program as axleProgram, run as axleRun } from "../axle/build.ts";

const here = fromFileUrl(new URL(".", import.meta.url));
const ready = Deno.build.os === "linux" && Deno.build.arch === "x86_64" && (() => {
  try {
    return Deno.statSync("/usr/bin/gcc").isFile;
  } catch {
    return false;
  }
})();

function build(name: string, ...flags: string[]): string {
  const program = Deno.makeTempFileSync({ prefix: `guise-${name}-` });
  const { success, stderr } = new Deno.Command("gcc", {
    args: ["-w", "-O1", ...flags, "-o", program, `${here}${name}.c`, "-lm"],
  }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  return program;
}

for (const engine of ["interpreter", "jit"] as const) {
  Deno.test({
    name: `preempt.c computes natively, and with every quantum, the same (G4, ${engine})`,
    ignore: !ready,
    fn: async () => {
      const program = build("preempt", "-static", "-pthread", "-frounding-math");
      try {
        const rounds = "300";
        const { stdout } = new Deno.Command(program, { args: [rounds] }).outputSync();
        const bytes = Deno.readFileSync(program);
        for (const quantum of [1, 7, 1000, 2_000_000]) {
          const { status, text } = await run(bytes, { args: [rounds], engine, kernel: { quantum } });
          assertEquals([status, text()], [0, new TextDecoder().decode(stdout)], `quantum ${quantum}`);
        }
      } finally {
        Deno.removeSync(program);
      }
    },
  });
}

Deno.test({
  name: "preempt.c's threads compute the same under OSv with every quantum (G4)",
  ignore: !ready,
  fn: async () => {
    const program = build("preempt", "-pthread", "-frounding-math");
    try {
      const root = new OverlayFs({ lower: new HostFs(hostFolder("/")) });
      const results = new Set<string>();
      for (const quantum of [1, 500, 2_000_000]) {
        const args = ["200", "osv"];
        const result = await run(program, { args, root, personality: "osv", kernel: { quantum } });
        assertEquals(result.status, 0, result.errorText());
        results.add(result.text());
      }
      assertEquals([...results].map((text) => text.split("\n").length), [6]);
    } finally {
      Deno.removeSync(program);
    }
  },
});

Deno.test({
  name: "two axle processes compute the same with every quantum (G4, W15)",
  ignore: !compiler,
  fn: async () => {
    const process = (seed: number): Uint8Array =>
      axleProgram(`
        u64 a = ${seed}, b = ~a, c = a * 3, d = b * 5, e = a ^ c, f = b + d;
        for (int i = 0; i < 2000; i++) {
          a += b << 7 | b >> 57, b ^= c + i, c += d * 31, d ^= e >> 3, e += f ^ a, f -= b;
        }
        print_number("sum ", (long)((a ^ b ^ c ^ d ^ e ^ f) & 0x7fffffff));
      `);
    const results = new Set<string>();
    for (const quantum of [1, 300, 2_000_000]) {
      const { lines, codes } = await axleRun([process(1), process(2)], { quantum });
      assertEquals(codes, [0, 0]);
      results.add(lines.filter((line) => line.includes("sum")).sort().join("\n"));
    }
    assertEquals([...results].map((text) => text.split("\n").length), [2]);
  },
});

Deno.test({
  name: "two endless loops get half each, and a sleeper wakes within two quanta (G4)",
  ignore: !ready,
  fn: async () => {
    // deno-fmt-ignore
    const flags = ["-static", "-nostdlib", "-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-fno-pie", "-no-pie",
      "-fno-toplevel-reorder", "-fcf-protection=none"];
    const program = build("spin", ...flags);
    try {
      const quantum = 20_000;
      const content = Deno.readFileSync(program);
      const kernel = await createKernel({
        quantum,
        clock: virtualClock(),
        files: { root: createMemoryFs({ "/spin": { content, mode: 0o755 } }) },
      });
      let text = "";
      const spawn = (what: string) => {
        const caller = { fs: kernel.data.get(vfsKey).createContext(), cred: credentialsOf(0) };
        const out = new HostStream({
          write: (bytes) => (text += new TextDecoder().decode(bytes), bytes.length),
        });
        const files = openStdio(caller, ["null", out, out]);
        return kernel.spawn("linux", { program: "/spin", args: ["spin", what], env: {}, options: { files } });
      };
      const a = spawn("spin"), b = spawn("spin"), sleeper = spawn("sleep");
      let shares: number[] = [];
      void sleeper.status.then(() => {
        shares = [a, b].map(({ process }) => [...process.tasks].reduce((sum, task) => sum + task.cpuTime, 0));
        kernel.stop();
      });
      await kernel.run();
      const share = shares[0] / (shares[0] + shares[1]);
      assert(share > 0.4 && share < 0.6, `shares ${shares}`);
      const late = Number(/late (\d+)/.exec(text)?.[1]);
      assert(late <= 2 * quantum, `${late} ns late`);
    } finally {
      Deno.removeSync(program);
    }
  },
});
