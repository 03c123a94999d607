/**
 * Programs of the golden traces: small, assembled in place, the same on every machine. Each runs as well on real Linux, which is
 * where their traces come from.
 */
import { makeProgram, programHeaderBytes } from "@guise/elf";
import { x86_64 } from "@guise/x86-64";

const ADDRESS = 0x400000;
const ARGUMENTS = ["rdi", "rsi", "rdx", "r10", "r8", "r9"];

/** One system call: numbers, registers, or `&label` for an address. */
function call(number: number, ...args: (number | string)[]): string {
  const moves = args.map((arg, i) => {
    const to = ARGUMENTS[i];
    if (typeof arg === "number") return `mov ${to}, ${arg}`;
    return arg.startsWith("&") ? `lea ${to}, [rip+${arg.slice(1)}]` : `mov ${to}, ${arg}`;
  });
  return [...moves, `mov eax, ${number}`, "syscall", ""].join("\n");
}

const bytes = (text: string): string => `.byte ${[...text].map((c) => c.charCodeAt(0)).join(", ")}\n`;
const text = (label: string, value: string): string => `${label}:\n${bytes(value)}`;
const name = (label: string, value: string): string => text(label, value + "\0");
const space = (label: string, size: number): string => `${label}:\n.byte ${new Array(size).fill(0).join(", ")}\n`;
const exit = (code: number): string => call(231, code);

function program(listing: string): Uint8Array<ArrayBuffer> {
  const code = x86_64.assemble(listing, ADDRESS + programHeaderBytes(x86_64));
  return makeProgram(x86_64, code, { address: ADDRESS, writable: true });
}

/** By name. They run in a folder that holds the file `f` with `hello\n`. */
export const programs: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  hello: program(
    call(1, 1, "&hello", 14) + call(39) + call(3, -1) + call(1, 1, 1, 5) + exit(42) + text("hello", "Hello, World!\n"),
  ),

  files: program(
    call(257, -100, "&f", 0, 0) + call(0, 3, "&buffer", 100) + call(0, 3, "&buffer", 100) + call(5, 3, "&stat") +
      call(8, 3, 1, 0) + call(17, 3, "&buffer", 2, 2) + call(262, -100, "&f", "&stat", 0) + call(3, 3) + call(3, 3) +
      call(257, -100, "&none", 0x80002) + call(257, -100, "&fresh", 0o2101, 0o640) + call(1, 3, "&bytes", 9) +
      call(32, 3) + call(33, 3, 9) + call(292, 3, 10, 0o2000000) + call(72, 10, 1) + call(72, 3, 3) + call(77, 3, 4) +
      call(5, 9, "&stat") + call(83, "&folder", 0o755) + call(83, "&folder", 0o755) + call(80, "&folder") + call(80, "&up") +
      call(84, "&folder") + call(86, "&fresh", "&second") + call(88, "&f", "&link") + call(89, "&link", "&buffer", 100) +
      call(82, "&second", "&third") + call(87, "&third") + call(87, "&link") + call(263, -100, "&fresh", 0) + call(90, "&f", 0o600) +
      call(21, "&f", 6) + call(95, 0o77) + call(269, -100, "&none", 0) + exit(0) + name("f", "f") + name("none", "none") +
      name("fresh", "fresh") + name("folder", "folder") + name("up", "..") + name("second", "second") + name("third", "third") +
      name("link", "link") + text("bytes", "\x01\x7f\t\"\\9\xff0\n") + space("buffer", 128) + space("stat", 144),
  ),

  child: program(
    call(293, "&pipe", 0) + call(13, 10, "&action", 0, 8) + call(13, 10, 0, "&old", 8) + call(57) +
      "test eax, eax\njne parent\n" +
      call(0, 3, "&buffer", 10) + exit(7) +
      "parent:\n" + call(1, 4, "&buffer", 1) + call(61, -1, "&status", 0, 0) + call(61, -1, 0, 0, 0) + call(110) + "mov ebx, eax\n" +
      call(39) + "mov edi, eax\n" + "mov esi, 10\nmov eax, 62\nsyscall\n" + call(14, 0, "&mask", 0, 8) + call(3, 3) +
      call(3, 4) + call(1, 4, "&buffer", 1) + exit(0) +
      "handler:\nret\nrestorer:\nmov eax, 15\nsyscall\n" +
      space("pipe", 8) + space("buffer", 16) + space("status", 8) + space("old", 32) +
      "mask:\n.quad 0x4204\naction:\n.quad handler\n.quad 0x14000000\n.quad restorer\n.quad 0\n",
  ),

  memory: program(
    call(12, 0) + call(9, 0, 8192, 3, 0x22, -1, 0) + "mov rbx, rax\n" + call(10, "rbx", 4096, 1) + call(28, "rbx", 4096, 4) +
      call(25, "rbx", 8192, 16384, 1) + call(11, "rbx", 4096) + call(9, 0, 0, 3, 0x22, -1, 0) + call(9, 0, 4096, 1, 2, 99, 0) +
      call(9, 0, 4096, 5, 0x22, -1, 0) + call(10, 0, 4096, 3) + call(228, 0, 8) + call(230, 1, 0, "&span", 0) + call(1000, 1, 2) +
      call(63, 1) + call(158, 0x1002, 0) + call(302, 0, 99, 0, "&buffer") + call(318, 0, 0, 1) + call(202, "&buffer", 129, 1) +
      call(24) + call(234, 1, 1, 99) + exit(255) + "span:\n.quad 0\n.quad 1000\n" + space("buffer", 16),
  ),
};
