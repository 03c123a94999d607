// deno-lint-ignore-file house/no-host -- a tool for this machine
/**
 * Chooses the operations of the interpreter's big switch: runs programs with an interpreter that counts, and writes hot.ts.
 *
 *   deno run -A arch/x86_64/tools/profile.ts [--size 300] [--keep counts.json]
 *
 * Each program counts the same, whatever its length; hot.ts gets the variants with the largest shares.
 */
import { CORE_OPS, PROFILE } from "@guise/translator";
import { sharedEngine } from "../cpu.ts";
import { useDeclarations } from "../built.ts";

/** The benchmark's kernels, compiled here. */
const kernels = "/tmp/guise-profile-kernels";
const source = new URL("../../../tests/bench/kernels.c", import.meta.url).pathname;
new Deno.Command("cc", { args: ["-O2", "-static", "-o", kernels, source, "-lm"] }).outputSync();

/** Command lines: shells, text tools, compilers, interpreters, compression, sorting, arithmetic. */
const PROGRAMS: readonly (readonly string[])[] = [
  [
    "/bin/bash",
    "-c",
    "for i in 1 2 3 4 5 6 7 8 9; do x=$((x+i*i)); s=\"$s$x,\"; done; echo ${s//,/;} | tr ';' ' '; [[ abc =~ b ]] && echo ok",
  ],
  ["/bin/dash", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; echo $i"],
  [
    "/bin/busybox",
    "sh",
    "-c",
    "seq 1 400 | sort -rn | head -5 | md5sum; echo hello | sha256sum; busybox awk 'BEGIN{for(i=0;i<2000;i++)s+=i*i; print s}'",
  ],
  ["/bin/busybox", "gzip", "-c", "/bin/dash"],
  ["/bin/ls", "-la", "/usr/bin"],
  ["/bin/grep", "-rc", "a[b-d]e", "/etc/services", "/etc/passwd"],
  ["/bin/sed", "-e", "s/[aeiou]/<&>/g", "/etc/services"],
  ["/usr/bin/awk", "{ n[$1]++; s += length($0) } END { for (k in n) c++; print c, s }", "/etc/services"],
  ["/usr/bin/sort", "/etc/services"],
  ["/usr/bin/sha256sum", "/bin/bash"],
  [
    "/usr/bin/perl",
    "-e",
    "my %h; for (1..3000) { $h{$_ % 97} .= chr(65 + $_ % 26) } print join(',', map { length } sort values %h), qq(\n); $_ = 'x' x 500; s/x(x)/$1y/g; print length",
  ],
  [
    "/usr/bin/python3",
    "-c",
    "import json,re\nd={str(i):[i*i,i/3] for i in range(400)}\nprint(len(json.dumps(d)), sum(int(m) for m in re.findall(r'\\d+', json.dumps(d))[:100]), sorted(d)[:3], 2**300 % 10**9)",
  ],
  [
    "/usr/bin/gcc",
    "-O2",
    "-S",
    "-o",
    "/dev/null",
    "-x",
    "c",
    source,
  ],
  ["/usr/bin/as", "--version"],
  ["/usr/bin/git", "--version"],
  ["/usr/bin/xz", "-0", "-c", "/bin/dash"],
  ...[
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
  ].map((k) => [kernels, k, "60"]),
  ["/usr/bin/openssl", "dgst", "-sha512", "/bin/bash"],
];

const size = Number(Deno.args[Deno.args.indexOf("--size") + 1]) || 300;
const { variants } = useDeclarations(true).numbering;
// Computed names: an architecture imports neither the whole nor plugins; this tool needs both.
const from = (name: string) => import(name);
const { run } = await from("../../../mod.ts"),
  { OverlayFs, HostFs } = await from("@guise/vfs"),
  { hostFolder } = await from("@guise/host-deno");
const share = new Map<string, number>();
for (const [program, ...args] of PROGRAMS) {
  try {
    Deno.statSync(program);
  } catch {
    console.log(`absent: ${program}`);
    continue;
  }
  const counts = sharedEngine().u32.subarray(PROFILE >>> 2);
  counts.fill(0, 0, CORE_OPS.first + variants.length);
  const result = await run(program, {
    args,
    root: new OverlayFs({ lower: new HostFs(hostFolder("/")) }),
    env: { PATH: "/usr/bin:/bin", HOME: "/root", LANG: "C.UTF-8" },
    timeout: 60_000,
  });
  const engine = sharedEngine().u32.subarray(PROFILE >>> 2);
  const total = variants.reduce((sum, _, i) => sum + engine[CORE_OPS.first + i], 0);
  variants.forEach((v, i) => {
    share.set(v.name, (share.get(v.name) ?? 0) + engine[CORE_OPS.first + i] / total);
  });
  console.log(program, "status", result.status, "records", total);
}
const ranked = [...share].filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
const sum = ranked.reduce((s, [, n]) => s + n, 0);
for (const n of [100, 200, 300, 400, 500, 600, 800]) {
  console.log(n, (ranked.slice(0, n).reduce((s, [, x]) => s + x, 0) / sum * 100).toFixed(2), "%");
}
const chosen = ranked.slice(0, size).map(([name]) => name).sort();
Deno.writeTextFileSync(
  new URL("../hot.ts", import.meta.url),
  `/** The operations of the interpreter's big switch. Written by tools/profile.ts; undefined: all that are declared hot. */
// deno-fmt-ignore
export const HOT: ReadonlySet<string> | undefined = new Set([
${chosen.map((n) => `  ${JSON.stringify(n)},`).join("\n")}
]);
`,
);
