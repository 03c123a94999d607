/** Conversions between mm and xmm registers (SSE, SSE2). */
import {
  DOUBLE,
  floatFromInteger,
  floatToInteger,
  type Format,
  i32,
  type I64,
  type Late,
  late,
  type Machine,
  type Operand,
  SINGLE,
  type Value,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { STATE } from "../state.ts";
import { enterMmx, writeMm } from "./mmx_common.ts";
import { wait } from "./x87_common.ts";

/** Enters exception flags into MXCSR; an unmasked one traps before any result. */
function sseFlags(m: Machine, flags: Value<"i32">): void {
  const { f } = m, csr = f.let(m.state("i32.load", STATE.mxcsr)), raised = f.let(flags);
  // An unmasked IE, DE or ZE comes before the operation: nothing later is seen.
  f.if(raised.and(csr.shrU(7).not()).and(7), () => f.set(raised, raised.and(7)));
  m.setState("i32.store", STATE.mxcsr, csr.or(raised));
  f.if(raised.and(csr.shrU(7).not()).and(0x3f), () => m.raise("float", 19));
}

/** Two integers to two floats. */
const fromIntegers = (format: Format) => (m: Machine, dst: Operand, src: Operand) => {
  const { f } = m, csr = f.let(m.state("i32.load", STATE.mxcsr)), bytes = format.bits >> 3;
  if (src.place !== "mem") wait(m), enterMmx(m); // a memory source leaves the x87 state alone (so does the host's CPU)
  const flags = f.let(i32(0)), more = f.local("i32");
  const results = [0, 4].map((at) => {
    const bits = f.local(format.type);
    f.do(floatFromInteger(m, format), [src.load("i64.load32_s", at), csr], bits, more);
    f.set(flags, flags.or(more));
    return bits;
  });
  sseFlags(m, flags);
  results.forEach((r, i) =>
    format === SINGLE
      ? dst.store("i32.store", r as never, i * bytes)
      : dst.store("i64.store", r as never, i * bytes)
  );
};
/** Two floats to two integers. */
const toIntegers = (format: Format, truncate: boolean) => (m: Machine, dst: Operand, src: Operand) => {
  const { f } = m, csr = f.let(m.state("i32.load", STATE.mxcsr));
  if (format === DOUBLE && src.place === "mem") {
    f.if(src.address.wrap().and(15), () => m.raise("protection", 13));
  }
  enterMmx(m);
  const flags = f.let(i32(0)), more = f.local("i32"), mode = truncate ? i32(3) : csr.shrU(13).and(3);
  const results = [0, 1].map((n) => {
    const v = f.local("i64");
    const bits = format === SINGLE ? src.load("i32.load", n * 4) : src.load("i64.load", n * 8);
    f.do(floatToInteger(m, format, 32), [bits, csr, mode], v, more);
    f.set(flags, flags.or(more));
    return v as I64;
  });
  sseFlags(m, flags);
  writeMm(dst, results[0].and(0xffffffff).or(results[1].shl(32)));
};

const sse = { feature: "sse", traps: true }, sse2 = { feature: "sse2", traps: true }, before = wait;

// deno-fmt-ignore
export const mmxConversions: Late<Declaration> = late(() => [
  x86("NP 0F 2A /r", "cvtpi2ps",  [rw(e.xmm), e.mm_m64], fromIntegers(SINGLE), sse),
  x86("66 0F 2A /r", "cvtpi2pd",  [w(e.xmm), e.mm_m64], fromIntegers(DOUBLE), sse2),
  x86("NP 0F 2C /r", "cvttps2pi", [w(e.mm), e.xmm_m64], toIntegers(SINGLE, true), { ...sse, before }),
  x86("NP 0F 2D /r", "cvtps2pi",  [w(e.mm), e.xmm_m64], toIntegers(SINGLE, false), { ...sse, before }),
  x86("66 0F 2C /r", "cvttpd2pi", [w(e.mm), e.xmm_m128], toIntegers(DOUBLE, true), { ...sse2, before }),
  x86("66 0F 2D /r", "cvtpd2pi",  [w(e.mm), e.xmm_m128], toIntegers(DOUBLE, false), { ...sse2, before }),
]);
