/**
 * Two kernels in one: a Linux program asks a service of axle, through the bridge of amc_bridge.ts. The service doubles a
 * number and hands it to a second service, which answers the Linux program.
 *
 * ```sh
 * npx -y deno@2 run examples/mixed.ts
 * ```
 */
import { axle } from "@guise/axle";
import { CODE, makeProgram } from "@guise/axle/testing";
import { createKernel } from "@guise/guise";
import { x86_64 } from "@guise/x86-64";
import { amcBridge } from "./amc_bridge.ts";

const program = (source: string): Uint8Array => makeProgram(x86_64.assemble(source, CODE));
/** A NUL-terminated text of 64 bytes. */
const name = (text: string): string => {
  const bytes = new Uint8Array(64);
  bytes.set(new TextEncoder().encode(text));
  return `.byte ${[...bytes].join(", ")}`;
};

/** amc_register_service and amc_message_await_any: number in RAX, arguments in RBX and RCX. The body is at message + 132. */
const registerAndAwait = `
  mov eax, 0
  lea rbx, [rip+me]
  int 0x80
  mov eax, 5
  lea rbx, [rip+got]
  int 0x80
  mov rbp, [rip+got]
`;
const exit = `
  mov eax, 13
  mov ebx, 0
  int 0x80
`;

/** Sends {u32 2n, char asker[64]} to the second service. */
const double = program(`
  ${registerAndAwait}
  mov eax, [rbp+132]
  add eax, eax
  mov [rip+reply], eax
  mov rsi, rbp
  lea rdi, [rip+asker]
  mov ecx, 64
  rep movsb
  mov eax, 1
  lea rbx, [rip+other]
  lea rcx, [rip+reply]
  mov edx, 68
  int 0x80
  ${exit}
me:
  ${name("com.example.double")}
other:
  ${name("com.example.answer")}
got:
  .quad 0
reply:
  .byte 0, 0, 0, 0
asker:
  ${name("")}
`);

/** Sends the number to the asker. */
const answer = program(`
  ${registerAndAwait}
  mov eax, 1
  lea rbx, [rbp+136]
  lea rcx, [rbp+132]
  mov edx, 4
  int 0x80
  ${exit}
me:
  ${name("com.example.answer")}
got:
  .quad 0
`);

/** Linux: writes the question to /dev/amc, reads the answer, and exits with it. */
const asker = program(`
  mov eax, 2
  lea rdi, [rip+path]
  mov esi, 2
  syscall
  mov ebx, eax
  mov edi, ebx
  lea rsi, [rip+question]
  mov edx, 68
  mov eax, 1
  syscall
  mov edi, ebx
  lea rsi, [rip+got]
  mov edx, 200
  mov eax, 0
  syscall
  mov edi, [rip+body]
  mov eax, 231
  syscall
path:
  .byte 47, 100, 101, 118, 47, 97, 109, 99, 0
question:
  ${name("com.example.double")}
  .byte 21, 0, 0, 0
got:
  ${name("")}
  ${name("")}
  .byte 0, 0, 0, 0
body:
  .byte ${new Array(80).fill(0).join(", ")}
`);

const kernel = await createKernel({ plugins: [axle({ log: (line) => console.log(line) }), amcBridge()] });
const { status } = kernel.spawn("linux", { program: asker, args: ["asker"], env: {} });
for (const service of [double, answer]) {
  kernel.spawn("axle", { program: service, args: ["service"], env: {} });
}
await kernel.run();
console.log(`The Linux program was told ${(await status).code}.`);
