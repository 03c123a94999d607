/** Builds the programs of this folder for both CPUs, and runs them natively: x86-64 by the host, aarch64 under qemu-user. */
import { fromFileUrl } from "@std/path";
import { compile } from "../tools/compile.ts";

const out = fromFileUrl(new URL("../.guests/programs/", import.meta.url));
const here = fromFileUrl(new URL(".", import.meta.url));

/** How a CPU's programs are built and run. */
export interface Target {
  readonly arch: "x86-64" | "aarch64";
  readonly compiler: string;
  readonly emulator: readonly string[];
}
/** Both. */
export const TARGETS: readonly Target[] = [
  { arch: "x86-64", compiler: "gcc", emulator: [] },
  { arch: "aarch64", compiler: "aarch64-linux-gnu-gcc", emulator: ["qemu-aarch64"] },
];

/** Compiler and emulator are there. */
export function available({ compiler, emulator }: Target): boolean {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return false;
  try {
    return [compiler, ...emulator].every((tool) =>
      new Deno.Command(tool, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success
    );
  } catch {
    return false;
  }
}

/** The program of a source of this folder. */
export function build(name: string, target: Target, ...options: string[]): string {
  Deno.mkdirSync(out, { recursive: true });
  const program = `${out}jit-${name.replace(/\W/g, "-")}-${
    options.join("").replace(/\W/g, "")
  }-${target.arch}`;
  const refused = compile(program, target.compiler, [
    ...["-O2", "-w", "-fno-optimize-sibling-calls", ...options],
    ...["-o", program, `${here}${name}`],
  ]);
  if (refused !== undefined) throw new Error(refused);
  return program;
}

/** What a program prints, and its status. */
export async function native(
  target: Target,
  program: string,
  args: readonly string[],
): Promise<{ status: number; text: string }> {
  const [command, ...more] = [...target.emulator, program, ...args];
  const { code, stdout } = await new Deno.Command(command, { args: more, stderr: "null" }).output();
  return { status: code, text: new TextDecoder().decode(stdout) };
}
