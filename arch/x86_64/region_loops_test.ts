/** Loops in two versions (translator, region/loops.ts) do what the interpreter does, also where a window ends and where they fault. */
// cold: tests
import { assertEquals } from "@std/assert";
import { BIAS, forgetPermissions } from "@guise/translator";
import { copying, debug, paging } from "@guise/translator/region";
import { assemble } from "./assemble.ts";
import { X86Cpu } from "./cpu.ts";
import { CODE, DATA, EXEC, FakeSpace, READ, WRITE } from "./fake_space.ts";
import { called, same } from "./loops_fixture.ts";
import { Random } from "./testing.ts";

/** More, or others: with these in the environment. */
const COUNT = Number(Deno.env.get("LOOPS") ?? 40), SEED = Number(Deno.env.get("SEED") ?? 20261122);

Deno.test("a loop that runs over the end of what it may write faults at the exact element", () => {
  const end = DATA + 0x8000;
  const { cause, address } = same(`
    mov rdi, ${DATA}
    mov rcx, 5000
    xor eax, eax
    again:
    mov rdx, [rdi]
    add rax, rdx
    mov [rdi], rax
    add rdi, 8
    dec rcx
    jnz again
    hlt
  `) as { cause: string; address: number };
  assertEquals([cause, address], ["page", end]);
});

Deno.test("a loop in steps of a vector faults where its address is not aligned", () => {
  // The first time through it is, and the windows are found.
  const { cause, registers } = same(`
    mov rdi, ${DATA}
    mov edx, 40
    more:
    xor ecx, ecx
    again:
    movdqa xmm1, [rdi + rcx]
    paddd xmm0, xmm1
    add rcx, 16
    cmp rcx, 1600
    jne again
    dec edx
    jnz more
    add rdi, 8
    inc edx
    jmp more
  `) as { cause: string; registers: string };
  assertEquals([cause, registers.split(",")[1]], ["protection", "0"]);
});

Deno.test("an outer loop that begins where the inner one does goes on after it", () => {
  same(`
    mov rsi, ${DATA}
    mov edx, 40
    xor eax, eax
    again:
    mov rbx, [rsi + rax]
    add rbp, rbx
    xor [rsi + rax + 1024], rbp
    add rax, 8
    cmp rax, 256
    jne again
    xor eax, eax
    add rsi, 16
    dec edx
    jnz again
    hlt
  `);
});

