/** SSE to SSE4.2 by name; tests/fuzz compares them with the host's CPU at random. */
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { assemble } from "../assemble.ts";
import { useDeclarations } from "../built.ts";
import { CODE, DATA, machine } from "../fake_space.ts";
import { REG } from "../registers.ts";
import { STATE } from "../state.ts";

useDeclarations();

interface Setup {
  /** Vectors by number, as 128 bits in hexadecimal. */
  readonly xmm?: Record<number, string>;
  readonly mxcsr?: number;
  readonly rax?: number;
  readonly rdx?: number;
  /** Bytes at DATA. */
  readonly data?: ArrayLike<number>;
}

/** Runs to the final hlt, or to a trap before it. */
function run(source: string, setup: Setup = {}) {
  const { cpu, space } = machine(assemble(source + "\nhlt", CODE));
  const { state, frame } = cpu;
  for (const [n, text] of Object.entries(setup.xmm ?? {})) {
    const digits = text.replaceAll(" ", "").padStart(32, "0"), at = STATE.xmm + 16 * Number(n);
    for (let i = 0; i < 16; i++) state.setUint8(at + 15 - i, parseInt(digits.slice(2 * i, 2 * i + 2), 16));
  }
  state.setUint32(STATE.mxcsr, setup.mxcsr ?? 0x1f80, true);
  frame.setNum(REG.rax, setup.rax ?? 0), frame.setNum(REG.rdx, setup.rdx ?? 0);
  if (setup.data) space.write(DATA, setup.data);
  const trap = cpu.run(1_000_000), pc = frame.num(REG.rip) - CODE;
  const word = (at: number) => state.getUint32(at, true).toString(16).padStart(8, "0");
  return {
    cause: trap.cause,
    vector: trap.vector,
    pc,
    frame,
    mxcsr: state.getUint32(STATE.mxcsr, true),
    /** A vector: four groups of 32 bits, highest first. */
    xmm: (n: number) => [12, 8, 4, 0].map((o) => word(STATE.xmm + 16 * n + o)).join(" "),
    /** The low 64 bits. */
    low: (n: number) => word(STATE.xmm + 16 * n + 4) + word(STATE.xmm + 16 * n),
    flags: frame.lo(REG.rflags) & 0x8d5,
    memory: new Uint8Array(space.memory.buffer, DATA - BIAS, 64),
  };
}
const bits64 = (v: number) => new BigUint64Array(Float64Array.of(v).buffer)[0].toString(16).padStart(16, "0");
const bits32 = (v: number) => new Uint32Array(Float32Array.of(v).buffer)[0].toString(16).padStart(8, "0");

const IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32, DEFAULT = 0x1f80;

Deno.test("a 16-byte operand must be aligned, but for the instructions that say not", () => {
  for (
    const source of [
      "movaps xmm0, [rdi]",
      "paddd xmm1, [rdi]",
      "addps xmm1, [rdi]",
      "pshufd xmm1, [rdi], 0",
      "movntdq [rdi], xmm1",
    ]
  ) {
    const odd = run(`mov edi, ${DATA + 8}\n${source.replace("[", "xmmword ptr [")}`);
    assertEquals([odd.cause, odd.vector, odd.pc], ["protection", 13, 5], source);
    assertEquals(run(`mov edi, ${DATA + 16}\n${source.replace("[", "xmmword ptr [")}`).pc > 5, true, source);
  }
  for (
    const source of [
      "movups xmm0, [rdi]",
      "movdqu [rdi], xmm0",
      "lddqu xmm0, [rdi]",
      "pcmpistri xmm0, [rdi], 0",
    ]
  ) {
    assertEquals(run(`mov edi, ${DATA + 1}\n${source.replace("[", "xmmword ptr [")}`).pc > 5, true, source);
  }
});

