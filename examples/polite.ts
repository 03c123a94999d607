/** A kernel of one's own: a personality with two system calls. own_personality.ts runs a guest on it and tests it. */
import { EXEC, EXIT, inBytes, int, type Personality, READ, type Syscall, syscall, tables } from "@guise/core";
import { WRITE } from "@guise/core";

/** What guests have said. */
export let said = "";
const say: Syscall = syscall({
  name: "say",
  doc: "Says some bytes aloud; answers how many.",
  args: { words: inBytes },
  run: (_task, { words }) => {
    said += new TextDecoder().decode(words.bytes());
    return words.length;
  },
});
const leave: Syscall = syscall({
  name: "leave",
  doc: "Ends the process.",
  args: { code: int },
  run: (task, { code }) => {
    task.kernel.ended(task.process, { code: code & 255 });
    return EXIT;
  },
});

/** Where programs lie. */
export const ADDRESS = 0x400000;
const STACK = 65536;
/** The personality. */
export const polite: Personality = {
  name: "polite",
  tables: tables([["x86-64", "syscall"]], [[[1], say], [[2], leave]]),
  start(process, { program }) {
    if (typeof program === "string") return { error: "polite: programs are given as bytes", status: 127 };
    const { space, cpu } = process;
    const prot = READ | WRITE | EXEC;
    const code = space.map({ address: ADDRESS, length: program.length, prot, fixed: "exclusive" });
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
