// The conformance suite, on the Linux personality with the real CPU.
import { conformance } from "@guise/core/testing";
import { elf, makeProgram, programHeaderBytes } from "@guise/elf";
import { linux } from "@guise/linux";
import { vfs } from "@guise/vfs";
import { x86_64 } from "@guise/x86-64";

const ADDRESS = 0x400000;
const code = x86_64.assemble(
  `
  mov eax, 57               # fork()
  syscall
  test eax, eax
  jz child
  mov edi, -1               # wait4(-1, rsp - 64, 0, NULL)
  lea rsi, [rsp-64]
  xor edx, edx
  xor r10d, r10d
  mov eax, 61
  syscall
  movzx edi, byte ptr [rsp-63]
  add edi, 2
  mov eax, 231              # exit_group(status + 2)
  syscall
child:
  mov eax, 60
  mov edi, 40
  syscall
`,
  ADDRESS + programHeaderBytes(x86_64),
);
const program = makeProgram(x86_64, code, { address: ADDRESS });

const checks = conformance({
  plugins: () => [{ name: "x86-64", arch: x86_64 }, elf(), vfs(), linux()],
  personality: "linux",
  guests: [{ name: "fork and wait", request: { program, args: ["guest"], env: {} }, code: 42 }],
  limit: 60_000,
});
for (const { name, run } of checks) Deno.test(`conformance: ${name}`, run);