Deno.test("scalar moves clear the rest when they load and keep it between registers", () => {
  const xmm = { 0: "11111111 22222222 33333333 44444444", 1: "aaaaaaaa bbbbbbbb cccccccc dddddddd" };
  const data = [1, 2, 3, 4, 5, 6, 7, 8];
  assertEquals(run("movss xmm0, xmm1", { xmm }).xmm(0), "11111111 22222222 33333333 dddddddd");
  assertEquals(run("movsd xmm0, xmm1", { xmm }).xmm(0), "11111111 22222222 cccccccc dddddddd");
  assertEquals(run("movq xmm0, xmm1", { xmm }).xmm(0), "00000000 00000000 cccccccc dddddddd");
  assertEquals(
    run(`movss xmm0, dword ptr [${DATA}]`, { xmm, data }).xmm(0),
    "00000000 00000000 00000000 04030201",
  );
  assertEquals(
    run(`movsd xmm0, qword ptr [${DATA}]`, { xmm, data }).xmm(0),
    "00000000 00000000 08070605 04030201",
  );
  assertEquals(
    run(`movhps xmm0, qword ptr [${DATA}]`, { xmm, data }).xmm(0),
    "08070605 04030201 33333333 44444444",
  );
});

Deno.test("maskmovdqu writes only the bytes whose mask byte is negative", () => {
  const { memory } = run(`mov edi, ${DATA + 3}\nmaskmovdqu xmm0, xmm1`, {
    xmm: { 0: "0f0e0d0c 0b0a0908 07060504 03020100", 1: "80000000 00000000 00008000 000000ff" },
    data: new Uint8Array(20).fill(9),
  });
  assertEquals([...memory.subarray(0, 20)], [9, 9, 9, 0, 9, 9, 9, 9, 5, 9, 9, 9, 9, 9, 9, 9, 9, 9, 15, 9]);
});

Deno.test("shifts give zeros or signs when the 64-bit count is beyond the lane", () => {
  const xmm = { 0: "80000001 80000001 80000001 80000001", 1: "00000000 00000000 00000001 00000000" };
  assertEquals(run("pslld xmm0, xmm1", { xmm }).xmm(0), "00000000 00000000 00000000 00000000");
  assertEquals(run("psrad xmm0, xmm1", { xmm }).xmm(0), "ffffffff ffffffff ffffffff ffffffff");
  assertEquals(run("psrad xmm0, 200", { xmm }).xmm(0), "ffffffff ffffffff ffffffff ffffffff");
  assertEquals(run("psrldq xmm0, 16", { xmm }).xmm(0), "00000000 00000000 00000000 00000000");
});

Deno.test("palignr, pshufb and pshufd take bytes from where they should when the immediate varies", () => {
  const xmm = { 0: "1f1e1d1c 1b1a1918 17161514 13121110", 1: "0f0e0d0c 0b0a0908 07060504 03020100" };
  assertEquals(run("palignr xmm0, xmm1, 5", { xmm }).xmm(0), "14131211 100f0e0d 0c0b0a09 08070605");
  assertEquals(run("palignr xmm0, xmm1, 27", { xmm }).xmm(0), "00000000 00000000 0000001f 1e1d1c1b");
  assertEquals(run("palignr xmm0, xmm1, 32", { xmm }).xmm(0), "00000000 00000000 00000000 00000000");
  assertEquals(run("pshufd xmm0, xmm1, 0x1b", { xmm }).xmm(0), "03020100 07060504 0b0a0908 0f0e0d0c");
  const pick = { ...xmm, 1: "80ff7f10 0f010203 00000000 00000000" };
  assertEquals(run("pshufb xmm0, xmm1", { xmm: pick }).xmm(0), "00001f10 1f111213 10101010 10101010");
});

Deno.test("pmulhrsw does not saturate and pmaddubsw does", () => {
  const same = { 0: "80008000 80008000 80008000 80008000", 1: "80008000 80008000 80008000 80008000" };
  assertEquals(run("pmulhrsw xmm0, xmm1", { xmm: same }).xmm(0), "80008000 80008000 80008000 80008000");
  const most = { 0: "ffffffff ffffffff ffffffff ffffffff", 1: "7f7f7f7f 7f7f7f7f 80808080 80808080" };
  assertEquals(run("pmaddubsw xmm0, xmm1", { xmm: most }).xmm(0), "7fff7fff 7fff7fff 80008000 80008000");
});

