/** Programs of axle for tests, from C without a library, and a kernel that runs them. */
import {
  createKernel,
  type Hooks,
  type Kernel,
  type KernelOptions,
  type Plugin,
  virtualClock,
} from "@guise/core";
import { axle } from "@guise/axle";
import { x86_64 } from "@guise/x86-64/run";
import { fromFileUrl } from "@std/path";

const here = fromFileUrl(new URL(".", import.meta.url));
const built = new Map<string, Uint8Array>();

/** Whether programs can be built here. */
export const compiler: boolean = (() => {
  try {
    return Deno.build.arch === "x86_64" &&
      new Deno.Command("gcc", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
})();

/** A program whose `main` has this body. */
export function program(main: string, more = ""): Uint8Array {
  const source = `#include "axle.h"\n${more}\nint main(void) {\n${main}\nreturn 0;\n}\n`;
  let bytes = built.get(source);
  if (bytes === undefined) {
    const folder = Deno.makeTempDirSync({ prefix: "guise-axle-" });
    try {
      Deno.writeTextFileSync(`${folder}/a.c`, source);
      const flags = "-nostdlib -static -no-pie -O1 -w -fno-stack-protector -mgeneral-regs-only -fno-builtin"
        .split(" ");
      const { success, stderr } = new Deno.Command("gcc", {
        args: [...flags, `-I${here}`, "-o", `${folder}/a`, `${folder}/a.c`],
      }).outputSync();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
      built.set(source, bytes = Deno.readFileSync(`${folder}/a`));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }
  return bytes;
}

/** What a world did. */
export interface Ran {
  readonly lines: string[];
  /** By program, as a shell tells it. */
  readonly codes: number[];
  readonly messages: (string | undefined)[];
  readonly kernel: Kernel;
}

/** Options of {@link run}. */
export interface RunOptions extends Partial<KernelOptions> {
  readonly hooks?: Partial<Hooks>;
  /** Before the first program runs. */
  readonly prepare?: (kernel: Kernel) => void;
}

/** Runs programs together until all have ended, in virtual time. */
export async function run(programs: readonly Uint8Array[], options: RunOptions = {}): Promise<Ran> {
  const lines: string[] = [];
  const plugins: Plugin[] = [
    { name: "x86-64", arch: x86_64 },
    axle({ log: (line) => lines.push(line) }),
    ...options.plugins ?? [],
  ];
  const kernel = await createKernel({ clock: virtualClock(), ...options, plugins });
  if (options.hooks !== undefined) kernel.hook(options.hooks);
  options.prepare?.(kernel);
  const statuses = programs.map((program, i) =>
    kernel.spawn("axle", { program, args: [`program${i}`], env: {} }).status
  );
  const late = setTimeout(() => kernel.stop(), 10_000);
  await kernel.run();
  clearTimeout(late);
  const pending = { code: -1, message: "did not end" };
  const ended = await Promise.all(statuses.map((s) => Promise.race([s, Promise.resolve(pending)])));
  return { lines, codes: ended.map((s) => s.code), messages: ended.map((s) => s.message), kernel };
}
