import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { makeProgram } from "@guise/elf";
import { createMemoryFs } from "@guise/vfs";
import { x86_64 } from "@guise/x86-64";
import { createKernel, findProgram, run } from "./mod.ts";

const build = (listing: string): Uint8Array<ArrayBuffer> =>
  makeProgram(x86_64, x86_64.assemble(listing, 0x400000 + 120));
const exit = (n: number): string => `mov edi, ${n}\nmov eax, 231\nsyscall\n`;
const write = (fd: number, text: string): string => `
  mov eax, 1
  mov edi, ${fd}
  lea rsi, [rip+text]
  mov edx, ${text.length}
  syscall
`;
const data = (text: string): string => `text:\n.byte ${[...text].map((c) => c.charCodeAt(0)).join(", ")}\n`;
const hello = build(write(1, "hello\n") + exit(3) + data("hello\n"));
/** Copies input to output. */
const cat = build(
  `again:
  xor eax, eax
  xor edi, edi
  lea rsi, [rsp-4096]
  mov edx, 4096
  syscall
  test eax, eax
  jle done
  mov edx, eax
  mov eax, 1
  mov edi, 1
  syscall
  jmp again
  done:
` + exit(0),
);

Deno.test("run answers status, output and error output of a program given as bytes", async () => {
  const result = await run(hello);
  assertEquals([result.status, result.text(), result.errorText(), result.signal], [
    3,
    "hello\n",
    "",
    undefined,
  ]);
  assertEquals((await run(build(write(2, "oh") + exit(0) + data("oh")))).errorText(), "oh");
});

Deno.test("run finds a program among its files, by path and by PATH", async () => {
  const files = {
    "/opt/x/hello": { content: hello, mode: 0o755 },
    "/opt/x/plain": { content: hello, mode: 0o644 },
  };
  assertEquals((await run("/opt/x/hello", { files })).status, 3);
  assertEquals((await run("hello", { files, env: { PATH: "/bin:/opt/x" } })).status, 3);
  const missing = await run("hello", { files });
  assertEquals(missing.status, 127);
  assertStringIncludes(missing.message!, "hello: not found in PATH");
  assertEquals((await run("/opt/x/none", { files })).status, 127);
  assertEquals((await run("/opt/x/plain", { files })).status, 126);
  assertEquals((await run("plain", { files, env: { PATH: "/opt/x" } })).status, 126);
  const kernel = await createKernel();
  assertEquals(findProgram(kernel, "a/b", { user: { uid: 0, gid: 0 } }), "a/b");
});

Deno.test("run puts files into a root of one's own", async () => {
  const root = createMemoryFs({ "/etc/motd": "x" });
  const files = { "/opt/a/hello": { content: hello, mode: 0o755 }, "/link": { symlink: "/opt/a/hello" } };
  assertEquals((await run("/link", { root, files })).status, 3);
  assertEquals((await run(hello, { root, files: { "/new/dir": { directory: true } } })).text(), "hello\n");
  assert(typeof root.root.lookup("new") === "object");
  const error = await assertRejects(() => run(hello, { root, files: { "/etc/motd/x": "" } }), Error);
  assertEquals(error.message, "guise: cannot put /etc/motd/x into the guest's files: Not a directory");
});

Deno.test("run gives standard input from text, bytes and pieces, and none by default", async () => {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const part of ["a", "bc", "d"]) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      yield new TextEncoder().encode(part);
    }
  }
  assertEquals((await run(cat, { stdin: "text\n" })).text(), "text\n");
  assertEquals(
    (await run(cat, { stdin: new Uint8Array([0, 255, 10]) })).stdout,
    new Uint8Array([0, 255, 10]),
  );
  assertEquals((await run(cat, { stdin: pieces() })).text(), "abcd");
  assertEquals((await run(cat)).text(), "");
});

Deno.test("run ends a program by time, by its abort signal and by its output", async () => {
  const loop = build("again:\njmp again\n");
  const late = await run(loop, { timeout: 50 });
  assertEquals([late.status, late.signal, late.ended, late.message], [
    137,
    9,
    "timeout",
    "killed after 0.05 s",
  ]);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 30);
  assertEquals((await run(loop, { signal: abort.signal })).ended, "aborted");
  assertEquals((await run(loop, { signal: AbortSignal.abort() })).ended, "aborted");
  const talk = build("again:" + write(1, "hello\n") + "jmp again\n" + data("hello\n"));
  const much = await run(talk, { maxOutput: 1000 });
  assertEquals([much.ended, much.stdout.length, much.status], ["output", 1000, 137]);
  const asleep = await run(build("mov eax, 34\nsyscall\n"), { timeout: 50 }); // pause()
  assertEquals([asleep.status, asleep.ended], [137, "timeout"]);
});