Deno.test("random loops end or fault as they do in the interpreter", () => {
  const r = new Random(SEED),
    bases = ["rsi", "rdi", "rbx"],
    steps = [1, 2, 4, 8, 16, 24, 64, 200, 1024, 3000];
  const address = () => {
    const disp = r.below(64) * r.pick([1, 4, 8, 16]) - 256;
    const index = r.chance(0.4) ? ` + rax*${r.pick([1, 2, 4, 8])}` : "";
    return `[${r.pick(bases)}${index} ${disp < 0 ? "-" : "+"} ${Math.abs(disp)}]`;
  };
  const access = () =>
    r.pick([
      () => `mov r8, ${address()}`,
      () => `add dword ptr ${address()}, r8d`,
      () => `mov ${address()}, r8`,
      () => `movzx r9d, byte ptr ${address()}`,
      () => `inc byte ptr ${address()}`,
      () => `movdqu xmm0, ${address()}`,
      () => `paddb xmm1, xmm0`,
      () => `movdqu ${address()}, xmm1`,
      () => `movdqa xmm2, ${address()}`,
      () => `push r8`,
      () => `pop r9`,
      () => `mov r9, fs:[0x10]`,
    ])();
  const move = (label: string) =>
    r.pick([
      () => `add ${r.pick(bases)}, ${r.pick(steps)}`,
      () => `sub ${r.pick(bases)}, ${r.pick(steps)}`,
      () => `lea rbx, [rbx + ${r.pick(steps)}]`,
      () => `inc rax`,
      () => `mov rdi, rsi`,
      () => `add rsi, r10`,
      () => `mov rax, r9`,
      // Small, whatever it was before.
      () => `and eax, ${r.pick([15, 63, 255, 511])}`,
      () => `movzx eax, r8b`,
      () => `mov eax, r8d\nand eax, 15`,
      () => `shr al, ${1 + r.below(7)}`,
      () => `movzx eax, r9b\nshr eax, 2\nxor eax, 3`,
      () => `test r8b, ${1 << r.below(4)}\njz ${label}\nadd rsi, ${r.pick(steps)}\n${access()}\n${label}:`,
      () => `test r9b, ${1 << r.below(4)}\njnz out\n`,
      () => `test r8b, ${1 << r.below(3)}\njnz next\n`,
    ])();
  for (let n = 0; n < COUNT; n++) {
    const body: string[] = [];
    for (let k = 1 + r.below(4); k > 0; k--) body.push(access());
    for (let k = 1 + r.below(3); k > 0; k--) body.splice(r.below(body.length + 1), 0, move(`l${k}`));
    // At first where nothing happens: then the windows are there.
    const calls = Array.from({ length: 10 }, (_, turn) => {
      const spread = turn < 5 ? 64 : 2048;
      const place = () =>
        DATA + (turn < 7 ? 0x2000 : 0x6800) + r.below(spread) * r.pick(turn < 5 ? [16] : [1, 16, 16]);
      return `mov rsi, ${place()}\nmov rdi, ${place()}\nmov rbx, ${place()}\nmov r10, ${r.below(40)}
        mov ecx, ${1 + r.below(turn < 5 ? 60 : 300)}\nxor eax, eax\ncall body`;
    });
    same(called(calls, body), r.pick([100, 1000, 1_000_000]));
  }
});

Deno.test("random loops that call small functions, also by pointers that change, do what the interpreter does", () => {
  const r = new Random(SEED + 1), bases = ["rsi", "rdi", "rbx"];
  const one = () => {
    const at = `[${r.pick(bases)} + ${r.below(32) * r.pick([1, 8])}]`;
    return r.pick([
      () => `mov r8, ${at}`,
      () => `add rax, ${at}`,
      () => `mov ${at}, rax`,
      () => `xor dword ptr ${at}, eax`,
      () => `mov dl, ${at}\ncmp dl, al\njb less@\nadd rax, 7\nless@:`,
      () => `add ${r.pick(bases)}, ${r.pick([1, 4, 8, 16, 64])}`,
      () => `push rax\nadd rax, 3\npop rdx`,
      () => `mov [rsp - 24], rax`,
      // The return address: as it was, by another register, and to elsewhere.
      () => `mov rdx, [rsp]\nmov [rsp], rdx`,
      () => `mov [r14 - 8], r15`,
      () => `mov dword ptr [r14 - 8], r15d`,
      () => `mov r8, [r14 - 8]\nadd rax, r8`,
      () => `lea rdx, [rsp + 8]\nmov r8, [rdx - 8]\nadd rax, r8`,
    ])().replaceAll("@", `${labels++}`);
  };
  const some = (n: number) => Array.from({ length: 1 + r.below(n) }, one).join("\n");
  let labels = 0;
  for (let n = 0; n < COUNT; n++) {
    const names = ["one", "two", "three"].slice(0, 1 + r.below(3));
    const call = () => r.pick(["call r12", "call r12", "call [r9]", "call one"]);
    same(
      `
      mov r13d, 6
      turn:
      mov rsi, ${DATA + r.below(256)}
      mov rdi, ${DATA + 0x1000}
      mov rbx, ${DATA + 0x2000}
      mov r9, ${DATA + 0x3f00}
      mov r14, rsp
      lea r15, [rip + elsewhere]
      ${
        names.map((name, k) =>
          `lea r12, [rip + ${name}]\n${k ? "test r13b, " + k + "\njz last" + k : ""}
        mov [r9], r12\n${k ? "last" + k + ":" : ""}`
        ).join("\n")
      }
      mov ecx, ${r.pick([3, 40, 300])}
      again:
      ${some(3)}
      ${r.chance(0.4) ? `test cl, ${r.pick([1, 8, 64])}\ncmovz r12, [r9]\n` : ""}
      ${call()}
      ${r.chance(0.3) ? `${call()}\n` : ""}
      ${r.chance(0.3) ? some(2) : ""}
      behind:
      dec ecx
      jnz again
      dec r13d
      jnz turn
      hlt
      elsewhere:
      add rax, 1
      jmp behind
      ${names.map((name) => `${name}:\n${some(3)}\nret`).join("\n")}
    `,
      r.pick([100, 1000, 1_000_000]),
    );
  }
});

