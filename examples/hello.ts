/**
 * A Linux program, assembled in place and run on a kernel of plugins: no files, no permissions. It prints what the
 * program wrote, and every trap that the program made, decoded.
 *
 * ```sh
 * npx -y deno@2 run examples/hello.ts
 * ```
 */
import { createKernel, type Plugin } from "@guise/core";
import { elf, makeProgram, programHeaderBytes } from "@guise/elf";
import { linux } from "@guise/linux";
import { strace } from "@guise/strace";
import { credentialsOf, HostStream, openStdio, vfs, vfsKey } from "@guise/vfs";
import { x86_64 } from "@guise/x86-64";

const MESSAGE = "Hello from x86-64, on a kernel made of plugins.\n";

// A program as it would come out of a linker: one page of code, with its text behind it.
const ADDRESS = 0x400000;
const code = x86_64.assemble(
  `
  mov eax, 1                # write(1, message, length)
  mov edi, 1
  lea rsi, [rip+message]
  mov edx, ${MESSAGE.length}
  syscall
  mov eax, 39               # getpid()
  syscall
  mov eax, 3                # close(-1): an error is a negative result
  mov edi, -1
  syscall
  mov eax, 231              # exit_group(42)
  mov edi, 42
  syscall
message:
  .byte ${[...MESSAGE].map((c) => c.charCodeAt(0)).join(", ")}
`,
  ADDRESS + programHeaderBytes(x86_64),
);
const program = makeProgram(x86_64, code, { address: ADDRESS });

// A kernel is a list of plugins: a CPU, a loader, files, what system calls mean, and somebody who watches.
let trace = "", output = "", traps = 0;
const counter: Plugin = { name: "counter", hooks: { enter: () => void traps++ } };
const kernel = await createKernel({
  plugins: [
    { name: "x86-64", arch: x86_64 },
    elf(),
    vfs(),
    linux(),
    strace({ write: (text) => trace += text }),
    counter,
  ],
});

const stdout = new HostStream({
  write(bytes) {
    output += new TextDecoder().decode(bytes);
    return bytes.length;
  },
});
const caller = { fs: kernel.data.get(vfsKey).createContext(), cred: credentialsOf(0) };
const { status } = kernel.spawn("linux", {
  program,
  args: ["hello"],
  env: {},
  options: { files: openStdio(caller, ["null", stdout, stdout]) },
});
await kernel.run();

console.log(`It wrote:\n${output}`);
console.log(`It made ${traps} traps:\n${trace}`);
console.log(`Its exit status: ${(await status).code}`);