Deno.test("run kills a program that uses more memory than memoryLimit", async () => {
  // Twice 12 MiB are mapped, each of which there could be, and then written to.
  const greedy = build(
    `
    mov r12d, 2
    again:
    mov eax, 9
    xor edi, edi
    mov esi, 0xc00000
    mov edx, 3
    mov r10d, 0x22
    mov r8, -1
    xor r9d, r9d
    syscall
    push rax
    dec r12d
    jnz again
    mov r12d, 2
    take:
    pop rbx
    mov ecx, 3072
    next:
    mov byte ptr [rbx], 1
    add rbx, 4096
    dec ecx
    jnz next
    dec r12d
    jnz take
  ` + exit(7),
  );
  const result = await run(greedy, { memoryLimit: 16 * 2 ** 20 });
  assertEquals([result.status, result.signal], [137, 9]);
  assertStringIncludes(result.message!, "memory");
  assertEquals((await run(greedy)).status, 7);
});

Deno.test("run works in memories with 32-bit addresses", async () => {
  const result = await run(hello, { kernel: { memory32: true } });
  assertEquals([result.status, result.text(), result.message], [3, "hello\n", undefined]);
});

Deno.test("run tells who died of what", async () => {
  const result = await run(build("xor eax, eax\nmov eax, [rax]\n"));
  assertEquals([result.status, result.signal], [139, 11]);
  assertStringIncludes(result.message!, "0x40007a");
});

Deno.test("run traces and counts when asked to", async () => {
  const result = await run(hello, { trace: true, stats: true });
  assertStringIncludes(result.trace!, `write(1, "hello\\n", 6)                  = 6\n`);
  assertEquals(result.stats!.syscalls, { write: 1, exit_group: 1 });
  assertEquals([result.stats!.exit, result.stats!.traps.syscall], [3, 2]);
});

Deno.test("run lets hooks answer in the place of the kernel", async () => {
  const result = await run(hello, {
    hooks: { intercept: (e) => (e.call?.name === "write" ? 6 : undefined) },
  });
  assertEquals([result.status, result.text()], [3, ""]);
});

Deno.test("run refuses a personality that nobody brings", async () => {
  const error = await assertRejects(() => run(hello, { personality: "hurd" }), Error);
  assertEquals(error.message, "guise: there is no personality hurd; there are linux, axle, osv");
});

Deno.test("run leaves nothing behind: many runs side by side give each its own output", async () => {
  const results = await Promise.all(Array.from({ length: 20 }, () => run(hello)));
  assert(results.every((r) => r.text() === "hello\n" && r.status === 3));
});

Deno.test("run works where there is no Deno", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const mod = new URL("./mod.ts", import.meta.url).href;
    await Deno.writeTextFile(
      `${folder}/main.ts`,
      `import { run } from ${JSON.stringify(mod)};
       const program = new Uint8Array(${JSON.stringify([...hello])});
       (globalThis as any).outcome = run(program, { trace: true }).then((r) =>
         JSON.stringify([typeof (globalThis as any).Deno, r.status, r.text(), r.trace!.includes("write(1")]));`,
    );
    const config = fromFileUrl(new URL("./deno.json", import.meta.url));
    const bundled = await new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        "--platform",
        "browser",
        "--config",
        config,
        "-o",
        `${folder}/main.js`,
        `${folder}/main.ts`,
      ],
      stdout: "null",
      stderr: "piped",
    }).output();
    const complaint = new TextDecoder().decode(bundled.stderr);
    // The bundler is a package of npm's; without it (and without a registry) there is nothing to test with.
    if (!bundled.success && /registry|download|network|dns|resolve host/i.test(complaint)) {
      console.log("skipped: the bundler cannot be fetched");
      return;
    }
    assert(bundled.success, complaint);
    const { default: vm } = await import("node:vm");
    const names = [
      "TextEncoder",
      "TextDecoder",
      "atob",
      "performance",
      "crypto",
      "setTimeout",
      "clearTimeout",
      "MessageChannel",
      "console",
      "URL",
    ];
    const context: Record<string, unknown> = {};
    for (const name of names) context[name] = (globalThis as Record<string, unknown>)[name];
    vm.createContext(context);
    vm.runInContext(await Deno.readTextFile(`${folder}/main.js`), context);
    assertEquals(JSON.parse(await context.outcome as string), ["undefined", 3, "hello\n", true]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
