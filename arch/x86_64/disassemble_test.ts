import { assertEquals } from "@std/assert";
import { assemble } from "./assemble.ts";
import { disassemble } from "./disassemble.ts";

/** As `objdump -d -M intel` of binutils 2.40 prints them. */
const LISTING: readonly (readonly [string, string])[] = [
  ["4801d8", "add rax,rbx"],
  ["83e81f", "sub eax,0x1f"],
  ["6683c8ff", "or ax,0xffff"],
  ["4883c8ff", "or rax,0xffffffffffffffff"],
  ["80e4fe", "and ah,0xfe"],
  ["4080c701", "add dil,0x1"],
  ["48b88877665544332211", "movabs rax,0x1122334455667788"],
  ["488d04cdf0ffffff", "lea rax,[rcx*8-0x10]"],
  ["488b0425280000000", "mov rax,QWORD PTR ds:0x28"],
  ["64488b042528000000", "mov rax,QWORD PTR fs:0x28"],
  ["488b05f9ffffff", "mov rax,QWORD PTR [rip+0xfffffffffffffff9]        # 0x401000"],
  ["678b0438", "mov eax,DWORD PTR [eax+edi*1]"],
  ["0fb6442410", "movzx eax,BYTE PTR [rsp+0x10]"],
  ["4863d0", "movsxd rdx,eax"],
  ["7502", "jne 0x401004"],
  ["0f8400010000", "je 0x401106"],
  ["e8fbffffff", "call 0x401000"],
  ["ffe0", "jmp rax"],
  ["ff2500000000", "jmp QWORD PTR [rip+0x0]        # 0x401006"],
  ["c3", "ret"],
  ["f3c3", "repz ret"],
  ["f348ab", "rep stos QWORD PTR es:[rdi],rax"],
  ["f3a4", "rep movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]"],
  ["f2ae", "repnz scas al,BYTE PTR es:[rdi]"],
  ["f00fb10f", "lock cmpxchg DWORD PTR [rdi],ecx"],
  ["f00fc110", "lock xadd DWORD PTR [rax],edx"],
  ["d1e8", "shr eax,1"],
  ["48c1e004", "shl rax,0x4"],
  ["d3e0", "shl eax,cl"],
  ["480fafc1", "imul rax,rcx"],
  ["6bc00a", "imul eax,eax,0xa"],
  ["48f7f1", "div rcx"],
  ["0f94c0", "sete al"],
  ["480f44c2", "cmove rax,rdx"],
  ["0f1f4000", "nop DWORD PTR [rax+0x0]"],
  ["f30f1efa", "endbr64"],
  ["90", "nop"],
  ["6690", "xchg ax,ax"],
  ["f390", "pause"],
  ["0f05", "syscall"],
  ["cd80", "int 0x80"],
  ["0fa2", "cpuid"],
  ["c8100001", "enter 0x10,0x1"],
  ["6aff", "push 0xffffffffffffffff"],
  ["4150", "push r8"],
  ["8f00", "pop QWORD PTR [rax]"],
];

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g)!.map((b) => parseInt(b, 16)));

Deno.test("disassemble prints as objdump does", () => {
  for (const [hex, text] of LISTING) {
    const code = bytes(hex), [first] = disassemble(code, 0x401000);
    assertEquals([first.text, first.length], [text, code.length], hex);
  }
});

Deno.test("assemble gives bytes that disassemble to the same text", () => {
  for (const [, text] of LISTING) {
    if (/rip|repz ret|xchg ax|movabs|\[eax|0x0/.test(text)) continue;
    const source = text.replace(/ {8}#.*/, "");
    const [first] = disassemble(assemble(source, 0x401000), 0x401000);
    assertEquals(first.text, text);
  }
});

Deno.test("assemble resolves labels in both directions and takes the short branch", () => {
  const code = assemble(
    "start:\njmp end\nnop\nend:\njne start\nlea rax, [rip+data]\ndata:\n.quad start",
    0x1000,
  );
  assertEquals(disassemble(code.subarray(0, 12), 0x1000).map((i) => i.text).slice(0, 3), [
    "jmp 0x1003",
    "nop",
    "jne 0x1000",
  ]);
  assertEquals(new DataView(code.buffer).getUint32(code.length - 8, true), 0x1000);
});

Deno.test("bytes that are no instruction are told one by one", () => {
  assertEquals(disassemble(Uint8Array.of(0x06, 0xc3), 0).map((i) => i.text), ["(bad)", "ret"]);
});
