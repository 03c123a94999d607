/**
 * The command lines of Debian's own programs whose output, exit status and created files must be those of the native
 * run. Each runs in a fresh copy of the folder that {@link populate} makes.
 */

/** One command line. */
export interface Command {
  readonly argv: readonly string[];
  readonly stdin?: string;
  /** Extra environment. */
  readonly env?: Record<string, string>;
}

/** Splits a plain command line at spaces; single quotes group. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]);
}

const run = (line: string, stdin?: string): Command => ({ argv: words(line), stdin });
const bash = (script: string, stdin?: string): Command => ({ argv: ["bash", "-c", script], stdin });
const dash = (script: string, stdin?: string): Command => ({ argv: ["dash", "-c", script], stdin });

const text = "pear\napple\nfig\napple\nbanana 10\nbanana 9\n\nZebra\n";

/** Applets of the statically linked busybox, at least 60 different ones. */
// deno-fmt-ignore
export const busybox: readonly Command[] = [
  run("busybox echo -e 'a\\tb\\n'"), run("busybox cat a.txt b.txt"), run("busybox ls -la"), run("busybox ls -R"),
  run("busybox cp a.txt copy.txt"), run("busybox cp -r dir dir2"), run("busybox mv a.txt moved.txt"), run("busybox rm b.txt"),
  run("busybox rm -r dir"), run("busybox mkdir -p x/y/z"), run("busybox rmdir empty"), run("busybox ln -s a.txt link2"),
  run("busybox ln a.txt hard"), run("busybox touch -d '2001-02-03 04:05:06' new.txt"), run("busybox chmod 600 a.txt"),
  run("busybox stat -c '%n %s %a %F' a.txt dir link"), run("busybox wc a.txt b.txt"), run("busybox head -n 2 words.txt"),
  run("busybox tail -n 3 words.txt"), run("busybox sort words.txt"), run("busybox sort -rn numbers.txt"),
  run("busybox uniq -c", "a\na\nb\n"), run("busybox cut -d: -f1,3 table.txt"), run("busybox tr a-z A-Z", text),
  run("busybox sed -n 's/a/A/gp' words.txt"), run("busybox grep -n an words.txt"), run("busybox grep -c zzz words.txt"),
  run("busybox awk -F: '{ s += $3; print NR, $1 } END { print s }' table.txt"), run("busybox expr 7 '*' 6"),
  run("busybox seq 1 3 20"), run("busybox tac words.txt"), run("busybox rev words.txt"), run("busybox nl words.txt"),
  run("busybox od -c a.txt"), run("busybox hexdump -C a.txt"), run("busybox xxd a.txt"), run("busybox md5sum a.txt"),
  run("busybox sha1sum a.txt"), run("busybox sha256sum a.txt b.txt"), run("busybox sha512sum a.txt"), run("busybox cksum a.txt"),
  run("busybox base64 a.txt"), run("busybox basename /usr/lib/x.so .so"), run("busybox dirname /usr/lib/x.so"),
  run("busybox find . -name '*.txt' -type f"), run("busybox xargs -n 2 echo", "1 2 3 4 5\n"), run("busybox test -f a.txt"),
  run("busybox test -d a.txt"), run("busybox true"), run("busybox false"), run("busybox yes no -- "), run("busybox date -u -d @86400"),
  run("busybox printf '%05d %s %x\\n' 42 hi 255"), run("busybox env -i A=1 B=2 env"), run("busybox pwd"), run("busybox id -u"),
  run("busybox readlink link"), run("busybox realpath dir/../link"), run("busybox diff a.txt b.txt"), run("busybox cmp a.txt b.txt"),
  run("busybox comm sorted1.txt sorted2.txt"), run("busybox paste a.txt b.txt"), run("busybox fold -w 10 long.txt"),
  run("busybox expand tabs.txt"), run("busybox split -l 2 words.txt part."), run("busybox tee out.txt", text),
  run("busybox tar cf t.tar dir"), run("busybox gzip -k a.txt"), run("busybox bzip2 -k b.txt"), run("busybox du -s -k empty"),
  run("busybox dd if=words.txt of=dd.out bs=4 count=3"), run("busybox truncate -s 10 a.txt"), run("busybox mktemp -u -q /tmp/zz.XXXXXX.not/none"),
  run("busybox sleep 0"), run("busybox uname -s"), run("busybox sh -c 'for i in 1 2 3; do echo $i; done | busybox wc -l'"),
  run("busybox ash -c 'x=5; echo $((x*x)); f() { return 3; }; f; echo $?'"), run("busybox factor 360 97"), run("busybox cal 2 2024"),
  run("busybox strings words.txt"), run("busybox sum a.txt"), run("busybox shuf -e one"), run("busybox unlink b.txt"),
  run("busybox which busybox-none"), run("busybox nproc --ignore=100"), run("busybox usleep 1"), run("busybox bc", "2^64\n7/2\n"),
  run("busybox dc -e '2 3 + p'"), run("busybox ed -s a.txt", "1p\nq\n"), run("busybox sh -c 'f=/tmp/guise-fifo-$$; mkfifo $f && ls -l $f | cut -c1-10; rm $f'"), run("busybox install -m 700 a.txt prog"),
  run("busybox nonsense-applet"), run("busybox cat missing.txt"),
].filter((c) => c.argv[1] !== "yes");

