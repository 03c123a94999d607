// deno-lint-ignore-file house/no-host -- a tool for this machine
/**
 * Chooses the operations of an interpreter's big switch: runs programs with an interpreter that counts, and writes hot.ts. Each program
 * counts the same, whatever its length; hot.ts gets the variants with the largest shares.
 *
 * `arch/x86_64/tools/profile.ts` and `arch/aarch64/tools/profile.ts` call it, `[--size 300]`.
 *
 * @module
 */
import { CORE_OPS, PROFILE, type Variant } from "@guise/translator";

/** What an architecture's tool brings. */
export interface ProfileRequest {
  /** Memory 2 of the counting interpreter. */
  readonly counts: () => Uint32Array;
  readonly variants: readonly Variant[];
  /** The folder of the host that is the guest's root. */
  readonly root: string;
  readonly programs: readonly (readonly string[])[];
  /** The compiler of the benchmark's kernels, which are measured too. */
  readonly compiler: string;
  /** hot.ts. */
  readonly file: URL;
}

const KERNELS = [
  "integer",
  "branchy",
  "calls",
  "indirect",
  "memory",
  "double",
  "vector",
  "malloc",
  "strings",
  "wide",
  "hashing",
  "sorting",
];

/** Runs the programs and writes the file. */
export async function choose(request: ProfileRequest): Promise<void> {
  const { variants, counts } = request;
  const size = Number(Deno.args[Deno.args.indexOf("--size") + 1]) || 300;
  const folder = await Deno.makeTempDir();
  const source = new URL("../../../tests/bench/kernels.c", import.meta.url).pathname;
  const args = ["-O2", "-static", "-o", `${folder}/kernels`, source, "-lm"];
  new Deno.Command(request.compiler, { args }).outputSync();
  // Computed names: an architecture imports neither the whole nor plugins; this tool needs both.
  const from = (name: string) => import(name);
  const { run } = await from("../../../mod.ts"),
    { OverlayFs, HostFs } = await from("@guise/vfs"),
    { hostFolder } = await from("@guise/host-deno");
  const share = new Map<string, number>();
  const programs = [...request.programs, ...KERNELS.map((k) => ["/mnt/kernels", k, "60"])];
  for (const [program, ...args] of programs) {
    counts().fill(0, PROFILE >>> 2, (PROFILE >>> 2) + CORE_OPS.first + variants.length);
    const result = await run(program, {
      args,
      root: new OverlayFs({ lower: new HostFs(hostFolder(request.root)) }),
      mounts: [{ at: "/mnt", fs: new HostFs(hostFolder(folder)), readonly: true, source: folder }],
      env: { PATH: "/usr/bin:/bin", HOME: "/root", LANG: "C.UTF-8" },
      timeout: 120_000,
    });
    const first = (PROFILE >>> 2) + CORE_OPS.first, engine = counts();
    const total = variants.reduce((sum, _, i) => sum + engine[first + i], 0);
    variants.forEach((v, i) => {
      share.set(v.name, (share.get(v.name) ?? 0) + engine[first + i] / Math.max(1, total));
    });
    console.error(program, "status", result.status, "records", total, result.message ?? "");
  }
  await Deno.remove(folder, { recursive: true });
  const ranked = [...share].filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const sum = ranked.reduce((s, [, n]) => s + n, 0);
  for (const n of [100, 200, 300, 400, 500, 600, 800]) {
    console.log(n, (ranked.slice(0, n).reduce((s, [, x]) => s + x, 0) / sum * 100).toFixed(2), "%");
  }
  const chosen = ranked.slice(0, size).map(([name]) => name).sort();
  Deno.writeTextFileSync(
    request.file,
    `/** The operations of the interpreter's big switch. Written by tools/profile.ts; undefined: all that are declared hot. */
// deno-fmt-ignore
export const HOT: ReadonlySet<string> | undefined = new Set([
${chosen.map((n) => `  ${JSON.stringify(n)},`).join("\n")}
]);
`,
  );
}
