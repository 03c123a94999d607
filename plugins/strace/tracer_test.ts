// Expected lines are the real strace's (6.1), from a run of the same calls.
import { assertEquals } from "@std/assert";
import { quoted, resultOf, signalName, Tracer } from "./mod.ts";

function traced(leader: "several" | "always", work: (t: Tracer) => void): string {
  let out = "";
  work(new Tracer((text) => out += text, leader));
  return out;
}

Deno.test("Tracer puts results at column 40, and after one space when the line is longer", () => {
  const out = traced("several", (t) => {
    t.attach(1);
    t.enter(1, "close", ["3"], false);
    t.exit(1, ["3"], "0");
    t.enter(1, "access", ['"/etc/ld.so.preload"', "R_OK"], false);
    t.exit(1, ['"/etc/ld.so.preload"', "R_OK"], resultOf(-2, () => ""));
    t.enter(1, "pipe2", [], true);
    t.exit(1, ["[3, 4]", "0"], "0");
    t.enter(1, "exit_group", ["0"], false);
    t.leave(1);
    t.end(1, "exited with 0");
  });
  assertEquals(
    out,
    `close(3)                                = 0
access("/etc/ld.so.preload", R_OK)      = -1 ENOENT (No such file or directory)
pipe2([3, 4], 0)                        = 0
exit_group(0)                           = ?
+++ exited with 0 +++
`,
  );
});

/** What strace -f printed of a parent that reads from a pipe and pauses, and its child. */
function scene(t: Tracer): void {
  t.attach(25425);
  t.enter(25425, "read", ["3"], true);
  t.attach(25426);
  t.enter(25426, "write", ["4", '"x"', "1"], false);
  t.exit(25425, ["3", '"x"', "1"], "1");
  t.exit(25426, ["4", '"x"', "1"], "1");
  t.enter(25425, "pause", [], false);
  t.enter(25426, "getppid", [], false);
  t.exit(25426, [], "25425");
  t.exit(25425, [], resultOf(-514, () => ""));
  t.line(25425, "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=25426, si_uid=0} ---");
  t.end(25426, "killed by SIGABRT");
  t.enter(25425, "getpid", [], false);
  t.exit(25425, [], "25425");
}

Deno.test("Tracer cuts and resumes lines as strace -f does", () => {
  assertEquals(
    traced("several", scene),
    `read(3, strace: Process 25426 attached
 <unfinished ...>
[pid 25426] write(4, "x", 1 <unfinished ...>
[pid 25425] <... read resumed>"x", 1)   = 1
[pid 25426] <... write resumed>)        = 1
[pid 25425] pause( <unfinished ...>
[pid 25426] getppid()                   = 25425
[pid 25425] <... pause resumed>)        = ? ERESTARTNOHAND (To be restarted if no handler)
[pid 25425] --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=25426, si_uid=0} ---
[pid 25426] +++ killed by SIGABRT +++
getpid()                                = 25425
`,
  );
});

Deno.test("Tracer starts every line with the task when it goes to a file", () => {
  assertEquals(
    traced("always", scene),
    `25425 read(3,  <unfinished ...>
25426 write(4, "x", 1 <unfinished ...>
25425 <... read resumed>"x", 1)         = 1
25426 <... write resumed>)              = 1
25425 pause( <unfinished ...>
25426 getppid()                         = 25425
25425 <... pause resumed>)              = ? ERESTARTNOHAND (To be restarted if no handler)
25425 --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=25426, si_uid=0} ---
25426 +++ killed by SIGABRT +++
25425 getpid()                          = 25425
`,
  );
});

Deno.test("Tracer ends the line of a task that is killed in a call", () => {
  const out = traced("several", (t) => {
    t.attach(1);
    t.enter(1, "read", ["0"], true);
    t.leave(1, false);
    t.end(1, "killed by SIGTERM");
  });
  assertEquals(out, "read(0,  <unfinished ...>)              = ?\n+++ killed by SIGTERM +++\n");
});

Deno.test("quoted and signalName print as strace does", () => {
  assertEquals(quoted('a"\\\t\n\x01\x012é'), '"a\\"\\\\\\t\\n\\1\\0012\\303\\251"');
  assertEquals(quoted("x".repeat(33)), `"${"x".repeat(32)}"...`);
  assertEquals([signalName(10), signalName(32), signalName(34)], ["SIGUSR1", "SIGRTMIN", "SIGRT_2"]);
});