Deno.test("pcmpistri finds the first difference of two strings as strcmp uses it (immediate 0x1a)", () => {
  const bytes = (s: string) =>
    [...s.padEnd(16, "\0")].reverse().map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  const compare = (a: string, b: string) => {
    const r = run("pcmpistri xmm0, xmm1, 0x1a", { xmm: { 0: bytes(a), 1: bytes(b) } });
    return [r.frame.num(REG.rcx), r.flags];
  };
  assertEquals(compare("hello", "help"), [3, 0x40 | 0x80 | 1]);
  assertEquals(compare("same", "same"), [16, 0x40 | 0x80]);
  assertEquals(compare("0123456789abcdef", "0123456789abcdef"), [16, 0]);
  assertEquals(compare("x", "y"), [0, 0x40 | 0x80 | 1 | 0x800]);
});

Deno.test("pcmpestri finds a substring and pcmpistrm makes masks", () => {
  const text = { 0: "00".repeat(14) + "6c6c", 1: "00".repeat(11) + "6f6c6c6568" }; // "ll", "hello"
  const r = run("pcmpestri xmm0, xmm1, 0x0c", { xmm: text, rax: 2, rdx: 5 });
  assertEquals([r.frame.num(REG.rcx), r.flags], [2, 1 | 0x40 | 0x80]);
  assertEquals(
    run("pcmpistrm xmm0, xmm1, 0x40", { xmm: text }).xmm(0),
    "00000000 00000000 00000000 ffff0000",
  );
  assertEquals(
    run("pcmpistrm xmm0, xmm1, 0x00", { xmm: text }).xmm(0),
    "00000000 00000000 00000000 0000000c",
  );
});

Deno.test("crc32 of the check string is CRC-32C's check value", () => {
  const data = [..."123456789"].map((c) => c.charCodeAt(0));
  const source = `mov eax, 0xffffffff\ncrc32 rax, qword ptr [${DATA}]\ncrc32 eax, byte ptr [${
    DATA + 8
  }]\nnot eax`;
  assertEquals(run(source, { data }).frame.num(REG.rax), 0xe3069283);
});

Deno.test("an exact result sets no flag and an inexact one sets PE, whether the fast path may be taken or not", () => {
  for (
    const [op, a, b, result, flags] of [
      ["add", 1, 2, 3, 0],
      ["add", 0.1, 0.2, 0.1 + 0.2, PE],
      ["sub", 1, 1, 0, 0],
      ["mul", 3, 7, 21, 0],
      ["mul", 0.1, 10, 1, PE],
      ["mul", 0, 5, 0, 0],
      ["mul", 134217729, 67108865, 134217729 * 67108865, PE], // 54 bits: neither clearly exact nor clearly not
      ["div", 21, 7, 3, 0],
      ["div", 1, 3, 1 / 3, PE],
      ["div", 1, 0, Infinity, ZE],
      ["mul", 1e200, 1e200, Infinity, OE | PE],
      ["mul", 1e-200, 1e-200, 0, UE | PE],
      ["add", 5e-324, 1, 1, DE | PE],
      ["sqrt", 0, 49, 7, 0],
      ["sqrt", 0, 2, Math.SQRT2, PE],
      ["min", 3, -1, -1, 0],
      ["max", 3, -1, 3, 0],
    ] as const
  ) {
    const xmm = { 0: bits64(a), 1: bits64(b) };
    for (const sticky of [0, PE, 0x3f]) {
      const r = run(`${op}sd xmm0, xmm1`, { xmm, mxcsr: DEFAULT | sticky });
      assertEquals([r.low(0), r.mxcsr], [bits64(result), DEFAULT | sticky | flags], `${op} ${a} ${b}`);
      const p = run(`${op}pd xmm0, xmm1`, {
        xmm: { 0: xmm[0] + xmm[0], 1: xmm[1] + xmm[1] },
        mxcsr: DEFAULT | sticky,
      });
      assertEquals([p.xmm(0).replaceAll(" ", ""), p.mxcsr], [
        bits64(result).repeat(2),
        DEFAULT | sticky | flags,
      ], `${op} ${a} ${b}`);
    }
  }
});

