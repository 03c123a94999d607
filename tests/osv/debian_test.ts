/**
 * Debian's own dynamic programs under OSv: status and both outputs as natively, and not one system call: neither by the
 * program nor by the libc under the kernel's exports, which only computes.
 */
import { assert, assertEquals } from "@std/assert";
import { exists, same, test } from "./support.ts";

const queries = `create table t(a, b); insert into t values (1, 'x'), (2, 'y');
select sum(a), group_concat(b), printf('%.3f', 1/3.0), datetime(0, 'unixepoch', 'localtime') from t;
`;
const text = "one two\nzwei é\nthree  3\n";
type Case = readonly [command: string, args: string[], stdin?: string, env?: Record<string, string>];
// deno-fmt-ignore
const cases: readonly Case[] = [
  ["true", []], ["echo", ["a", "bé"]], ["echo", ["-e", "a\\tb\\x41"]],
  ["cat", ["/etc/passwd", "-"], "from stdin\n"], ["cat", ["-nA", "/etc/passwd", "/not/there"]],
  ["wc", ["/etc/passwd"]], ["wc", ["-m"], "né\n"], ["wc", ["--lin", "/etc/passwd"]],
  ["sort", ["-r"], "b\na\né\nc\nÄ\n"], ["sort", ["-t:", "-k3n", "/etc/passwd"]], ["sort", ["--par"]],
  ["sort", [], "b\nB\na\né\n", { LC_ALL: "C" }], ["sort", [], "b\nB\na\né\n", { LC_ALL: "C.UTF-8" }],
  ["sha256sum", ["/etc/passwd", "/etc/group"]],
  ["ls", ["-1", "/usr/lib"], "", { LC_ALL: "C.UTF-8" }], ["ls", ["-la", "/etc"]], ["ls", ["-lR", "/etc/apt"]], ["ls", ["-Q", "--bogus"]],
  ["ls", ["-l", "/etc/passwd"], "", { TZ: "Asia/Kolkata" }],
  ["lua5.4", ["-e", "print(1, 2.5, math.sin(1), string.format('%5.2f', math.pi), os.date('%c', 0), ('x'):rep(3))"]],
  ["lua5.4", ["-e", "print(pcall(error, 'e')); for l in io.lines('/etc/passwd') do print(#l) end"]],
  ["sqlite3", [":memory:"], queries], ["sqlite3", ["-bogus"]],
  ["grep", ["-n", "ro*t", "/etc/passwd"]], ["grep", ["-oE", "([a-z])\\1"], "aabbc"], ["grep", ["-rc", "deb", "/etc/apt"]],
  ["grep", ["-iw", "ZWEI"], text], ["grep", ["-P", "a\\d"], "a1\nb"], ["grep", ["[", "/etc/passwd"]], ["grep", ["-e"]],
  ["sed", ["-n", "s/\\(.*\\):x:\\([0-9]*\\)/\\2-\\1/p", "/etc/passwd"]], ["sed", ["-E", "s/[aeiou]+/<&>/g;2q"], text],
  ["sed", ["N;P;D"], text], ["sed", ["y/abc/xyz/;$!d;s/./\\U&/2g"], "abc\ncab"], ["sed", ["s/a"]],
  ["find", ["/etc/apt", "-name", "*.d", "-type", "d"]], ["find", ["/etc", "-maxdepth", "1", "-regex", ".*/h.*s"]],
  ["find", ["/etc/apt", "-printf", "%p %s %TY-%Tm-%Td %u %m\\n"]], ["find", ["/etc/apt", "-newermt", "2000-01-01", "-size", "-2"]],
  ["expr", ["3", "+", "4", "*", "2"]], ["expr", ["abcd", ":", "a\\(.*\\)d"]], ["expr", ["length", "hé"]], ["expr", ["1", "/", "0"]],
  ["mawk", ["-F:", "{ print $1, $3 * 2 }", "/etc/passwd"]], ["gawk", ["-F:", "{ print $1, $3 * 2 }", "/etc/passwd"]],
  ["gawk", ["{ print gensub(/(o)(.)/, \"<\\\\2\\\\1>\", \"g\"), toupper($0) }"], text],
  ["jq", ["-n", "[1, 2, {a: 3.5}]"]], ["jq", ["-r", ".a | test(\"b+\")"], "{\"a\":\"abbc\"}"],
  ["bash", ["-c", "for i in 1 2 3; do echo $((i * i)); done; [[ abc =~ b(.) ]] && echo ${BASH_REMATCH[1]}; shopt -s nullglob; echo /etc/pass*"]],
  ["date", ["-d", "@1700000000", "+%c %Z"], "", { TZ: "Europe/Berlin" }], ["date", ["-ud", "2024-02-29 12:00 + 1 year"]],
  ["head", ["-n2"], text], ["tail", ["-n1"], text], ["tr", ["a-z", "A-Z"], text], ["cut", ["-d ", "-f2"], text],
  ["uniq", ["-c"], "a\na\nb\n"], ["od", ["-c"], text], ["tac", [], text], ["nl", [], text], ["seq", ["-w", "8", "11"]],
  ["stat", ["-c", "%n %s %F %A", "/etc/passwd"]], ["basename", ["/a/b.c", ".c"]], ["printf", ["%5.2f|%s|%q\n", "3.14159", "a", "b c"]],
  ["base64", [], text], ["cksum", [], text], ["md5sum", [], text], ["diff", ["/etc/passwd", "/etc/group"]], ["cmp", ["/etc/passwd", "/etc/group"]],
  ["gzip", ["-c"], text], ["xz", ["-c", "-T1"], text], ["tar", ["-C", "/etc", "--owner=0", "-cf", "-", "passwd"]],
];

for (const [command, args, stdin, env] of cases) {
  const path = `/usr/bin/${command}`;
  const settings = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value} `).join("");
  test(`${settings}${command} ${args.join(" ")} as natively, without a system call`, async () => {
    if (!exists(path)) return;
    const { calls, traps, syscalls } = await same(path, args, { stdin, env, errors: true });
    assertEquals([traps.syscall, syscalls], [0, {}]);
    assert(calls.__libc_start_main === 1);
  });
}

test("python3 prints as natively", async () => {
  if (!exists("/usr/bin/python3")) return;
  const script =
    "import re, json; print(sum(range(10)), 0.1 + 0.2, re.sub('b+', 'x', 'abbc'), json.dumps([1]))";
  await same("/usr/bin/python3", ["-c", script]);
});
