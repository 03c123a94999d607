/** What comes and goes leaves no memory behind: address spaces, processes. */
import { assert, assertEquals } from "@std/assert";
import { createSpace, HostMemory, READ, virtualClock, WRITE } from "@guise/core";
import { makeProgram } from "@guise/elf";
import { createKernel } from "@guise/guise";
import { createMemoryFs } from "@guise/vfs";
import { x86_64 } from "@guise/x86-64";
import { alone } from "../tools/alone.ts";

const K = 4096;

Deno.test(alone(import.meta.url, {
  name: "ten thousand spaces come and go without a leak",
  fn: () => {
    const host = new HostMemory();
    const before = Deno.memoryUsage().rss;
    for (let i = 0; i < 10_000; i++) {
      const s = createSpace({ host })!;
      const at = s.map({ address: 0, length: 16 * K, prot: READ | WRITE });
      s.setU32(at, i);
      s.dispose();
    }
    assert(host.used < 1 << 20);
    const grown = Deno.memoryUsage().rss - before;
    assert(grown < 100e6, `${grown} bytes`);
  },
}));

Deno.test(alone(import.meta.url, {
  name: "a thousand processes come and go without a leak, two hundred live at a time",
  fn: async () => {
    // nanosleep of a millisecond, exit_group(7)
    const sleeper = makeProgram(
      x86_64,
      x86_64.assemble(
        `
        mov eax, 35
        lea rdi, [rip+pause]
        xor esi, esi
        syscall
        mov edi, 7
        mov eax, 231
        syscall
        pause:
        .quad 0
        .quad 1000000
      `,
        0x400000 + 120,
      ),
    );
    const root = createMemoryFs({ "/sleeper": { content: sleeper, mode: 0o755 } });
    const kernel = await createKernel({ clock: virtualClock(), files: { root } });
    const round = async (): Promise<void> => {
      const all = Array.from(
        { length: 200 },
        () => kernel.spawn("linux", { program: "/sleeper", args: ["sleeper"], env: {} }).status,
      );
      assertEquals(kernel.processes.size, 200);
      await kernel.run();
      assertEquals(new Set((await Promise.all(all)).map((status) => status.code)), new Set([7]));
    };
    await round();
    const before = Deno.memoryUsage().rss;
    for (let i = 0; i < 4; i++) await round();
    assertEquals(kernel.processes.size, 0);
    const grown = Deno.memoryUsage().rss - before;
    assert(grown < 100e6, `${grown} bytes`);
  },
}));