/** bash and dash. */
// deno-fmt-ignore
export const shells: readonly Command[] = [
  bash("echo hi"), bash("echo a | cat | tr a b"), bash("(cd dir; pwd; exit 3); echo $?"), bash("cat <<E\nx $((1+2)) $HOME\nE"),
  bash("cat <<'E'\n$x `y`\nE"), bash("cat <<<word"), bash("set +m; sleep 0 & wait $!; echo $?"), bash("trap 'echo bye' EXIT; echo in"),
  bash("trap 'echo got' USR1; kill -USR1 $$; echo after"), bash("trap '' TERM; kill -TERM $$; echo alive"),
  bash("x=$(echo one; echo two); echo \"$x\""), bash("echo $((2**40 / 7 % 1000)) $((16#ff)) $((1<<20 | 3))"), bash("echo *.txt d*/*"),
  bash("shopt -s extglob nullglob; echo !(a*).txt none*"), bash("for f in *.txt; do wc -l < $f; done"),
  bash("i=0; while [ $i -lt 5 ]; do i=$((i+1)); done; echo $i"), bash("case abc in a*) echo yes;; *) echo no;; esac"),
  bash("f() { local x=$1; echo $x; return 7; }; f arg; echo $?"), bash("a=(1 2 3); a+=(4); echo ${a[@]} ${#a[@]} ${a[-1]}"),
  bash("declare -A m=([k]=v [q]=w); echo ${m[k]} ${!m[@]}"), bash("s=hello.tar.gz; echo ${s%.*} ${s##*.} ${s/l/L} ${s^^} ${#s} ${s:1:3}"),
  bash("printf '%s %d %x %5.2f\\n' s 42 255 3.14159"), bash("read a b <<< 'x y z'; echo $b"), bash("echo out; echo err >&2; exit 5"),
  bash("ls nowhere; echo $?"), bash("nosuchcommand"), bash("exec 3> f3; echo three >&3; exec 3>&-; cat f3"), bash("echo x > o; echo y >> o; cat o"),
  bash("{ echo 1; echo 2; } | { read a; read b; echo $b$a; }"), bash("echo {1..5} {a..e..2} x{1,2}y"), bash("set -e; false; echo never"),
  bash("set -u; echo $undefined"), bash("set -o pipefail; false | true; echo $?"), bash("echo ${PIPESTATUS[@]}; false | true; echo ${PIPESTATUS[@]}"),
  bash("diff <(sort words.txt) <(sort -u words.txt)"), bash("echo $BASH_SUBSHELL $(echo $BASH_SUBSHELL)"), bash("kill -9 $BASHPID"),
  bash("exec 2>/dev/null; (kill -SEGV $BASHPID); echo $?"), bash("sleep 5 & kill $!; wait $!; echo $?"), bash("{ time -p true; } 2>&1 | cut -d. -f1"),
  bash("[[ abc =~ ^a(.)c$ ]] && echo ${BASH_REMATCH[1]}"), bash("select x in a b; do echo $x; break; done", "2\n"), bash("printf -v v '%03d' 7; echo $v"),
  bash("mapfile -t l < words.txt; echo ${#l[@]} ${l[1]}"), bash("ulimit -n 64; ulimit -n"), bash("umask 077; touch private; umask"),
  bash("type -t cd ls if"), bash("pwd; cd ..; cd - "), bash("eval 'x=3'; echo $x; unset x; echo ${x-none}"), bash("echo $0 $# $@", ""),
  bash("cat a.txt | while read l; do echo \"[$l]\"; done"), bash("yes | head -n 1000 | wc -l"), bash("seq 100000 | sort -rn | head -n 3"),
  bash("for i in $(seq 20); do (exit $i) || echo -n $?,; done"), bash("echo $(< a.txt)"), bash("test -r a.txt -a ! -w nothing && echo ok"),
  bash("coproc cat; echo hello >&${COPROC[1]}; read -u ${COPROC[0]} l; echo $l; kill $COPROC_PID"), bash("exec ls dir"), bash("a=1 b=2 env | grep '^[ab]=' | sort"),
  dash("echo hi; x=4; echo $((x*2))"), dash("for i in a b c; do echo $i; done | sort -r"), dash("cat <<E\nhere $PWD\nE"), dash("f() { echo $1; }; f z; set -- 1 2; echo $#"),
  dash("trap 'echo exit' 0; (exit 4); echo $?"), dash("ls | wc -l; test -d dir; echo $?"), dash("nosuch; echo $?"), dash("sleep 0 & wait; echo done"),
  dash("echo `echo nested \\`echo deep\\``"), dash("case x in y) ;; x) echo x;; esac; [ 1 -lt 2 ] && echo lt"),
  { argv: ["bash"], stdin: "echo from stdin\nread x\ninput line\necho $x\n" }, { argv: ["bash", "script.sh", "one", "two three"] },
  { argv: ["./script.sh", "direct"] }, { argv: ["dash", "script.sh", "d"] }, { argv: ["./notexec.sh"] },
];

