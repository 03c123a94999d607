/** x87 and MMX by name; tests/fuzz compares them with the host's CPU at random. */
import { assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { assemble } from "../assemble.ts";
import { useDeclarations } from "../built.ts";
import { CODE, DATA, machine } from "../fake_space.ts";
import { REG } from "../registers.ts";

useDeclarations();

/** Runs to the final hlt (or to a trap before it); gives the cause, the FXSAVE image and the data page. */
function run(source: string) {
  const { cpu, space } = machine(assemble(source + "\nhlt", CODE));
  const trap = cpu.run(1_000_000), image = new Uint8Array(512);
  cpu.frame.read(REG.fxsave, image);
  const view = new DataView(image.buffer), memory = new DataView(space.memory.buffer, DATA - BIAS, 4096);
  const hex = (v: DataView, at: number) =>
    v.getUint16(at + 8, true).toString(16).padStart(4, "0") + " " +
    [4, 0].map((o) => v.getUint32(at + o, true).toString(16).padStart(8, "0")).join("");
  return {
    trap,
    frame: cpu.frame,
    pc: cpu.frame.num(REG.rip) - CODE,
    fcw: view.getUint16(0, true),
    fsw: view.getUint16(2, true),
    tags: view.getUint8(4),
    st: (i: number) => hex(view, 32 + 16 * i),
    memory,
  };
}

Deno.test("fadd gives 80 bits when its operands differ in size", () => {
  const { st, fsw } = run("fld1\nfldpi\nfaddp st(1), st");
  assertEquals(st(0), "4001 8487ed5110b4611a"); // a tie, to even: pi's significand is odd
  assertEquals(fsw & 0x3f, 0x20);
});

Deno.test("a division by zero traps at the next waiting instruction when it is unmasked", () => {
  const source = `mov word ptr [${DATA}], 0x37b\nfldcw word ptr [${DATA}]\nfldz\nfld1\nfdiv st, st(1)\n`;
  const divided = run(source);
  assertEquals([divided.trap.cause, divided.fsw & 0x80ff], ["protection", 0x8084]);
  assertEquals(divided.st(0), "3fff 8000000000000000"); // the operand is still there
  const next = run(source + "nop\nfnstsw ax\nfld1");
  assertEquals([next.trap.cause, next.trap.vector], ["float", 16]);
  assertEquals(next.frame.num(REG.rax) & 0x3f, 4);
  // A fault of the instruction that meets the exception comes after it.
  assertEquals(run(source + "fld dword ptr [0x1000]").trap.cause, "float");
  assertEquals(run(source + "fnclex\nfld1").trap.cause, "protection");
});

Deno.test("a ninth push is a stack fault and gives the indefinite NaN when masked", () => {
  const { st, fsw, tags } = run("fld1\n".repeat(9));
  assertEquals(st(0), "ffff c000000000000000");
  assertEquals([fsw & 0x27f, fsw >> 11 & 7, tags], [0x241, 7, 0xff]);
});

Deno.test("an empty register is a stack fault with C1 clear when it is read", () => {
  const { st, fsw } = run("fld1\nfadd st, st(1)");
  assertEquals([st(0), fsw & 0x27f], ["ffff c000000000000000", 0x41]);
});

Deno.test("MMX writes show as x87 registers with all ones above when mixed", () => {
  const { st, fsw, tags } = run("fld1\nfld1\nmov rax, 0x1122334455667788\nmovq mm3, rax\npaddb mm3, mm3");
  assertEquals(st(3), "ffff 22446688aaccee10");
  assertEquals([fsw >> 11 & 7, tags], [0, 0xff]);
  assertEquals(run("movq mm3, rax\nemms").tags, 0);
});

Deno.test("fnsave stores what frstor takes back", () => {
  const { st, fcw, fsw, tags, memory } = run(
    `fldpi\nfldz\nfnsave [${DATA}]\nfld1\nfrstor [${DATA}]`,
  );
  assertEquals([st(0), st(1), fcw], ["0000 0000000000000000", "4000 c90fdaa22168c235", 0x37f]);
  assertEquals([fsw >> 11 & 7, tags, memory.getUint16(8, true)], [6, 0xc0, 0x1fff]); // zero is 1, pi valid
});

Deno.test("fcomi and fcmov see a NaN as unordered when compared", () => {
  const nan = "fldz\nfldz\nfdivp st(1), st\n"; // 0/0
  const { st, fsw } = run(`fld1\n${nan}fucomi st, st(1)\nfcmovu st, st(1)`);
  assertEquals([st(0), fsw & 0x3f], ["3fff 8000000000000000", 1]);
});

Deno.test("fsin tells C2 when its operand is 2^63 or more, and computes below", () => {
  const big = `mov rax, 0x43e0000000000000\nmov qword ptr [${DATA}], rax\nfld qword ptr [${DATA}]\nfsin`;
  assertEquals(run(big).fsw & 0x400, 0x400);
  assertEquals(run(big).st(0), "403e 8000000000000000");
  // Processors have 66 bits of pi: the sine of the nearest 64-bit number is exactly 2^-64 off.
  assertEquals(run("fldpi\nfsin").st(0), "bfbf 8000000000000000");
});
