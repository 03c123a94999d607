import { assert, assertEquals } from "@std/assert";
import { EAGAIN, EIO } from "@guise/core";
import { defaultTermios, POLLHUP, POLLIN, POLLOUT, Terminal } from "./mod.ts";
import { bytes } from "./testing.ts";

const ICANON = 2, ECHO = 0o10, ISIG = 1;

function terminal(cooked = false) {
  const shown: string[] = [];
  const decoder = new TextDecoder();
  const raws: boolean[] = [];
  const signals: number[] = [];
  let demands = 0;
  const t = new Terminal({
    cooked,
    write: (b) => (shown.push(decoder.decode(b, { stream: true })), b.length),
    demand: () => void demands++,
    setRaw: (raw) => void raws.push(raw),
    size: () => ({ rows: 50, columns: 132 }),
  }, 0x8800);
  t.onSignal = (s) => signals.push(s);
  const into = new Uint8Array(100);
  const read = (size = 100) => {
    const n = t.read(into.subarray(0, size));
    return n < 0 ? n : new TextDecoder().decode(into.subarray(0, n));
  };
  const type = (text: string) => t.input(bytes(text));
  const set = (clear: number, cc: Record<number, number> = {}) => {
    const now = defaultTermios();
    for (const [i, v] of Object.entries(cc)) now.cc[Number(i)] = v;
    t.setTermios({ ...now, lflag: now.lflag & ~clear });
  };
  return { t, shown, raws, signals, read, type, set, demands: () => demands };
}

Deno.test("Terminal gives whole lines, one a read, when canonical", () => {
  const { t, read, type, shown, demands } = terminal();
  assertEquals(read(), EAGAIN);
  assertEquals(demands(), 1);
  // One demand at a time.
  assertEquals([t.poll() & POLLIN, demands()], [0, 1]);
  type("one\rtwo");
  assertEquals([read(), read()], ["one\n", EAGAIN]);
  assertEquals(demands(), 2);
  type("\nthree\n");
  assertEquals([t.available, read(2), read(), read()], [4, "tw", "o\n", "three\n"]);
  assertEquals(shown.join(""), "one\r\ntwo\r\nthree\r\n");
  assertEquals(t.winsize.columns, 132);
});

Deno.test("Terminal edits the line when erase, word erase, kill and literal next are typed", () => {
  const { read, type, shown } = terminal();
  type("abx\x7fc dée\x7f\x7f\n");
  assertEquals(read(), "abc d\n");
  assertEquals(shown.join(""), "abx\b \bc dée\b \b\b \b\r\n");
  type("one two  \x17three\n");
  assertEquals(read(), "one three\n");
  type("gone\x15kept\n");
  assertEquals(read(), "kept\n");
  type("\x16\x03\n");
  assertEquals(read(), "\x03\n");
});

Deno.test("Terminal ends the file when ^D is typed on an empty line, and sends the line otherwise", () => {
  const { read, type } = terminal();
  type("part\x04");
  assertEquals([read(), read()], ["part", EAGAIN]);
  type("\x04");
  assertEquals([read(), read()], ["", EAGAIN]);
});

Deno.test("Terminal makes signals of keys when ISIG is on", () => {
  const { read, type, signals, shown, set } = terminal();
  type("dropped\x03kept\n");
  assertEquals(signals, [2]);
  assertEquals(read(), "kept\n");
  assert(shown.join("").includes("^C"));
  type("\x1a\x1c");
  assertEquals(signals, [2, 20, 3]);
  set(ISIG);
  type("\x03\n");
  assertEquals([signals.length, read()], [3, "\x03\n"]);
});

Deno.test("Terminal gives bytes as they come when not canonical, by VMIN and VTIME", () => {
  const { t, read, type, set } = terminal();
  type("typed before");
  set(ICANON | ECHO);
  assertEquals(read(), "typed before");
  assertEquals(read(), EAGAIN);
  set(ICANON | ECHO, { 6: 3 });
  type("ab");
  assertEquals([read(), t.poll() & POLLIN], [EAGAIN, 0]);
  type("c\x7f");
  assertEquals(read(3), "abc");
  set(ICANON | ECHO, { 6: 0 });
  assertEquals([read(), read(), t.readTimeout], ["\x7f", "", 0]);
  set(ICANON | ECHO, { 6: 0, 5: 3 });
  assertEquals([read(), t.readTimeout], [EAGAIN, 3e8]);
});

Deno.test("Terminal maps newlines of output when OPOST is on, and counts bytes of the guest", () => {
  const { t, shown } = terminal();
  assertEquals(t.write(bytes("a\nb\n")), 4);
  assertEquals(shown.join(""), "a\r\nb\r\n");
  t.setTermios({ ...defaultTermios(), oflag: 0 });
  t.write(bytes("c\n"));
  assertEquals(shown.at(-1), "c\n");
  let room = 2;
  const slow = new Terminal({
    cooked: false,
    demand: () => {},
    write: (b) => {
      const n = Math.min(room, b.length);
      room -= n;
      return n > 0 ? n : EAGAIN;
    },
  }, 0);
  assertEquals(slow.write(bytes("x\ny")), 1);
});

Deno.test("Terminal stops and starts output when ^S and ^Q are typed", () => {
  const { t, type } = terminal();
  type("\x13");
  assertEquals([t.write(bytes("x")), t.poll() & POLLOUT], [EAGAIN, 0]);
  type("\x11");
  assertEquals(t.write(bytes("x")), 1);
});

Deno.test("Terminal leaves lines to a host that edits them, until the guest turns echo or lines off", () => {
  const { t, read, type, shown, raws, set } = terminal(true);
  type("edited by the host\n");
  assertEquals([read(), shown], ["edited by the host\n", []]);
  t.write(bytes("out\n"));
  assertEquals(shown, ["out\n"]);
  set(ECHO);
  assertEquals(raws, [true]);
  type("secret\r");
  assertEquals([read(), shown.length], ["secret\n", 1]);
  t.write(bytes("\n"));
  assertEquals(shown.at(-1), "\r\n");
  set(0);
  assertEquals(raws, [true, false]);
  t.eof();
  assertEquals([read(), read()], ["", EAGAIN]);
});

Deno.test("Terminal is at its end when it hangs up, and tells a change of size", () => {
  const { t, read, signals } = terminal();
  t.winsize = { ...t.winsize, rows: 20 };
  t.winsize = { ...t.winsize };
  assertEquals(signals, [28]);
  t.hangUp();
  assertEquals([read(), t.write(bytes("x"))], ["", EIO]);
  assertEquals(t.poll() & (POLLIN | POLLHUP), POLLIN | POLLHUP);
});

Deno.test("Terminal keeps 4095 bytes of a line when it never ends", () => {
  const { t, type } = terminal();
  type("x".repeat(10000) + "\n");
  assertEquals(t.available, 4096);
});
