import { assert, assertEquals } from "@std/assert";
import {
  type ArgType,
  argType,
  choice,
  createSpace,
  cstring,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  Failure,
  flags,
  inBytes,
  inStruct,
  int,
  layout,
  long,
  optional,
  outBytes,
  outStruct,
  path,
  pointer,
  quoted,
  READ,
  type RowAbi,
  size,
  type Task,
  type TrapFrame,
  uint,
  ulong,
  WRITE,
} from "./mod.ts";
import { BIAS } from "./memory.ts";

const space = createSpace()!;
const at = space.map({ address: 0, length: 8192, prot: READ | WRITE });
const registers = new Int32Array(12);
const frame = {
  lo: (r: number) => registers[r * 2],
  hi: (r: number) => registers[r * 2 + 1],
  num: (r: number) => (registers[r * 2 + 1] >>> 0) * 2 ** 32 + (registers[r * 2] >>> 0),
} as TrapFrame;
const task = { frame, space } as Task;
const abi64: RowAbi = { arch: "x86-64", entry: "syscall", registers: [0, 1, 2, 3], pointer: 8 };
const abi32: RowAbi = { arch: "i386", entry: "int80", registers: [0, 1, 2, 3], pointer: 4 };

function set(...values: number[]): void {
  values.forEach((v, r) => {
    registers[r * 2] = v;
    registers[r * 2 + 1] = Math.floor(v / 2 ** 32);
  });
}
const decode = <T>(type: ArgType<T>, abi: RowAbi = abi64): T | number => {
  const value = type.compile(abi, 0)(task);
  return value instanceof Failure ? value.errno : value;
};
const text = (type: ArgType<unknown>, result?: number, abi: RowAbi = abi64): string =>
  type.format(abi, 0)(task, result);
const put = (offset: number, s: string): number => {
  assert(space.write(at + offset, new TextEncoder().encode(s)));
  return at + offset;
};

Deno.test("numbers are read as wide as their C types, on 32-bit entries too (X12)", () => {
  set(-2);
  assertEquals([decode(int), decode(uint), decode(long)], [-2, 0xfffffffe, -2]);
  assertEquals(decode(size), 2 ** 64);
  assertEquals([decode(size, abi32), decode(long, abi32)], [0xfffffffe, -2]);
  set(2 ** 40 + 5);
  assertEquals([decode(int), decode(long), decode(size), decode(size, abi32)], [
    5,
    2 ** 40 + 5,
    2 ** 40 + 5,
    5,
  ]);
});

Deno.test("numbers and pointers print as strace prints them", () => {
  set(0);
  assertEquals([text(int), text(pointer), text(ulong)], ["0", "NULL", "0"]);
  set(-1);
  assertEquals([text(int), text(uint), text(long)], ["-1", "4294967295", "-1"]);
  set(0x7ffd1234);
  assertEquals([text(pointer), text(ulong), text(size)], ["0x7ffd1234", "0x7ffd1234", "2147291700"]);
});

Deno.test("strings are quoted with the shortest escapes and cut after 32 bytes (X33)", () => {
  assertEquals(
    quoted(new Uint8Array([104, 105, 10, 9, 34, 92, 1, 50, 127, 0, 255])),
    '"hi\\n\\t\\"\\\\\\0012\\177\\0\\377"',
  );
  set(put(0, "a".repeat(32) + "\0"));
  assertEquals(text(cstring), `"${"a".repeat(32)}"`);
  set(put(0, "a".repeat(33) + "\0"));
  assertEquals(text(cstring), `"${"a".repeat(32)}"...`);
  assertEquals(text(path), `"${"a".repeat(33)}"`);
  set(0);
  assertEquals([text(path), decode(path)], ["NULL", EFAULT]);
  set(64);
  assertEquals([text(cstring), decode(cstring)], ["0x40", EFAULT]);
});

Deno.test("paths end before the limit and before unmapped memory", () => {
  set(put(0, "/etc\0"));
  assertEquals(decode(path), new TextEncoder().encode("/etc"));
  set(put(8192 - 3, "abc"));
  assertEquals([decode(path), text(path)], [EFAULT, "0x" + (at + 8189).toString(16)]);
  set(put(0, "x".repeat(5000)));
  assertEquals(decode(path), ENAMETOOLONG);
});

Deno.test("inBytes checks the range, gives what a partly bad buffer has, and clamps the length (G2)", () => {
  put(0, "hello");
  set(at, 5);
  const span = decode(inBytes);
  assert(typeof span !== "number");
  assertEquals([span.length, new TextDecoder().decode(span.bytes())], [5, "hello"]);
  assertEquals(text(inBytes), '"hello", 5');
  set(at + 8000, 1000);
  const partly = decode(inBytes);
  assert(typeof partly !== "number");
  assertEquals([partly.length, partly.asked], [192, 1000]);
  set(1, 5);
  assertEquals([decode(inBytes), text(inBytes)], [EFAULT, "0x1, 5"]);
  set(0, 0);
  assert(typeof decode(inBytes) !== "number");
  set(at, -1);
  const huge = decode(inBytes);
  assert(typeof huge !== "number");
  assertEquals([huge.length, huge.asked], [8192, 0x7ffff000]);
  set(2 ** 64 - 4096, 10);
  assertEquals(decode(inBytes), EFAULT);
});

