// deno-lint-ignore-file house/no-host -- a tool for this machine
/**
 * Chooses the operations of the interpreter's big switch, from programs of this machine: see arch/translator/tools/profile.ts.
 *
 *   deno run -A arch/x86_64/tools/profile.ts [--size 300]
 */
import { sharedEngine } from "../cpu.ts";
import { useDeclarations } from "../built.ts";

const source = new URL("../../../tests/bench/kernels.c", import.meta.url).pathname;
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
  ["/usr/bin/openssl", "dgst", "-sha512", "/bin/bash"],
];

const { variants } = useDeclarations(true).numbering;
// A computed name: the tools are no entry of the package.
const { choose } = await import(new URL("../../translator/tools/profile.ts", import.meta.url).href);
await choose({
  counts: () => sharedEngine().u32,
  variants,
  root: "/",
  programs: PROGRAMS.filter(([program]) => {
    try {
      return Deno.statSync(program).isFile;
    } catch {
      return console.error(`absent: ${program}`), false;
    }
  }),
  compiler: "cc",
  file: new URL("../hot.ts", import.meta.url),
});