Deno.test("random graphs of blocks, with loops of several entries, do what the interpreter does", () => {
  const r = new Random(SEED + 2);
  for (let n = 0; n < COUNT * 3; n++) {
    const count = 3 + r.below(6), to = () => `b${r.below(count)}`;
    const step = () =>
      r.pick([
        () => `add rax, ${r.below(1000)}`,
        () => `imul rbx, rax, ${1 + r.below(9)}`,
        () => `xor rax, rbx`,
        () => `shr rbx, ${1 + r.below(7)}`,
        () => `add [rsi + ${8 * r.below(16)}], rax`,
        () => `mov rbx, [rdi + ${8 * r.below(16)}]`,
        () => `lea rsi, [rsi + ${r.pick([4, 8])}]\nand rsi, -2049`,
        () => `push rax\npop rdx`,
        () => `call small`,
      ])();
    const blocks = Array.from({ length: count }, (_, k) => {
      const body = Array.from({ length: r.below(4) }, step).join("\n");
      const end = r.pick([
        () => `test al, ${1 << r.below(5)}\njz ${to()}`,
        () => `test bl, ${1 << r.below(3)}\njnz ${to()}\njmp ${to()}`,
        () => `cmp rax, rbx\njb ${to()}\njmp ${to()}`,
        () => "",
        () => `test al, 1\nlea rdx, [rip + ${to()}]\nlea r8, [rip + ${to()}]\ncmovz rdx, r8\njmp rdx`,
      ])();
      return `b${k}:\ndec ecx\njs out\n${body}\n${end}`;
    });
    same(
      `mov ecx, ${r.pick([50, 400, 3000])}\nmov rsi, ${DATA + 0x1000}\nmov rdi, ${DATA + 0x1040}\njmp ${to()}
      ${blocks.join("\n")}
      out:
      hlt
      small:
      add rax, 77
      ret`,
      r.pick([100, 1000, 1_000_000]),
    );
  }
});