/** coreutils and the classic tools. */
// deno-fmt-ignore
export const tools: readonly Command[] = [
  run("ls -la"), run("ls -lan dir"), run("ls -F -1 --color=always dir"), run("ls -lR"), run("ls missing"), run("cp -r dir copied"), run("cp -a dir archived"),
  run("cp a.txt b.txt dir"), run("mv a.txt dir/renamed"), run("mv dir dir3"), run("rm -r dir"), run("rm -f missing"), run("rm dir"), run("sort words.txt"), run("sort -k2 -n words.txt"),
  run("sort -u words.txt -o words.txt"), run("sha256sum a.txt long.txt"), run("sha1sum a.txt"), run("md5sum a.txt"), run("b2sum a.txt"), run("sha512sum a.txt"), run("cksum a.txt"),
  run("date -u -d @1000000000"), run("date -u -d '2024-02-29 +1 year' +%F"), run("find . -type f"), run("find . -name '*.txt' -size -2 -exec wc -c {} ;"), run("find dir -newer a.txt -o -type l"),
  run("xargs -n 3 echo", "a b c d e f g\n"), run("xargs -I{} -P 2 sh -c 'exit 0' {}", "1\n2\n"), run("grep -n an words.txt"), run("grep -r apple ."), run("grep -E '^(a|f).*' -o words.txt"), run("grep -c missing a.txt"),
  run("grep -P 'b\\w+ \\d+' words.txt"), run("grep -F -x fig words.txt"), run("sed 's/a/A/g;2d' words.txt"), run("sed -n '/apple/,/fig/p' words.txt"), run("sed -i s/hello/bye/ a.txt"), run("sed -E 's/(\\w+) ([0-9]+)/\\2 \\1/' words.txt"),
  run("mawk -F: '{ s += $3 } END { printf \"%.2f\\n\", s / NR }' table.txt"), run("gawk -F: '{ a[$1] = $3 } END { n = asorti(a, k); for (i = 1; i <= n; i++) print k[i], a[k[i]] }' table.txt"),
  run("gawk 'BEGIN { printf \"%s %d %e\\n\", toupper(\"abc\"), 3.99, 12345.678; print substr(\"hello\", 2, 3), length(\"xyz\"), 2^0.5 }'"), run("tar cf t.tar dir a.txt"), run("tar czf t.tgz --mtime=@0 --owner=0 --group=0 dir"),
  run("tar tvf archive.tar"), run("tar xf archive.tar"), run("gzip -9 -n a.txt"), run("gzip -dc archive.gz"), run("gzip -l archive.gz"), run("bzip2 -k a.txt"), run("xz -k a.txt"), run("cat a.txt - b.txt", "middle\n"), run("cat missing"),
  run("head -c 10 long.txt"), run("tail -n +3 words.txt"), run("wc -lwc a.txt words.txt"), run("cut -c 2-4 words.txt"), run("cut -d: -f2- table.txt"), run("tr -d aeiou", text), run("tr -s '\\n' ' '", text), run("uniq -c", "x\nx\ny\n"),
  run("comm -12 sorted1.txt sorted2.txt"), run("join sorted1.txt sorted2.txt"), run("paste -d, a.txt b.txt"), run("nl words.txt"), run("tac words.txt"), run("fold -s -w 20 long.txt"), run("fmt -w 30 long.txt"), run("pr -t -2 words.txt"),
  run("expand tabs.txt"), run("unexpand -a long.txt"), run("od -A x -t x1z a.txt"), run("base64 a.txt"), run("base32 a.txt"), run("seq -s, 1 0.5 4"), run("seq -w 8 11"), run("factor 1234567890123"), run("expr length hello"), run("expr 5 / 0"),
  run("printf '%s-%05.1f-%c\\n' a 2.25 z"), run("echo -n no newline"), run("basename -s .txt a.txt b.txt"), run("dirname a/b/c"), run("readlink -f link"), run("realpath --relative-to=dir a.txt"), run("stat -c '%n %s %a %F %h' a.txt dir link"),
  run("touch -d 2010-01-01T00:00:00Z dated"), run("mkdir -m 750 -p p/q"), run("rmdir dir"), run("rmdir -v empty"), run("ln -sfn dir link"), run("ln a.txt hardlink"), run("chmod -v u+x,go-r a.txt"), run("truncate -s 1M big"), run("dd if=long.txt bs=7 count=2 skip=1 status=none"),
  run("split -b 20 long.txt s."), run("csplit -s words.txt /fig/"), run("shuf -n 1 -e same same"), run("tee -a a.txt t2", "tee\n"), run("test a.txt -ot b.txt"), run("[ 3 -gt 2 ]"), run("true --version"), run("false"), run("env -u HOME -C dir pwd"), run("printenv LC_ALL"),
  run("id -un"), run("whoami"), run("groups"), run("uname -o"), run("nproc --all --ignore=1000"), run("sleep 0.01"), run("timeout 5 echo in time"), run("timeout 0.1 sleep 10"), run(`bash -c "echo $(( $(nice -n 5 nice) - $(nice) ))"`), run("nohup true"), run("tsort", "a b\nb c\n"), run("sum a.txt"),
  run("numfmt --to=iec 1048576"), run("diff -u sorted1.txt sorted2.txt"), run("diff -r dir empty"), run("cmp a.txt b.txt"), run("du -s --apparent-size -b a.txt"), run("stdbuf -oL echo x"), run("pathchk -p 'a b'"), run("mktemp -u -p /nonexistent/x no"), run("install -D -m 640 a.txt i/n/a.txt"), run("sync a.txt"),
  run("bc -l", "scale=20; e(1)\n2^100\n"), run("lua5.4 -e 'print(string.format(\"%5.2f %d %s\", math.pi, 1 << 40, (\"x\"):rep(3)))'"), run("lua5.4 -e 'local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1000 end table.sort(t) print(t[1], t[500], #t)'"),
  run("sqlite3 :memory: 'create table t(a, b); insert into t values (1, 2.5), (2, \"x\"); select * from t; select sum(a), count(*) from t;'"), run("sqlite3 db.sqlite 'create table t(a); insert into t select value from json_each(\"[3,1,2]\"); select a from t order by a;'"),
];

