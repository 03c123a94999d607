/**
 * Division on both CPUs and both engines, beside a division of our own: every pair of numbers where dividing is special (0, 1, -1, the
 * least and the largest integers of 32 and 64 bits) and of some others. 1 and -1 take a way of their own (docs/decisions/0075).
 */
// cold: tests
import { assertEquals } from "@std/assert";
import { aarch64 } from "@guise/aarch64";
import { type Arch, createSpace, EXEC, READ, WRITE } from "@guise/core";
import { x86_64 } from "@guise/x86-64";

const CODE = 0x30000, DATA = 0x50000, ROW = 64;
const NUMBERS = [
  0n,
  1n,
  2n,
  3n,
  7n,
  10n,
  1000n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 63n - 1n,
]
  .flatMap((n) => [n, -n]).concat(-(2n ** 63n), 0x123456789abcdefn);
const PAIRS = NUMBERS.flatMap((n) => NUMBERS.map((d) => [n, d]));

/** Runs the code over rows of dividend, divisor and what it puts behind them. */
function run(arch: Arch, source: string, pairs: readonly bigint[][], engine: "jit" | "interpreter") {
  const space = createSpace()!, size = (pairs.length * ROW + 0xfff) & ~0xfff;
  const cpu = arch.createCpu(space, { syscall: () => 1, call: () => 1 }, { engine });
  space.map({ address: CODE, length: 0x1000, prot: READ | WRITE | EXEC, fixed: "replace" });
  space.map({ address: DATA, length: size, prot: READ | WRITE, fixed: "replace" });
  space.write(CODE, arch.assemble!(source, CODE));
  const rows = new BigInt64Array(pairs.flatMap(([n, d]) => [n, d, 0n, 0n, 0n, 0n, 0n, 0n]));
  space.write(DATA, new Uint8Array(rows.buffer));
  cpu.frame.setNum(arch.pc, CODE);
  let trap = cpu.run(1e6);
  for (let i = 0; (trap.cause === "budget" || trap.cause === "interrupt") && i < 100; i++) {
    trap = cpu.run(1e6);
  }
  return { trap: { ...trap }, rows: new BigInt64Array(space.bytes(DATA, pairs.length * ROW).slice().buffer) };
}

/** Quotient and remainder of the widths, signed and not. */
function divided(bits: number, signed: boolean, n: bigint, d: bigint): [bigint, bigint] {
  const cut = (v: bigint) => signed ? BigInt.asIntN(bits, v) : BigInt.asUintN(bits, v),
    a = cut(n),
    b = cut(d);
  return [BigInt.asUintN(bits, a / b), BigInt.asUintN(bits, a % b)].map((v) => BigInt.asIntN(64, v)) as [
    bigint,
    bigint,
  ];
}
const zero = (bits: number, d: bigint) => BigInt.asUintN(bits, d) === 0n;
const overflows = (bits: number, n: bigint, d: bigint) =>
  BigInt.asIntN(bits, n) === -(1n << BigInt(bits - 1)) && BigInt.asIntN(bits, d) === -1n;

for (const engine of ["interpreter", "jit"] as const) {
  Deno.test(`aarch64 divides as arithmetic does, by 0 to 0: ${engine}`, () => {
    const { trap, rows } = run(
      aarch64,
      `
        mov x1, #${DATA & 0xffff}
        movk x1, #${DATA >>> 16}, lsl #16
        mov w2, #${PAIRS.length}
      loop: ldp x3, x4, [x1]
        udiv x5, x3, x4
        sdiv x6, x3, x4
        stp x5, x6, [x1, #16]
        udiv w5, w3, w4
        sdiv w6, w3, w4
        stp x5, x6, [x1, #32]
        add x1, x1, #${ROW}
        subs w2, w2, #1
        b.ne loop
        svc #0`,
      PAIRS,
      engine,
    );
    assertEquals(trap.cause, "syscall");
    for (const [i, [n, d]] of PAIRS.entries()) {
      const wanted = [64, 32].flatMap((bits) =>
        [false, true].map((s) => zero(bits, d) ? 0n : divided(bits, s, n, d)[0])
      );
      assertEquals([...rows.slice(i * 8 + 2, i * 8 + 6)], wanted, `${n} / ${d}`);
    }
  });

  for (const bits of [64, 32]) {
    for (const signed of [false, true]) {
      const [rax, rdx, r8] = bits === 64 ? ["rax", "rdx", "r8"] : ["eax", "edx", "r8d"];
      const extend = signed ? (bits === 64 ? "cqo" : "cdq") : "xor edx, edx",
        div = `${signed ? "idiv" : "div"} ${r8}`;
      const wrong = (n: bigint, d: bigint) => zero(bits, d) || (signed && overflows(bits, n, d));

      Deno.test(`x86-64 divides as arithmetic does: ${div}, ${engine}`, () => {
        const pairs = PAIRS.filter(([n, d]) => !wrong(n, d));
        const { trap, rows } = run(
          x86_64,
          `
          mov rsi, ${DATA}
          mov ecx, ${pairs.length}
          loop:
          mov ${rax}, [rsi]
          mov ${r8}, [rsi+8]
          ${extend}
          ${div}
          mov [rsi+16], rax
          mov [rsi+24], rdx
          add rsi, ${ROW}
          dec ecx
          jne loop
          syscall`,
          pairs,
          engine,
        );
        assertEquals(trap.cause, "syscall");
        for (const [i, [n, d]] of pairs.entries()) {
          assertEquals([...rows.slice(i * 8 + 2, i * 8 + 4)], divided(bits, signed, n, d), `${n} / ${d}`);
        }
      });

      Deno.test(`x86-64 raises what does not fit: ${div}, ${engine}`, () => {
        const least = -(1n << BigInt(bits - 1));
        // High half, low half, divisor.
        const cases: [bigint, bigint, bigint][] = [[0n, 5n, 0n], [1n, 0n, 1n], [7n, 0n, 7n]];
        if (signed) cases.push([-1n, least, -1n], [0n, least, 1n], [1n, 0n, -1n]);
        for (const [high, low, d] of cases) {
          const { trap } = run(
            x86_64,
            `
            mov rsi, ${DATA}
            mov ecx, 3000
            mov ${r8}, 3
            loop:
            mov ${rax}, [rsi]
            ${extend}
            cmp ecx, 1
            jne usual
            mov ${rdx}, [rsi+${ROW}]
            mov ${r8}, [rsi+8]
            usual:
            ${div}
            dec ecx
            jne loop
            syscall`,
            [[low, d], [high, 0n]],
            engine,
          );
          assertEquals([trap.cause, trap.vector], ["divide", 0], `${high}:${low} / ${d}`);
        }
      });
    }
  }
}
