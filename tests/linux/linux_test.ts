/**
 * C programs that ask Linux questions (processes, signals, memory, threads, time, identity): each is built here, run
 * natively first, and must print the same under Guise.
 */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { unniced } from "../tools/unniced.ts";

const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));
const here = fromFileUrl(new URL(".", import.meta.url));

function output(command: string, args: string[]): { readonly status: number; readonly text: string } {
  // A guest begins with the usual mask and priority.
  const { code, stdout, stderr } = new Deno.Command("/bin/sh", {
    args: ["-c", 'umask 022; exec "$@"', "sh", ...unniced, command, ...args],
    cwd: "/tmp",
  }).outputSync();
  const decoder = new TextDecoder();
  return { status: code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

function has(compiler: string): boolean {
  try {
    return new Deno.Command(compiler, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/**
 * Programs whose parts wait for each other by time: on a machine that is busy with others one may come late, natively as well as here,
 * so they may try again.
 */
const BY_TIME = new Set(
  "signals children threads times identity gates delivery files_of_things splices waiting proc sockets".split(
    " ",
  ),
);
const TRIES = 5;

const native = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
const builds: Record<string, string[]> = {
  "static glibc": ["gcc", "-static"],
  "dynamic glibc": ["gcc"],
};

for (
  const program of [
    "signals",
    "children",
    "memory",
    "threads",
    "times",
    "identity",
    "stack",
    "vsyscall",
    "faults",
    "files_of_things",
    "segments",
    "int80",
    "int80_structures",
    "gates",
    "delivery",
    "sigreturn",
    "quotas",
    "splices",
    "files",
    "waiting",
    "proc",
    "names",
    "sockets",
    "mappings",
    "sharing",
  ]
) {
  for (const [name, [compiler, ...flags]] of Object.entries(builds)) {
    // The dynamic build differs in how it starts only: one of them is enough for most.
    if (name !== "static glibc" && program !== "threads" && program !== "signals") continue;
    Deno.test({
      name: `${program}.c (${name}) prints the same under Guise as natively`,
      ignore: !native || !has(compiler),
      fn: () => {
        const binary = Deno.makeTempFileSync({ prefix: `guise-${program}-` });
        try {
          const built = output(compiler, [
            ...flags,
            "-O1",
            "-w",
            "-pthread",
            "-o",
            binary,
            `${here}${program}.c`,
            "-lm",
          ]);
          assertEquals(built.status, 0, built.text);
          for (let left = BY_TIME.has(program) ? TRIES : 1; left > 0; left--) {
            const expected = output(binary, []);
            const actual = output(Deno.execPath(), ["run", "-A", "--no-check", cli, "run", binary]);
            if (left > 1 && (actual.text !== expected.text || actual.status !== expected.status)) continue;
            assertEquals(actual.text, expected.text);
            assertEquals(actual.status, expected.status);
            break;
          }
        } finally {
          Deno.removeSync(binary);
        }
      },
    });
  }
}