Deno.test("outBytes prints what the call wrote", () => {
  put(0, "hello, world");
  set(at, 100);
  const address = "0x" + at.toString(16);
  assertEquals([text(outBytes, 5), text(outBytes, -14), text(outBytes, 0)], [
    '"hello", 100',
    `${address}, 100`,
    '"", 100',
  ]);
  space.protect(at, 4096, READ);
  assertEquals(decode(outBytes), EFAULT);
  space.protect(at, 4096, READ | WRITE);
});

Deno.test("flags and choices print names, and what is unknown in hexadecimal", () => {
  const open = flags("O_", [[3, "O_ACCMODE"], [1, "O_WRONLY"], [64, "O_CREAT"], [0, "O_RDONLY"]]);
  for (
    const [value, shown] of [[0, "O_RDONLY"], [65, "O_WRONLY|O_CREAT"], [67, "O_ACCMODE|O_CREAT"], [
      0x141,
      "O_WRONLY|O_CREAT|0x100",
    ], [0x100, "0x100 /* O_??? */"]] as const
  ) {
    set(value);
    assertEquals(text(open), shown);
    assertEquals(decode(open), value);
  }
  const whence = choice("SEEK_", { "x86-64": [[0, "SEEK_SET"]], i386: [[0, "OLD"]] });
  set(0);
  assertEquals([text(whence), text(whence, 0, abi32)], ["SEEK_SET", "OLD"]);
  set(9);
  assertEquals(text(whence), "0x9 /* SEEK_??? */");
});

const stat = layout("stat", {
  dev: "u64",
  nlink: "u64",
  mode: "u32",
  _pad: "u32",
  size: "i64",
  name: ["u8", 4],
  when: ["u16", 2],
}, {
  arches: {
    aarch64: {
      fields: { dev: "u64", mode: "u32", nlink: "u32", size: "i64", name: ["u8", 4], when: ["u16", 2] },
    },
  },
});

Deno.test("layouts place fields as C does for each ABI", () => {
  const x86 = stat.of({ arch: "x86-64", pointer: 8 }), arm = stat.of({ arch: "aarch64", pointer: 8 });
  assertEquals([x86.size, x86.offsets.mode, x86.offsets.size], [40, 16, 24]);
  assertEquals([arm.size, arm.offsets.mode, arm.offsets.size], [32, 8, 16]);
  const mixed = layout("m", { a: "u8", b: "u64", c: "long", p: "pointer", d: "u16" });
  assertEquals([mixed.of({ arch: "x86-64", pointer: 8 }).size, mixed.of({ arch: "i386", pointer: 4 }).size], [
    40,
    24,
  ]);
  assertEquals(
    layout("p", { a: "u32", b: "u64" }, { packed: true }).of({ arch: "x86-64", pointer: 8 }).size,
    12,
  );
});

Deno.test("structures are read, written with zeroes for what is left out, and printed", () => {
  set(at);
  space.write(at, new Uint8Array(64).fill(255));
  const out = decode(outStruct(stat));
  assert(typeof out !== "number");
  out.set({ mode: 0o644, size: -5, name: new Uint8Array([65, 66]), when: [1, 2] });
  const back = decode(inStruct(stat));
  assert(typeof back !== "number");
  assertEquals([back.dev, back.mode, back.size, back.when], [0, 0o644, -5, [1, 2]]);
  assertEquals(text(outStruct(stat), 0), '{dev=0, nlink=0, mode=420, size=-5, name="AB\\0\\0", when=[1, 2]}');
  assertEquals(text(outStruct(stat), -1), "0x" + at.toString(16));
  assertEquals(space.u8[at + 40 - BIAS], 255);
  set(at + 8192 - 8);
  assertEquals([decode(outStruct(stat)), decode(inStruct(stat))], [EFAULT, EFAULT]);
  set(0);
  assertEquals(decode(optional(inStruct(stat))), undefined);
  assertEquals(text(optional(inStruct(stat))), "NULL");
});

Deno.test("argType makes an argument from a decoder and a text", () => {
  const even = argType({
    label: "even",
    decode: (raw) => raw % 2 === 0 ? raw : Failure.of(EINVAL),
    text: (raw) => `<${raw}>`,
  });
  set(3);
  assertEquals([decode(even), text(even)], [EINVAL, "<3>"]);
  set(4);
  assertEquals(decode(even), 4);
});