Deno.test("the rounding mode of MXCSR decides", () => {
  const third = [0x3fd5555555555555n, 0x3fd5555555555555n, 0x3fd5555555555556n, 0x3fd5555555555555n];
  third.forEach((expected, mode) => {
    const r = run("divsd xmm0, xmm1", {
      xmm: { 0: bits64(1), 1: bits64(3) },
      mxcsr: DEFAULT | mode << 13 | PE,
    });
    assertEquals(r.low(0), expected.toString(16), `mode ${mode}`);
  });
  // x - x is minus zero when rounding down.
  assertEquals(
    run("subsd xmm0, xmm0", { xmm: { 0: bits64(5) }, mxcsr: DEFAULT | 1 << 13 }).low(0),
    bits64(-0),
  );
  for (const [mode, expected] of [[0, 2], [1, 2], [2, 3], [3, 2]]) {
    const r = run("cvtsd2si eax, xmm0", { xmm: { 0: bits64(2.5) }, mxcsr: DEFAULT | mode << 13 });
    assertEquals([r.frame.num(REG.rax), r.mxcsr & PE], [expected, PE]);
  }
});

Deno.test("NaNs: the first operand wins, quieted; an invalid operation gives the negative indefinite", () => {
  const signalling = "7ff0000000000001", quiet = "fff8000000000123";
  const add = (a: string, b: string) => {
    const r = run("addsd xmm0, xmm1", { xmm: { 0: a, 1: b }, mxcsr: DEFAULT | PE });
    return [r.low(0), r.mxcsr & 0x1f];
  };
  assertEquals(add(signalling, quiet), ["7ff8000000000001", IE]);
  assertEquals(add(quiet, signalling), [quiet, IE]);
  assertEquals(add(bits64(1), quiet), [quiet, 0]);
  assertEquals(add(bits64(Infinity), bits64(-Infinity)), ["fff8000000000000", IE]);
  assertEquals(run("sqrtss xmm0, xmm1", { xmm: { 1: bits32(-1) } }).low(0), "00000000ffc00000");
  // minimum and maximum give the second operand when either is a NaN, and between zeros.
  assertEquals(run("minsd xmm0, xmm1", { xmm: { 0: quiet, 1: bits64(1) } }).low(0), bits64(1));
  assertEquals(run("maxsd xmm0, xmm1", { xmm: { 0: bits64(1), 1: signalling } }).low(0), signalling);
  assertEquals(run("minsd xmm0, xmm1", { xmm: { 0: bits64(-0), 1: bits64(0) } }).low(0), bits64(0));
});

Deno.test("DAZ takes denormals for zeros and FTZ gives zeros for them", () => {
  const xmm = { 0: "0010000000000000", 1: bits64(0.5), 2: "000fffffffffffff" };
  const flushed = run("mulsd xmm0, xmm1", { xmm, mxcsr: DEFAULT | 0x8000 });
  assertEquals([flushed.low(0), flushed.mxcsr & 0x3f], [bits64(0), UE | PE]);
  const kept = run("mulsd xmm0, xmm1", { xmm });
  assertEquals([kept.low(0), kept.mxcsr & 0x3f], ["0008000000000000", 0]);
  const zero = run("addsd xmm1, xmm2", { xmm, mxcsr: DEFAULT | 0x40 });
  assertEquals([zero.low(1), zero.mxcsr & 0x3f], [bits64(0.5), 0]);
  assertEquals(run("ucomisd xmm2, xmm3", { xmm, mxcsr: DEFAULT | 0x40 }).flags, 0x40);
});

