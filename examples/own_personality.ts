/** A kernel of one's own, with two calls, and a program for it; its test runs the conformance suite on it. */
import * as core from "@guise/core";
import { EXEC, EXIT, inBytes, int, READ, syscall, WRITE } from "@guise/core";
import { x86_64 } from "@guise/x86-64";

export const say: core.Syscall = syscall({
  name: "say",
  doc: "Shows a text.",
  args: { text: inBytes },
  run(task, { text }) {
    task.kernel.emit({ kind: "message", text: new TextDecoder().decode(text.bytes()) });
    return text.length;
  },
});

const end = (task: core.Task, code: number) => {
  task.kernel.ended(task.process, { code });
  return EXIT;
};

export const leave: core.Syscall = syscall({
  name: "leave",
  doc: "Ends the program.",
  args: { code: int },
  run: (task, { code }) => end(task, code & 255),
});

/** The program is machine code without a header; it gets 64 KiB of stack. */
export const twoCalls: core.Personality = {
  name: "two-calls",
  tables: core.tables([["x86-64", "syscall"]], [[[0], leave], [[1], say]]),
  start(process, { program }) {
    const { space, cpu } = process;
    if (typeof program === "string") return { error: "give the bytes of a program", status: 126 };
    const code = space.map({ address: 0x400000, length: program.length, prot: READ | WRITE });
    const stack = space.map({ address: 0, length: 65536, prot: READ | WRITE });
    if (code < 0 || stack < 0 || !space.write(code, program)) return { error: "no memory", status: 126 };
    space.protect(code, program.length, READ | EXEC);
    const { frame } = process.addTask();
    frame.setNum(cpu.arch.pc, code);
    frame.setNum(cpu.arch.sp, stack + 65536);
    return undefined;
  },
  fault: (task) => end(task, 255),
};

if (import.meta.main) {
  const listing = "mov eax, 1\nlea rdi, [rip+hi]\nmov esi, 3\nsyscall\nmov edi, eax\nxor eax, eax\nsyscall\n";
  const program = x86_64.assemble(`${listing}hi:\n.byte 0x48, 0x69, 0x21`, 0x400000);
  const plugins = [{ name: "cpu", arch: x86_64 }, { name: "mine", personality: twoCalls }];
  const kernel = await core.createKernel({ plugins });
  kernel.hook({ event: (e) => e.kind === "message" && console.log("it said:", e.text) });
  const { status } = kernel.spawn("two-calls", { program, args: [], env: {} });
  await kernel.run();
  console.log("it left with", (await status).code);
}
