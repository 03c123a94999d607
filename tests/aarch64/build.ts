/** Programs for aarch64 by the cross compiler, for both C libraries, and how they run under qemu and under Guise. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { compile } from "../tools/compile.ts";
import { guestRoot, muslForAarch64 } from "../tools/guests.ts";

const here = fromFileUrl(new URL(".", import.meta.url));
const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));
const COMPILER = "aarch64-linux-gnu-gcc";

/** The arm64 system that programs run in. */
export const root: string | undefined = guestRoot("aarch64");
const musl = muslForAarch64();

function has(command: string): boolean {
  try {
    return new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}
/** Why these tests cannot run; empty: they can. */
export const missing: string = !has(COMPILER)
  ? ` (skipped: needs ${COMPILER})`
  : !has("qemu-aarch64")
  ? " (skipped: needs qemu-aarch64)"
  : root === undefined || musl === undefined
  ? " (skipped: deno task guests has not fetched the arm64 packages)"
  : "";

/** A C library and a way of linking. */
export type Kind = "glibc static" | "glibc dynamic" | "musl static" | "musl dynamic";
/** All. */
export const KINDS: readonly Kind[] = ["glibc static", "glibc dynamic", "musl static", "musl dynamic"];

/** What the compiler is told for a C library: musl's own headers and start files in the place of glibc's. */
function options(kind: Kind): { before: string[]; after: string[] } {
  const fixed = kind.endsWith("static");
  if (kind.startsWith("glibc")) return { before: fixed ? ["-static"] : [], after: ["-lm", "-pthread"] };
  const lib = `${musl}/usr/lib/aarch64-linux-musl`;
  return {
    before: [
      ...["-nostdinc", "-isystem", `${musl}/usr/include/aarch64-linux-musl`, "-nostdlib", `-L${lib}`],
      ...fixed ? ["-static"] : ["-no-pie", "-Wl,-dynamic-linker,/lib/ld-musl-aarch64.so.1"],
      ...[`${lib}/crt1.o`, `${lib}/crti.o`],
    ],
    after: ["-lc", "-lgcc", `${lib}/crtn.o`],
  };
}

/** Builds a program of this folder; its path below {@link folder}. */
export function build(
  name: string,
  kind: Kind = "glibc static",
  more: readonly string[] = [],
  as = name,
): string {
  const program = `${as}.${kind.replace(" ", "-")}`;
  const source = name.startsWith("/") ? name : `${here}${name}.c`;
  const { before, after } = options(kind);
  const args = ["-O1", "-w", ...more, ...before, "-o", folder + program, source, ...after];
  assertEquals(compile(folder + program, COMPILER, args), undefined);
  return program;
}
/** Where programs are built: a place for each file of tests. */
export const folder = `${Deno.makeTempDirSync({ prefix: "guise-aarch64-" })}/`;
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** What a run gave. */
export interface Seen {
  readonly status: number;
  readonly text: string;
  readonly errors: string;
}
function seen(argv: readonly string[]): Seen {
  const { code, stdout, stderr } = new Deno.Command(argv[0], { args: argv.slice(1), stdin: "null" })
    .outputSync();
  return { status: code, text: new TextDecoder().decode(stdout), errors: new TextDecoder().decode(stderr) };
}
/** Under qemu, an ARMv8.0 CPU. */
export function qemu(program: string, ...args: string[]): Seen {
  return seen(["qemu-aarch64", "-cpu", "cortex-a57", "-L", root!, folder + program, ...args]);
}
/** Under Guise, in the arm64 system. */
export function ours(program: string, args: readonly string[] = [], flags: readonly string[] = []): Seen {
  const mounted = `/mnt/${program}`;
  return seen([
    ...[Deno.execPath(), "run", "-A", cli, "run", "--root", root!, "--mount", `${folder}:/mnt`, ...flags],
    ...["--", mounted, ...args],
  ]);
}