const python3 = (script: string, ...args: string[]): Command => ({
  argv: ["/usr/bin/python3", "-c", script, ...args],
});
/** Debian's python3-minimal. Unpacked roots have no compiled modules: what imports much takes long. */
export const python: readonly Command[] = [
  python3("print(sum(i * i for i in range(1000)), 1 / 3, 2 ** 100, 'é'.encode(), {1, 2} & {2, 3})"),
  python3(
    "import math, struct, sys\nprint(sys.argv[1:], math.sin(1), struct.pack('<dI', 1.5, 7))",
    "x",
    "y z",
  ),
  python3("import os\nprint(sorted(os.listdir('dir')))\nopen('new', 'w').write(open('a.txt').read() * 2)"),
  python3(
    "import os\nr, w = os.pipe()\nif os.fork() == 0:\n os.write(w, b'from the child')\n os._exit(3)\nprint(os.wait()[1] >> 8, os.read(r, 99))",
  ),
  python3("def f(n): return 1 // n if n < 3 else f(n - 3)\nf(9)"),
];

/** Writes the files that every command starts from. Times are fixed so that listings agree. */
export async function populate(folder: string): Promise<void> {
  const put = (name: string, content: string, mode = 0o644) =>
    Deno.writeTextFileSync(`${folder}/${name}`, content, { mode });
  put("a.txt", "hello world\nsecond line\n");
  put("b.txt", "another file\nwith three\nlines\n");
  put("words.txt", text);
  put("numbers.txt", "10\n9\n100\n1\n-5\n");
  put("table.txt", "root:x:0:root\nbin:x:2:bin\nuser:y:1000:User Name\n");
  put("sorted1.txt", "a 1\nb 2\nc 3\ne 5\n");
  put("sorted2.txt", "b 2\nc 4\nd 4\ne 5\n");
  put("tabs.txt", "a\tb\n\tc\n");
  put(
    "long.txt",
    "the quick brown fox jumps over the lazy dog and runs away from the very angry bear\n".repeat(3),
  );
  put(
    "script.sh",
    '#!/bin/sh\necho "args: $# $1 [$2]"\nfor x in "$@"; do echo "- $x"; done\nexit 4\n',
    0o755,
  );
  put("notexec.sh", "echo no\n", 0o644);
  Deno.mkdirSync(`${folder}/dir/sub`, { recursive: true });
  Deno.mkdirSync(`${folder}/empty`);
  put("dir/one", "1\n");
  put("dir/two", "2 apple\n");
  put("dir/sub/three", "3\n", 0o600);
  Deno.symlinkSync("a.txt", `${folder}/link`);
  Deno.symlinkSync("../b.txt", `${folder}/dir/up`);
  const make = async (command: string) => {
    const { success } = await new Deno.Command("sh", { args: ["-c", command], cwd: folder }).output();
    if (!success) throw new Error(`could not prepare ${folder}: ${command}`);
  };
  await make(
    "tar cf archive.tar --mtime=@1000000000 --owner=0 --group=0 --sort=name dir a.txt && gzip -nkc words.txt > archive.gz && " +
      "chmod -R go+rX . && find . -exec touch -h -d @1500000000 {} +",
  );
}
