// Linux and axle on one kernel (examples/mixed.ts), and what the bridge does when it is used wrongly.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { axle, axleKey } from "@guise/axle";
import { CODE, makeProgram } from "@guise/axle/testing";
import { createKernel } from "@guise/guise";
import { osv } from "@guise/osv";
import { x86_64 } from "@guise/x86-64";
import { amcBridge } from "./amc_bridge.ts";

Deno.test("examples/mixed.ts: a Linux program is answered by two services of axle", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "examples/mixed.ts"],
    cwd: new URL("..", import.meta.url),
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text + new TextDecoder().decode(stderr));
  assertStringIncludes(text, "The Linux program was told 42.");
  assertEquals(text.match(/self-terminated with exit 0/g)?.length, 2);
});

Deno.test("amc_bridge.ts is under 100 lines", async () => {
  const text = await Deno.readTextFile(new URL("amc_bridge.ts", import.meta.url));
  assert(text.trimEnd().split("\n").length < 100);
});

Deno.test("a write to /dev/amc without a destination is EINVAL, one to nobody waits for its service", async () => {
  const write = (length: number): string => `
    mov edi, ebx
    lea rsi, [rip+message]
    mov edx, ${length}
    mov eax, 1
    syscall
  `;
  const program = makeProgram(x86_64.assemble(
    `
    mov eax, 2
    lea rdi, [rip+path]
    mov esi, 2
    syscall
    mov ebx, eax
    ${write(63)}
    mov ebp, eax
    neg ebp
    ${write(66)}
    lea edi, [rax+rbp]
    mov eax, 231
    syscall
    path:
    .byte 47, 100, 101, 118, 47, 97, 109, 99, 0
    message:
    .byte 110, 111, 98, 111, 100, 121, ${new Array(58).fill(0).join(", ")}
    .byte 1, 2
  `,
    CODE,
  ));
  const kernel = await createKernel({ plugins: [axle(), amcBridge()] });
  const { process, status } = kernel.spawn("linux", { program, args: ["x"], env: {} });
  await kernel.run();
  assertEquals((await status).code, 22 + 66);
  const { stored } = kernel.data.get(axleKey);
  assertEquals(stored.map(({ source, dest, body }) => [source, dest, [...body]]), [
    [`linux.${process.id}`, "nobody", [1, 2]],
  ]);
});

Deno.test("one kernel runs a Linux program, a program of OSv and two services of axle at once", async () => {
  const text = (s: string): string => `.byte ${[...s].map((c) => c.charCodeAt(0)).join(", ")}, 0`;
  const leave = (code: number): Uint8Array =>
    makeProgram(x86_64.assemble(`mov edi, ${code}\nmov eax, 231\nsyscall`, CODE));
  const service = (me: string, other: string, code: number): Uint8Array =>
    makeProgram(x86_64.assemble(
      `
      mov eax, 0
      lea rbx, [rip+me]
      int 0x80
      mov eax, 1
      lea rbx, [rip+other]
      lea rcx, [rip+me]
      mov edx, 4
      int 0x80
      mov eax, 5
      lea rbx, [rip+got]
      int 0x80
      mov eax, 13
      mov ebx, ${code}
      int 0x80
      me:
      ${text(me)}
      other:
      ${text(other)}
      got:
      .quad 0
    `,
      CODE,
    ));
  const kernel = await createKernel({ plugins: [axle(), osv()] });
  const all = [
    kernel.spawn("linux", { program: leave(1), args: ["linux"], env: {} }),
    kernel.spawn("osv", { program: leave(2), args: ["osv"], env: {} }),
    kernel.spawn("axle", { program: service("one", "two", 3), args: ["one"], env: {} }),
    kernel.spawn("axle", { program: service("two", "one", 4), args: ["two"], env: {} }),
  ];
  assertEquals(kernel.processes.size, 4);
  await kernel.run();
  const codes = await Promise.all(all.map(async ({ status }) => (await status).code));
  assertEquals(codes, [1, 2, 3, 4]);
});
