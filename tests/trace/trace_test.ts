/**
 * `--trace` against the real strace: the same calls, arguments and results, line by line, up to addresses, process ids and random
 * bytes. The programs are built by the host's compiler; where it or strace is missing there is nothing to compare with.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));

const HELLO = `#include <stdio.h>
int main(void) { puts("hello"); return 0; }`;

/** Files, a pipe, a child, signals and errors. */
const MANY = `#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
static void handler(int s) { (void)s; }
int main(void) {
  char buf[100];
  struct stat st;
  int fd = open("/etc/hostname", O_RDONLY), p[2];
  fstat(fd, &st);
  lseek(fd, 2, SEEK_SET);
  close(fd);
  close(fd);
  open("/nonexistent/file", O_RDWR | O_CREAT | O_EXCL, 0644);
  read(-1, buf, 10);
  write(1, "tab\\tquote\\"back\\\\\\001\\n", 17);
  access("/etc/passwd", R_OK | W_OK);
  mkdir("/etc", 0700);
  unlink("/nonexistent");
  getcwd(buf, sizeof buf);
  chdir("/");
  dup2(1, 9);
  fcntl(9, F_SETFD, FD_CLOEXEC);
  struct sigaction sa = { .sa_handler = handler };
  sigemptyset(&sa.sa_mask);
  sigaddset(&sa.sa_mask, SIGINT);
  sigaction(SIGUSR1, &sa, 0);
  pipe(p);
  if (fork() == 0) {
    read(p[0], buf, 1);
    _exit(3);
  }
  write(p[1], "x", 1);
  int status;
  wait(&status);
  raise(SIGUSR1);
  return 5;
}`;

/** The table of another width. */
const INT80 = `#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  long r;
  static char text[] = "hi\\n";
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(20));
  syscall(SYS_getppid);
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(20));
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(4), "b"(1), "c"(text), "d"(3));
  return 0;
}`;

const exists = (program: string): boolean => {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
};
/** strace is there, and this kernel lets it trace. */
const mayTrace = (): boolean => {
  try {
    const args = ["-o", "/dev/null", "true"];
    return new Deno.Command("strace", { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
};
const able = Deno.build.os === "linux" && Deno.build.arch === "x86_64" && exists("gcc") && mayTrace();

/** What may differ is made the same. */
function normal(trace: string): string[] {
  return trace.trimEnd().split("\n").map((line) =>
    line
      .replace(/^\d+ +/, "")
      .replace(/0x[0-9a-f]{5,}/g, "ADDRESS")
      .replace(/getrandom\("[^"]*"/, 'getrandom("RANDOM"')
      .replace(/si_[us]time=\d+/g, "si_time=N")
      .replace(/^((?:get(?:p|t)id|getppid|set_tid_address|clone|wait4|tgkill|kill)\(.*= )\d+$/, "$1PID")
      .replace(/^((?:tg)?kill)\(\d+, (?:\d+, )?/, "$1(PID, ")
      .replace(/PID=\d+/, "PID=PID")
      .replace(/si_pid=\d+/, "si_pid=PID")
      .replace(/\/\* \d+ (?:vars|var) \*\//, "/* N vars */")
      .replace(/ += /, " = ")
  );
}

/** Lines of each process by themselves: how they interleave is up to the scheduler. */
function byProcess(trace: string): string[][] {
  const processes = new Map<string, string[]>();
  for (const line of trace.trimEnd().split("\n")) {
    const [, id, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    assert(id !== undefined, `a line without a process: ${line}`);
    const lines = processes.get(id) ?? [];
    processes.set(id, lines);
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    if (resumed === null) lines.push(rest);
    else lines[lines.length - 1] = lines[lines.length - 1].replace(/ ?<unfinished \.\.\.>$/, "") + resumed[1];
  }
  // When a child's end is told, before or after wait4's result, is a race.
  const late = (line: string): boolean => line.startsWith("--- SIGCHLD");
  return [...processes.values()].map((lines) => normal(lines.join("\n")))
    .map((lines) => [...lines.filter((l) => !late(l)), ...lines.filter(late)]);
}

async function traces(source: string, compiler: string, flags: string[]): Promise<[string[][], string[][]]> {
  const folder = await Deno.makeTempDir();
  try {
    Deno.writeTextFileSync(`${folder}/p.c`, source);
    const built = await new Deno.Command(compiler, {
      args: [...flags, "-w", "-o", `${folder}/p`, `${folder}/p.c`],
    }).output();
    assert(built.success, new TextDecoder().decode(built.stderr));
    const options = { cwd: folder, stdin: "null", env: { LC_ALL: "C" } } as const;
    await new Deno.Command("strace", { args: ["-f", "-o", `${folder}/real`, "./p"], ...options }).output();
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", cli, "run", `--trace=${folder}/ours`, "./p"],
      ...options,
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    return [
      byProcess(Deno.readTextFileSync(`${folder}/real`)),
      byProcess(Deno.readTextFileSync(`${folder}/ours`)),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (
  const [name, source, compiler, flags] of [
    ["hello, static", HELLO, "gcc", ["-static"]],
    ["hello, dynamic", HELLO, "gcc", []],
    ["hello, static PIE", HELLO, "gcc", ["-static-pie"]],
    ["hello, musl", HELLO, "musl-gcc", ["-static"]],
    ["files, a child and signals", MANY, "gcc", ["-static"]],
    ["INT 0x80 in a 64-bit process", INT80, "gcc", ["-static", "-no-pie"]],
  ] as const
) {
  Deno.test({
    name: `--trace prints what strace -f prints: ${name}`,
    ignore: !able || !exists(compiler),
    async fn() {
      const [real, ours] = await traces(source, compiler, [...flags]);
      assertEquals(ours, real);
    },
  });
}
