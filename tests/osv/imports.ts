/**
 * What programs import and who defines it under OSv: the kernel, the libc in the guest's files as a function that only
 * computes, that libc as one that makes system calls, or nobody. As a tool:
 * `deno run -A tests/osv/imports.ts /usr/bin/bash …` (without arguments: the programs of the demand list).
 */
import { exportedFunctions, guestNames } from "@guise/osv";

/** The guest libc whose code is looked at. */
export const LIBC = "/usr/lib/x86_64-linux-musl/libc.so";
/** The programs of the demand list, as they are on this host, and those of the acceptance list. */
export const PROGRAMS: readonly string[] =
  // deno-fmt-ignore
  ["true", "echo", "cat", "wc", "sort", "sha256sum", "ls", "cp", "grep", "sed", "gawk", "mawk", "lua5.4", "sqlite3", "bash", "jq",
    "redis-server", "find", "expr", "date", "stat", "mv", "head", "tail", "tr", "cut", "uniq", "od", "diff", "tar", "gzip", "xz"]
    .map((name) => `/usr/bin/${name}`);

/** FUTEX: the libc under us takes its own locks only when it has made threads itself, and it never does. */
const FUTEX = /^mov\s+\$0xca,%/;
const DATA = new Set([
  "stdin",
  "stdout",
  "stderr",
  "__libc_single_threaded",
  "__libc_enable_secure",
  "re_syntax_options",
]);

async function lines(command: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).split("\n");
}

/** Names that the guest libc exports, and those of them whose code can come to a system call. */
export async function guestLibc(): Promise<{ readonly all: Set<string>; readonly calling: Set<string> }> {
  const all = new Set<string>(), starts = new Map<number, string[]>();
  for (const line of await lines("nm", "-D", "--defined-only", LIBC)) {
    const found = /^([0-9a-f]+) (\w) (\S+)$/.exec(line);
    if (found === null) continue;
    all.add(found[3]);
    if (!"TWti".includes(found[2])) continue;
    const at = parseInt(found[1], 16);
    starts.set(at, [...starts.get(at) ?? [], found[3]]);
  }
  const code: [number, string][] = [];
  for (const line of await lines("objdump", "-d", "--no-show-raw-insn", "-j", ".text", LIBC)) {
    const found = /^\s+([0-9a-f]+):\s+(.*)/.exec(line);
    if (found !== null) code.push([parseInt(found[1], 16), found[2]]);
  }
  const target = (text: string): number | undefined => {
    const found = /^(?:call|j\w+)\s+([0-9a-f]+)/.exec(text);
    return found === null ? undefined : parseInt(found[1], 16);
  };
  // Without unwinding information: a function begins where a name is, or where a call goes.
  const entries = new Set(starts.keys());
  for (const [, text] of code) {
    const to = target(text);
    if (text.startsWith("call") && to !== undefined) entries.add(to);
  }
  const sorted = [...entries].sort((a, b) => a - b);
  const functionAt = (address: number): number => {
    let low = 0, high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle] <= address) low = middle + 1;
      else high = middle;
    }
    return sorted[low - 1] ?? 0;
  };
  const callers = new Map<number, Set<number>>(), found: number[] = [];
  code.forEach(([at, text], n) => {
    const own = functionAt(at);
    if (text.startsWith("syscall")) {
      // The number comes through some register: what is loaded before tells a futex.
      const before = code.slice(Math.max(0, n - 30), n).some(([, t]) => FUTEX.test(t));
      if (!before) found.push(own);
    }
    const to = target(text);
    if (to === undefined) return;
    const other = functionAt(to);
    if (other !== own) callers.set(other, (callers.get(other) ?? new Set()).add(own));
  });
  const reached = new Set(found);
  while (found.length > 0) {
    for (const caller of callers.get(found.pop()!) ?? []) {
      if (!reached.has(caller)) {
        reached.add(caller);
        found.push(caller);
      }
    }
  }
  const calling = new Set([...starts].filter(([at]) => reached.has(at)).flatMap(([, names]) => names));
  return { all, calling };
}

/** The libc's functions and data that a program and its libraries import. */
export async function imports(program: string): Promise<Set<string>> {
  const names = new Set<string>();
  const libraries = (await lines("ldd", program)).map((line) => /=> (\/\S+)/.exec(line)?.[1]).filter((path) =>
    path !== undefined && !/\/(libc|libm|ld-linux[^/]*)\.so/.test(path)
  );
  for (const file of [program, ...libraries as string[]]) {
    for (const line of await lines("nm", "-D", "--undefined-only", file)) {
      const found = /\s([Uwv]) ([^@\s]+)@(GLIBC_\S+)/.exec(line);
      if (found !== null && found[2] !== "__gmon_start__") names.add(found[2]);
    }
  }
  return names;
}

/** Who defines what a list of programs imports. */
export async function report(programs: readonly string[]) {
  const ours = new Set([...exportedFunctions, ...DATA]);
  const libc = await guestLibc();
  const wanted = new Map<string, string[]>();
  for (const program of programs) {
    for (const name of await imports(program)) {
      wanted.set(name, [...wanted.get(name) ?? [], program.split("/").pop()!]);
    }
  }
  const kernel: string[] = [], pure: string[] = [], calling: string[] = [], missing: string[] = [];
  for (const name of wanted.keys()) {
    const other = guestNames[name] ?? name;
    if (ours.has(name)) kernel.push(name);
    else if (!libc.all.has(other)) missing.push(name);
    else (libc.calling.has(other) ? calling : pure).push(name);
  }
  return { wanted, kernel, pure, calling, missing };
}

if (import.meta.main) {
  const programs = Deno.args.length > 0 ? Deno.args : PROGRAMS;
  const { wanted, kernel, pure, calling, missing } = await report(programs);
  console.log(
    `${wanted.size} names: ${kernel.length} the kernel's, ${pure.length} computed by the guest's libc,`,
  );
  console.log(
    `${calling.length} of the guest's libc that can come to a system call, ${missing.length} nobody's`,
  );
  for (const name of calling.sort()) console.log(`  call ${name}: ${wanted.get(name)!.join(" ")}`);
  for (const name of missing.sort()) console.log(`  none ${name}: ${wanted.get(name)!.join(" ")}`);
}
