/**
 * A kernel of one's own: the personality of polite.ts, a guest that makes its two system calls, and the conformance suite
 * that says whether the personality keeps its contract.
 *
 * ```sh
 * npx -y deno@2 run examples/own_personality.ts
 * ```
 */
import { createKernel } from "@guise/core";
import { conformance } from "@guise/core/testing";
import { x86_64 } from "@guise/x86-64";
import { ADDRESS, polite, said } from "./polite.ts";

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
