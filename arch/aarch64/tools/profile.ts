/**
 * Chooses the operations of the interpreter's big switch, from programs of the tests' root: see arch/translator/tools/profile.ts.
 *
 *   deno run -A arch/aarch64/tools/profile.ts [--size 300]
 */
import { engineOf } from "../cpu.ts";
import { useDeclarations } from "../built.ts";

/** Command lines: shells, text tools, interpreters, compression, sorting, arithmetic. */
const PROGRAMS: readonly (readonly string[])[] = [
  [
    "/bin/bash",
    "-c",
    "for i in 1 2 3 4 5 6 7 8 9; do x=$((x+i*i)); s=\"$s$x,\"; done; echo ${s//,/;} | tr ';' ' '; [[ abc =~ b ]] && echo ok",
  ],
  ["/bin/bash", "-c", "echo hi"],
  ["/bin/dash", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; echo $i"],
  [
    "/bin/busybox",
    "sh",
    "-c",
    "seq 1 400 | sort -rn | head -5 | md5sum; echo hello | sha256sum; busybox awk 'BEGIN{for(i=0;i<2000;i++)s+=i*i; print s}'",
  ],
  ["/bin/gzip", "-c", "/bin/dash"],
  ["/bin/ls", "-la", "/usr/bin"],
  ["/bin/grep", "-rc", "a[b-d]e", "/etc/passwd", "/usr/lib/python3.11/os.py"],
  ["/bin/sed", "-e", "s/[aeiou]/<&>/g", "/usr/lib/python3.11/os.py"],
  [
    "/usr/bin/awk",
    "{ n[$1]++; s += length($0) } END { for (k in n) c++; print c, s }",
    "/usr/lib/python3.11/os.py",
  ],
  ["/usr/bin/sort", "/usr/lib/python3.11/os.py"],
  ["/usr/bin/sha256sum", "/bin/bash"],
  ["/usr/bin/python3", "-c", "pass"],
  [
    "/usr/bin/python3",
    "-c",
    "import json,re\nd={str(i):[i*i,i/3] for i in range(400)}\nprint(len(json.dumps(d)), sum(int(m) for m in re.findall(r'\\d+', json.dumps(d))[:100]), sorted(d)[:3], 2**300 % 10**9)",
  ],
  [
    "/usr/bin/lua",
    "-e",
    "local t={} for i=1,3000 do t[i]=tostring(i*1.5)..'x' end table.sort(t) print(#table.concat(t))",
  ],
  [
    "/usr/bin/sqlite3",
    ":memory:",
    "create table t(a,b); insert into t values(1,'x'),(2,'y'); select sum(a), max(b) from t;",
  ],
  ["/usr/bin/bc", "-e", "scale=60; a(1)*4"],
  ["/usr/bin/xz", "-0", "-c", "/bin/dash"],
];

const built = useDeclarations(true);
// A computed name: the tools are no entry of the package.
const { choose } = await import(new URL("../../translator/tools/profile.ts", import.meta.url).href);
await choose({
  counts: () => engineOf(built).u32,
  variants: built.numbering.variants,
  root: new URL("../../../tests/.guests/root-arm64", import.meta.url).pathname,
  programs: PROGRAMS,
  compiler: "aarch64-linux-gnu-gcc",
  file: new URL("../hot.ts", import.meta.url),
});