Deno.test("an unmasked exception is #XM before the result is written, with its flags in MXCSR", () => {
  const xmm = { 0: bits64(1), 1: bits64(0), 2: bits64(3) };
  const zero = run("nop\ndivsd xmm0, xmm1", { xmm, mxcsr: DEFAULT & ~(ZE << 7) });
  assertEquals([zero.cause, zero.vector, zero.pc, zero.low(0)], ["float", 19, 1, bits64(1)]);
  assertEquals(zero.mxcsr & 0x3f, ZE);
  const inexact = run("divsd xmm0, xmm2", { xmm, mxcsr: DEFAULT & ~(PE << 7) | PE });
  assertEquals([inexact.cause, inexact.low(0)], ["float", bits64(1)]);
  // Flags that are already set trap nothing.
  assertEquals(run("addsd xmm0, xmm2", { xmm, mxcsr: DEFAULT & ~(PE << 7) | PE }).cause, "protection");
  // Invalid in one lane: the other lane's rounding is not done.
  const lanes = run("divps xmm0, xmm1", {
    xmm: { 0: "3f800000 00000000 3f800000 3f800000", 1: "40400000 00000000 3f800000 3f800000" },
    mxcsr: DEFAULT & ~(IE << 7),
  });
  assertEquals([lanes.cause, lanes.mxcsr & 0x3f], ["float", IE]);
});

Deno.test("conversions to integers give the indefinite and IE when the value does not fit", () => {
  for (
    const [source, value, expected, flags] of [
      ["cvttsd2si eax, xmm0", bits64(2147483647.9), 0x7fffffff, PE],
      ["cvttsd2si eax, xmm0", bits64(2147483648), 0x80000000, IE],
      ["cvttsd2si eax, xmm0", bits64(-2147483648), 0x80000000, 0],
      ["cvttsd2si eax, xmm0", bits64(-2147483648.9), 0x80000000, PE],
      ["cvttsd2si eax, xmm0", bits64(NaN), 0x80000000, IE],
      ["cvtsd2si eax, xmm0", bits64(2147483647.5), 0x80000000, IE],
      ["cvttss2si eax, xmm0", bits32(-1.5), 0xffffffff, PE],
      ["cvttsd2si rax, xmm0", bits64(2 ** 52), 2 ** 52, 0],
    ] as const
  ) {
    const r = run(source, { xmm: { 0: value } });
    assertEquals([r.frame.num(REG.rax), r.mxcsr & 0x3f], [expected, flags], `${source} ${value}`);
  }
  assertEquals(
    run("cvttsd2si rax, xmm0", { xmm: { 0: bits64(1e19) } }).frame.big(REG.rax),
    0x8000000000000000n,
  );
});

Deno.test("conversions from integers and between formats are rounded once", () => {
  const from = run("mov rax, 0x7fffffffffffffff\ncvtsi2sd xmm0, rax\ncvtsi2ss xmm1, rax");
  assertEquals([from.low(0), from.low(1), from.mxcsr & 0x3f], [
    bits64(2 ** 63),
    "00000000" + bits32(2 ** 63),
    PE,
  ]);
  // To f64 and then to f32 would round twice: 2^60 + 2^36 + 1.
  const once = run("mov rax, 0x1000001000000001\ncvtsi2ss xmm1, rax");
  assertEquals(once.low(1), "000000005d800001");
  const narrow = run("cvtsd2ss xmm0, xmm1", { xmm: { 1: bits64(1e300) } });
  assertEquals([narrow.low(0), narrow.mxcsr & 0x3f], ["000000007f800000", OE | PE]);
  const wide = run("cvtss2sd xmm0, xmm1", { xmm: { 1: "00000001" } });
  assertEquals([wide.low(0), wide.mxcsr & 0x3f], [bits64(2 ** -149), DE]);
});