/** Two pages of which only one may be used at a time, as two mappings of one shared page: to use one hides the other. */
class Alternating extends FakeSpace {
  static readonly pages = [DATA + 0x1000, DATA + 0x3000];
  readonly #hidden = new Map<number, string>();
  /** Changes of a page while it was hidden. */
  wrong = 0;
  override resolve(address: number, access: number): boolean {
    const page = address - address % 4096;
    if (!Alternating.pages.includes(page)) return super.resolve(address, access);
    for (const p of Alternating.pages) {
      const text = this.u8.slice(p - BIAS, p - BIAS + 4096).join();
      if (p === page) {
        if (this.#hidden.has(p) && this.#hidden.get(p) !== text) this.wrong++;
        this.#hidden.delete(p), this.table[p >>> 12] = READ | WRITE;
      } else if (this.table[p >>> 12]) {
        this.#hidden.set(p, text), this.table[p >>> 12] = 0, this.revoked++, forgetPermissions(this.u8);
      }
    }
    return true;
  }
}

Deno.test("a page that goes away because another one was asked for is not used any more, in loops too", () => {
  for (const engine of ["interpreter", "jit", "pages"] as const) {
    paging.always = engine === "pages";
    for (
      const body of [
        "mov [rsi], rax\nmov [rdi], rbx\nmov [rsi + 8], rax",
        "mov [rsi], rax\nadd rsi, 8\nmov r8, [r9 + rdx*8]\nmov [r8], rax\nmov [rsi + 16], rdx",
        "mov [rsi], rax\ntest al, 4\njz over\nmov [rdi], rax\nover:\nmov [rsi + 24], rbx",
      ]
    ) {
      const space = new Alternating(), kernel = { syscall: () => 1 as const, call: () => 1 as const };
      const cpu = new X86Cpu(space, kernel, undefined, undefined, engine === "pages" ? "jit" : engine);
      space.watcher = cpu;
      space.map(CODE, 0x10000, READ | WRITE | EXEC);
      space.map(DATA, 0x10000, READ | WRITE);
      for (const page of Alternating.pages) space.table[page >>> 12] = 0;
      const pointers = new BigUint64Array(64).map((_, n) =>
        BigInt(Alternating.pages[n === 40 ? 1 : 0] + 1024)
      );
      space.write(DATA + 0x6000, new Uint8Array(pointers.buffer));
      space.write(
        CODE,
        assemble(
          `mov r9, ${DATA + 0x6000}
          mov ecx, 12
          outer:
          mov rsi, ${Alternating.pages[0]}
          mov rdi, ${Alternating.pages[1]}
          xor edx, edx
          again:
          ${body}
          inc rax
          add rbx, rax
          inc edx
          cmp edx, 60
          jne again
          dec ecx
          jnz outer
          hlt`,
          CODE,
        ),
      );
      cpu.frame.setNum(16, CODE);
      let trap = cpu.run(1_000_000);
      while (trap.cause === "budget") trap = cpu.run(1_000_000);
      // One more turn, so that each is looked at.
      for (const page of Alternating.pages) space.resolve(page, WRITE);
      assertEquals([trap.cause, space.wrong], ["protection", 0], `${engine}: ${body}`);
    }
  }
  paging.always = false;
});

Deno.test("loops in steps of another register do what the interpreter does, also where 32 bits come to their end", () => {
  const random = new Random(SEED), pick = <T>(from: readonly T[]): T => from[random.below(from.length)];
  for (let n = 0; n < COUNT; n++) {
    const steps = [
      1,
      3,
      8,
      40,
      300,
      2000,
      0,
      0xfffffff8,
      0x80000000,
      0x7fffffff,
      "0x100000001",
      -8,
      -1,
      "0x1000000000000000",
    ];
    const starts = [0, 5, 100, 0x7ff0, 0xffffff00, 0xfffffff0, "0x100000000", -64, -8];
    const scale = pick([1, 1, 2, 8]), wide = random.below(3) === 0;
    const at = (index: string) => `[rdi + ${index}*${scale}${pick(["", "", " + 7", " - 3"])}]`;
    const step = wide ? "add rax, rsi" : "add eax, esi";
    const access = (index: string) =>
      pick([`mov byte ptr ${at(index)}, cl`, `add bl, ${at(index)}`, `mov bx, ${at(index)}`]);
    const body = pick([
      () => ["mov edx, eax", step, access("rdx")],
      () => ["mov edx, eax", access("rdx"), step],
      () => [access("rax"), step],
      () => [step, access("rax"), "mov edx, eax", access("rdx")],
      () => ["add bl, [rdi]", "mov [rdi], bl", wide ? "add rdi, rsi" : "add edi, esi"],
      () => ["lea edx, [rax + 4]", step, access("rdx")],
      () => ["mov edx, eax", "add rax, 4", access("rdx")],
      () => ["mov edx, eax", access("rdx")],
      () => ["test cl, 1", "je even", step, "even:", access("rax")],
      () => ["test cl, 1", "je even", step, "even:", access("rax"), step],
      () => [access("rax"), step, "add eax, 4"],
      () => [access("rax"), step, "xor esi, 1"],
      () => ["mov edx, edi", "add edx, eax", "mov bl, [rdx]", step],
    ])();
    const loop = (name: string) =>
      body.concat("dec ecx", "jne again").join("\n").replaceAll("again", `again${name}`)
        .replaceAll("even", `even${name}`);
    // A base that makes up for a wild index, as long as that is whole.
    const start = pick(starts),
      from = `0x${BigInt.asUintN(64, BigInt(DATA + 0x4000) - BigInt(start) * BigInt(scale)).toString(16)}`;
    // Twice where all is well, then from anywhere and by anything.
    const lines = [
      "mov r9d, 1",
      "mov r8d, 3",
      "rounds:",
      `mov rdi, ${DATA + 64}`,
      "mov eax, 4",
      "mov esi, 2",
      "mov ecx, 300",
      "againa:",
      loop("a"),
      "dec r8d",
      "jne rounds",
    ];
    lines.push(
      "dec r9d",
      "js done",
      `mov rdi, ${pick([DATA, DATA + 0x7f00, DATA + 64, from, from])}`,
      `mov rax, ${start}`,
      `mov rsi, ${pick(steps)}`,
    );
    // The same code once more, with what it was made for gone.
    lines.push("mov r8d, 1", `mov ecx, ${1 + random.below(400)}`, "jmp againa", "done:", "hlt");
    same(lines.join("\n"), pick([1_000_000, 777]));
  }
});

Deno.test("a lower half that begins anew in a loop faults where it does", () => {
  const base = BigInt.asUintN(64, BigInt(DATA + 0x4000) - 0xfffffff0n).toString(16);
  const { cause, registers } = same(`
    mov r9d, 2
    mov rdi, ${DATA + 64}
    mov eax, 4
    mov r8d, 3
    mov ecx, 300
    again:
    mov edx, eax
    mov bl, [rdi + rdx]
    add rax, 4
    dec ecx
    jne again
    mov ecx, 300
    mov eax, 4
    dec r8d
    jne again
    mov r8d, 1
    mov rdi, 0x${base}
    mov eax, 0xfffffff0
    dec r9d
    jne again
    hlt
  `) as { cause: string; registers: string };
  assertEquals([cause, registers.split(",")[2]], ["page", "0"]);
});

/** The bytes of `i64.const`. */
function constant(value: number): string {
  const bytes = [0x42];
  for (; value >= 64; value = Math.floor(value / 128)) bytes.push(value % 128 | 128);
  return [...bytes, value].join();
}

Deno.test("a loop that knows where its table was does what the interpreter does when that is elsewhere", () => {
  const r = new Random(SEED + 5);
  let known = 0;
  copying.on = false;
  debug.module = (bytes) => {
    if (`,${bytes.join()},`.includes(`,${constant(DATA + 0x1000)},`)) known++;
  };
  try {
    for (let n = 0; n < COUNT; n++) {
      const mask = r.pick([7, 15, 255]),
        scale = r.pick([1, 2, 4, 8]),
        before = r.pick(["again:", "nop\nagain:"]);
      const other = r.chance(0.3) ? `mov [rdi + rdx*${scale}], al` : "";
      same(
        `
        lea rsi, [rsp - ${r.chance(0.9) ? 0x3000 : 0x60000000}]
        mov rdi, ${DATA + 0x2000}
        mov ebp, ${20 + r.below(40)}
        xor eax, eax
        jmp first
        ${before}
        lea edx, [rax + rcx]
        and edx, ${mask}
        ${other}
        xor rax, [rsi + rdx*${scale} + ${r.below(64)}]
        ror rax, ${1 + r.below(62)}
        dec ecx
        jnz again
        ret
        first:
        more:
        mov ecx, ${50 + r.below(150)}
        call again
        mov ecx, ${50 + r.below(150)}
        call again
        add rsi, ${r.pick([0, 8, 64, 1024, 0x10000])}
        dec ebp
        jnz more
        hlt
      `,
        r.pick([1_000_000, 37, 501]),
      );
    }
  } finally {
    copying.on = true, debug.module = undefined;
  }
  assertEquals(known > 0, true);
});
