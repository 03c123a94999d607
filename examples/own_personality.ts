/**
 * A kernel of one's own: a personality with two system calls, a guest that makes them, and the conformance suite that
 * says whether the personality keeps its contract.
 *
 * ```sh
 * npx -y deno@2 run examples/own_personality.ts
 * ```
 */
import {
  createKernel,
  EXEC,
  EXIT,
  inBytes,
  int,
  type Personality,
  READ,
  syscall,
  tables,
  WRITE,
} from "@guise/core";
import { conformance } from "@guise/core/testing";
import { x86_64 } from "@guise/x86-64";

let said = "";
const say = syscall({
  name: "say",
  doc: "Says some bytes aloud; answers how many.",
  args: { words: inBytes },
  run: (_task, { words }) => {
    said += new TextDecoder().decode(words.bytes());
    return words.length;
  },
});
const leave = syscall({
  name: "leave",
  doc: "Ends the process.",
  args: { code: int },
  run: (task, { code }) => {
    task.kernel.ended(task.process, { code: code & 255 });
    return EXIT;
  },
});

const ADDRESS = 0x400000, STACK = 65536;
const polite: Personality = {
  name: "polite",
  tables: tables([["x86-64", "syscall"]], [[[1], say], [[2], leave]]),
  start(process, { program }) {
    if (typeof program === "string") return { error: "polite: programs are given as bytes", status: 127 };
    const { space, cpu } = process;
    const code = space.map({
      address: ADDRESS,
      length: program.length,
      prot: READ | WRITE | EXEC,
      fixed: "exclusive",
    });
    const stack = space.map({ address: 0, length: STACK, prot: READ | WRITE });
    if (code < 0 || stack < 0 || !space.write(code, program)) {
      return { error: "polite: no room", status: 126 };
    }
    const { frame } = process.addTask();
    frame.setNum(cpu.arch.pc, code);
    frame.setNum(cpu.arch.sp, stack + STACK);
    return undefined;
  },
  fault(task, trap) {
    task.kernel.ended(task.process, { code: 128, message: `polite: ${trap.cause}` });
    return EXIT;
  },
};

const program = x86_64.assemble(
  `
  mov eax, 1          # say(text, 4)
  lea rdi, [rip+text]
  mov esi, 4
  syscall
  mov edi, eax        # leave(what it answered)
  mov eax, 2
  syscall
text:
  .byte 72, 105, 33, 10
`,
  ADDRESS,
);
const plugins = [{ name: "x86-64", arch: x86_64 }, { name: "polite", personality: polite }];
const request = { program, args: [], env: {} };

const kernel = await createKernel({ plugins });
const { status } = kernel.spawn("polite", request);
await kernel.run();
console.log(`It said ${JSON.stringify(said)} and left with ${(await status).code}.`);

const guests = [{ name: "the guest", request, code: 4 }];
for (const { name, run } of conformance({ plugins: () => plugins, personality: "polite", guests })) {
  await run();
  console.log(`ok: ${name}`);
}
