import { assertEquals } from "@std/assert";
import { encodeInfo, formatInfo, SI_QUEUE, SI_TIMER, SI_USER } from "./info.ts";
import {
  defaultAction,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  signalName,
  SignalSet,
  SIGSEGV,
  SIGUSR1,
} from "./numbers.ts";
import { SignalQueue } from "./queue.ts";
import { decodeInfo, formatRawInfo } from "./raw.ts";
import { SignalActions } from "./actions.ts";

Deno.test("SignalSet has what was put in when signals are in either half", () => {
  const set = SignalSet.of(1, 32, 33, 64);
  assertEquals(set.list(), [1, 32, 33, 64]);
  assertEquals(set.without(1).first(), 32);
  assertEquals(set.minus(SignalSet.of(1, 32)).first(), 33);
  assertEquals(SignalSet.of(64).first(), 64);
  assertEquals(SignalSet.EMPTY.first(), 0);
});

Deno.test("SignalSet prints as strace does when few, most or all signals are in", () => {
  assertEquals(SignalSet.of(SIGCHLD).toString(), "[CHLD]");
  assertEquals(SignalSet.EMPTY.toString(), "[]");
  assertEquals(new SignalSet(-1, -1).toString(), "~[]");
  assertEquals(new SignalSet(-1, -1).without(32).without(33).toString(), "~[RTMIN RT_1]");
  assertEquals(SignalSet.of(2, 17, 40).toString(), "[INT CHLD RT_8]");
});

Deno.test("signalName names standard and real-time signals", () => {
  assertEquals([10, 32, 35, 64, 65, 0].map(signalName), [
    "SIGUSR1",
    "SIGRTMIN",
    "SIGRT_3",
    "SIGRT_32",
    "65",
    "0",
  ]);
});

Deno.test("defaultAction follows signal(7)", () => {
  assertEquals([SIGCHLD, SIGCONT, SIGKILL, SIGSEGV, 20, 40].map(defaultAction), [
    "ignore",
    "continue",
    "terminate",
    "core",
    "stop",
    "terminate",
  ]);
});

Deno.test("SignalQueue keeps one standard signal and queues real-time ones when several are sent", () => {
  const queue = new SignalQueue();
  assertEquals(queue.add({ signo: SIGUSR1, code: 1 }), true);
  assertEquals(queue.add({ signo: SIGUSR1, code: 2 }), false);
  for (const code of [1, 2, 3]) queue.add({ signo: 40, code });
  assertEquals(queue.size, 4);
  assertEquals(queue.take(SignalSet.of(SIGUSR1))?.signo, 40);
  assertEquals(queue.take(SignalSet.EMPTY), { signo: SIGUSR1, code: 1 });
  assertEquals([queue.take(SignalSet.EMPTY)?.code, queue.take(SignalSet.EMPTY)?.code], [2, 3]);
  assertEquals(queue.take(SignalSet.EMPTY), undefined);
});

Deno.test("SignalQueue gives faults before lower signals", () => {
  const queue = new SignalQueue();
  queue.add({ signo: 1, code: 0 });
  queue.add({ signo: SIGSEGV, code: 1 });
  assertEquals(queue.take(SignalSet.EMPTY)?.signo, SIGSEGV);
});

Deno.test("SignalQueue.discard throws away exactly the signals of the set", () => {
  const queue = new SignalQueue();
  for (const signo of [1, 40, 40, 15]) queue.add({ signo, code: 0 });
  queue.discard(SignalSet.of(40));
  assertEquals(queue.set.list(), [1, 15]);
});

Deno.test("decodeInfo reads what encodeInfo wrote, for each kind of siginfo", () => {
  for (
    const info of [
      { signo: SIGUSR1, code: SI_USER, errno: 0, pid: 7, uid: 1000, valueLo: 0, valueHi: 0 },
      { signo: 40, code: SI_QUEUE, errno: 0, pid: 7, uid: 0, valueLo: 77, valueHi: 0 },
      { signo: 40, code: SI_TIMER, errno: 0, timerId: 1, overrun: 5, valueLo: 9, valueHi: 0 },
      { signo: SIGSEGV, code: 1, errno: 0, addrLo: 0x1234, addrHi: 1 },
      { signo: SIGCHLD, code: 1, errno: 0, pid: 9, uid: 5, status: 3, utime: 2, stime: 1 },
    ]
  ) assertEquals(decodeInfo(encodeInfo(info)), info);
});

Deno.test("formatInfo prints siginfo as strace does (X32)", () => {
  const text = formatInfo({ signo: SIGCHLD, code: 1, pid: 9, uid: 0, status: 3, utime: 0, stime: 0 });
  assertEquals(
    text,
    "{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9, si_uid=0, si_status=3, si_utime=0, si_stime=0}",
  );
  assertEquals(
    formatInfo({ signo: SIGSEGV, code: 1, addrLo: 0, addrHi: 0 }),
    "{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL}",
  );
  assertEquals(
    formatInfo({ signo: SIGUSR1, code: 0, pid: 2, uid: 0 }),
    "{si_signo=SIGUSR1, si_code=SI_USER, si_pid=2, si_uid=0}",
  );
  assertEquals(formatRawInfo(new Uint8Array(128)), "{}");
});

Deno.test("SignalActions.afterExec keeps ignored signals and resets handlers", () => {
  const actions = new SignalActions();
  const mask = SignalSet.EMPTY;
  actions.set(1, { handler: 1, flags: 4, restorer: 0, mask });
  actions.set(2, { handler: 0x1000, flags: 0, restorer: 0, mask });
  const after = actions.afterExec();
  assertEquals([after.get(1).handler, after.get(1).flags, after.get(2).handler], [1, 0, 0]);
});
