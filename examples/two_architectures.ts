/**
 * Processes of two architectures on one kernel: an x86-64 program makes a pipe and a child, which executes an aarch64 program;
 * what that one writes comes through the pipe and is written on, in capitals.
 *
 * ```sh
 * npx -y deno@2 run examples/two_architectures.ts
 * ```
 */
import { aarch64 } from "@guise/aarch64";
import { makeProgram, programHeaderBytes } from "@guise/elf";
import { run } from "@guise/guise";
import { x86_64 } from "@guise/x86-64";

const ADDRESS = 0x400000;
const MESSAGE = "hello from aarch64\n";

/** Text as words of code. */
const words = (text: string): string => {
  const bytes = new Uint8Array(text.length + 3 & ~3);
  bytes.set(new TextEncoder().encode(text));
  return [...new Uint32Array(bytes.buffer)].map((w) => `.inst 0x${w.toString(16)}`).join("\n");
};
const arm = aarch64.assemble(
  `
  .inst 0xd2800808 // mov x8, #64: write(1, message, length)
  .inst 0xd2800020 // mov x0, #1
  .inst 0x100000e1 // adr x1, message
  .inst 0x${(0xd2800002 + MESSAGE.length * 32).toString(16)} // mov x2, #length
  .inst 0xd4000001 // svc #0
  .inst 0xd2800ba8 // mov x8, #93: exit(0)
  .inst 0xd2800000 // mov x0, #0
  .inst 0xd4000001 // svc #0
  .inst 0xd4200000 // brk #0
  ${words(MESSAGE)}
`,
  ADDRESS + programHeaderBytes(aarch64),
);
const x86 = x86_64.assemble(
  `
  sub rsp, 128
  mov eax, 22               # pipe(rsp)
  mov rdi, rsp
  syscall
  mov eax, 57               # fork()
  syscall
  test eax, eax
  jne parent
  mov eax, 33               # dup2(pipe's end, 1)
  mov edi, dword ptr [rsp+4]
  mov esi, 1
  syscall
  mov eax, 59               # execve("/arm", { "/arm", 0 }, 0)
  lea rdi, [rip+path]
  mov qword ptr [rsp+16], rdi
  mov qword ptr [rsp+24], 0
  lea rsi, [rsp+16]
  xor edx, edx
  syscall
  mov eax, 60               # exit(1)
  mov edi, 1
  syscall
parent:
  mov eax, 0                # read(pipe, rsp+32, 64)
  mov edi, dword ptr [rsp]
  lea rsi, [rsp+32]
  mov edx, 64
  syscall
  mov rbx, rax
  xor ecx, ecx
again:
  movzx eax, byte ptr [rsp+rcx+32]
  cmp al, 97
  jb next
  sub byte ptr [rsp+rcx+32], 32
next:
  add ecx, 1
  cmp rcx, rbx
  jb again
  mov eax, 1                # write(1, rsp+32, what was read)
  mov edi, 1
  lea rsi, [rsp+32]
  mov rdx, rbx
  syscall
  mov eax, 231              # exit_group(0)
  xor edi, edi
  syscall
path:
  .byte 47, 97, 114, 109, 0
`,
  ADDRESS + programHeaderBytes(x86_64),
);

const result = await run(makeProgram(x86_64, x86, { address: ADDRESS }), {
  files: { "/arm": { content: makeProgram(aarch64, arm, { address: ADDRESS }), mode: 0o755 } },
});
console.log(`It wrote: ${result.text()}Its exit status: ${result.status}`);