Deno.test("roundsd keeps the sign of zero and tells PE only when asked", () => {
  for (const [mode, expected] of [[0, -0], [1, -1], [2, -0], [3, -0]]) {
    assertEquals(run(`roundsd xmm0, xmm1, ${mode}`, { xmm: { 1: bits64(-0.5) } }).low(0), bits64(expected));
  }
  assertEquals(run("roundsd xmm0, xmm1, 1", { xmm: { 1: bits64(2.5) } }).mxcsr & 0x3f, PE);
  assertEquals(run("roundsd xmm0, xmm1, 9", { xmm: { 1: bits64(2.5) } }).mxcsr & 0x3f, 0);
});

Deno.test("ucomisd and comisd set ZF PF CF and differ in quiet NaNs", () => {
  const compare = (op: string, a: number, b: number) => {
    const r = run(`${op} xmm0, xmm1`, { xmm: { 0: bits64(a), 1: bits64(b) } });
    return [r.flags, r.mxcsr & 0x3f];
  };
  assertEquals(compare("ucomisd", 1, 2), [1, 0]);
  assertEquals(compare("ucomisd", 2, 1), [0, 0]);
  assertEquals(compare("comisd", 0, -0), [0x40, 0]);
  assertEquals(compare("ucomisd", NaN, 1), [0x45, 0]);
  assertEquals(compare("comisd", 1, NaN), [0x45, IE]);
});

Deno.test("cmpsd has eight predicates, and higher bits of the immediate do not count", () => {
  const values = [[1, 2], [2, 1], [1, 1], [NaN, 1]];
  const expected = ["0010", "1000", "1010", "0001", "1101", "0111", "0101", "1110"];
  expected.forEach((row, predicate) => {
    const got = values.map(([a, b]) => {
      const r = run(`cmpsd xmm0, xmm1, ${predicate | 0x10}`, { xmm: { 0: bits64(a), 1: bits64(b) } });
      return r.low(0) === "f".repeat(16) ? "1" : r.low(0) === "0".repeat(16) ? "0" : "?";
    });
    assertEquals(got.join(""), row, `predicate ${predicate}`);
  });
});

Deno.test("rcpss and rsqrtss stay within the manual's error, and know the special numbers", () => {
  for (let i = 1; i < 200; i++) {
    const x = Math.fround(1.37 ** (i - 100)),
      r = run("rcpss xmm0, xmm2\nrsqrtss xmm1, xmm2", { xmm: { 2: bits32(x) }, mxcsr: 0x7f80 });
    const value = (n: number) => new Float32Array(Uint32Array.of(parseInt(r.low(n).slice(8), 16)).buffer)[0];
    assert(Math.abs(value(0) * x - 1) <= 1.5 * 2 ** -12, `rcp ${x}`);
    assert(Math.abs(value(1) * Math.sqrt(x) - 1) <= 1.5 * 2 ** -12, `rsqrt ${x}`);
    assertEquals(r.mxcsr, 0x7f80);
  }
  const special = (source: string, x: number) => run(source, { xmm: { 1: x.toString(16) } }).low(0).slice(8);
  assertEquals(special("rcpss xmm0, xmm1", 0x80000001), "ff800000"); // denormals are zeros
  assertEquals(special("rcpss xmm0, xmm1", 0x7f000000), "00000000"); // tiny results too
  assertEquals(special("rsqrtss xmm0, xmm1", 0xbf800000), "ffc00000");
  assertEquals(special("rsqrtss xmm0, xmm1", 0x7f800001), "7fc00001");
});

Deno.test("ldmxcsr refuses reserved bits", () => {
  const load = (v: number[]) =>
    run(`ldmxcsr dword ptr [${DATA}]\nstmxcsr dword ptr [${DATA + 4}]`, { data: v });
  const good = load([0xa0, 0x5f, 0, 0]);
  assertEquals([good.mxcsr, [...good.memory.subarray(4, 8)]], [0x5fa0, [0xa0, 0x5f, 0, 0]]);
  const bad = load([0x80, 0x1f, 1, 0]);
  assertEquals([bad.cause, bad.vector, bad.pc, bad.mxcsr], ["protection", 13, 0, DEFAULT]);
});
