/** Every operation against the host's CPU, through testdata/host.c. */
// cold: a test
import { makeDriver, OPERATIONS, RESULT, VECTOR } from "./testdata/driver.ts";
import { vectors } from "./testdata/vectors.ts";

const host = buildHost();
const count = Number(Deno.env.get("SOFTFLOAT_VECTORS") ?? 20000),
  seed = Number(Deno.env.get("SOFTFLOAT_SEED") ?? 1);

/** Compiles host.c; undefined on another CPU or without a compiler. */
function buildHost(): string | undefined {
  if (Deno.build.arch !== "x86_64" || Deno.build.os !== "linux") return;
  const path = `${Deno.makeTempDirSync({ prefix: "guise-softfloat-" })}/host`;
  const source = new URL("./testdata/host.c", import.meta.url).pathname;
  try {
    const r = new Deno.Command("cc", { args: ["-O1", "-mfma", "-msse4.1", "-o", path, source] }).outputSync();
    return r.success ? path : undefined;
  } catch {
    return;
  }
}

async function hostResults(input: Uint8Array): Promise<Uint8Array> {
  const child = new Deno.Command(host!, { stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const done = writer.write(input).then(() => writer.close());
  const { stdout } = await child.output();
  await done;
  return stdout;
}

const hex = (b: Uint8Array) => [...b].map((x) => x.toString(16).padStart(2, "0")).reverse().join("");

/** The host has one of Intel's processors. tests/tools/vendor.ts knows it too, but nobody imports tests/ from here. */
const intel = host !== undefined &&
  new Deno.Command("grep", { args: ["-q", "GenuineIntel", "/proc/cpuinfo"] }).outputSync().success;

/** What Intel's processors do otherwise than AMD's, which we follow: in both cases theirs do not tell of underflow where ours do. */
function openOnIntel(op: number, v: DataView, got: DataView, want: DataView): boolean {
  const UE = 0x10, C1 = 0x200, SMALLEST = 1n << 63n;
  const number = (v: DataView, at = 0) => ({ sig: v.getBigUint64(at, true), se: v.getUint16(at + 8, true) });
  const ours = got.getUint32(16, true), theirs = want.getUint32(16, true);
  if (!(ours & UE) || theirs & UE || (ours ^ theirs) & ~(UE | C1)) return false;
  const a = number(v, 8), b = number(v, 24), g = number(got), w = number(want);
  const masked = (v.getUint32(4, true) & UE) !== 0, sign = w.se & 0x8000;
  // fprem and fprem1 by infinity and fscale by zero give ST(0) (SDM volume 2, the tables of their results). A denormal one they give too
  // when UE is unmasked; AMD's give it scaled by 2^24576.
  const infinite = (b.se & 0x7fff) === 0x7fff && b.sig === SMALLEST,
    zero = (b.se & 0x7fff) === 0 && b.sig === 0n;
  if ((op === 17 || op === 18) && infinite || op === 19 && zero) {
    const zeros = 64 - a.sig.toString(2).length;
    return !masked && w.sig === a.sig && w.se === a.se && g.sig === a.sig << BigInt(zeros) &&
      g.se === a.se + 0x6001 - zeros;
  }
  // Transcendental: the last place may differ (SDM volume 1, 8.3.10), and of two neighbours only ours is below the normal numbers. So far
  // fsin of the smallest normal number and fpatan with a quotient just below it, both rounded towards zero.
  return (op === 27 || op === 28) && w.sig === SMALLEST && w.se === sign + 1 &&
    g.sig === (masked ? SMALLEST - 1n : 2n * SMALLEST - 1n) && g.se === (masked ? sign : sign + 0x6000);
}

/** Parts that count: with an exception of IE, DE, ZE unmasked there is no result, and none is stored for unmasked OE, UE. */
function differs(op: number, v: DataView, got: DataView, want: DataView): boolean {
  const ctl = v.getUint32(4, true);
  let a = got.getUint32(16, true), b = want.getUint32(16, true);
  if (op < 64) {
    const unmasked = a & ~ctl & 0x3f, store = op >= 8 && op <= 12 || op === 16 || op === 21;
    if (unmasked & 7) {
      // Nothing else is seen but what comes before the operation.
      const mask = unmasked & 1 ? 1 : unmasked & 4 ? 4 : 7;
      return (a & mask) !== (b & mask);
    }
    if (op <= 16) a &= 0x23f, b &= 0x23f;
    if (store && unmasked & 0x18) return (a & 0x1f) !== (b & 0x1f);
    if (store && unmasked & 1) return a !== b;
    if (op === 15 || op === 22) a = b = 0;
  }
  if (op >= 23) { // transcendental: the last place may differ, and with it C1
    const at = op === 26 && !(b & 0x400) ? 20 : 0; // fptan has pushed 1
    const number = (v: DataView, from: number) =>
      BigInt(v.getUint16(from + 8, true)) << 63n | v.getBigUint64(from, true) & ~(1n << 63n);
    const ulps = number(got, 0) - number(want, at);
    return (a & ~0x200) !== (b & ~0x200) || ulps > 1n || ulps < -1n;
  }
  if (a !== b) return true;
  const wide = op < 64 && (op <= 5 || op >= 13 && op <= 15 || op >= 17);
  const bytes = wide ? 10 : op === 10 ? 2 : op === 11 || op === 8 ? 4 : op === 21 ? 10 : 8;
  for (let i = 0; i < bytes; i++) if (got.getUint8(i) !== want.getUint8(i)) return true;
  if (op === 20) { for (let i = 20; i < 30; i++) if (got.getUint8(i) !== want.getUint8(i)) return true; }
  return false;
}

const run = makeDriver();
for (const [key, [name]] of Object.entries(OPERATIONS)) {
  const op = Number(key);
  Deno.test({
    name: `${name} gives the host's result and flags when drawn from corners`,
    ignore: !host,
    async fn() {
      const input = vectors(op, count, seed), got = run(op, input), want = await hostResults(input);
      const bad: string[] = [];
      for (let i = 0; i < count; i++) {
        const at = i * RESULT, v = new DataView(input.buffer, i * VECTOR, VECTOR);
        const g = new DataView(got.buffer, at, RESULT),
          w = new DataView(want.buffer, want.byteOffset + at, RESULT);
        // An empty destination keeps what the store would not write.
        if (!differs(op, v, g, w) || intel && openOnIntel(op, v, g, w)) continue;
        const part = (b: Uint8Array, from: number, n: number) => hex(b.slice(from, from + n));
        bad.push(
          `ctl ${v.getUint32(4, true).toString(16)} a ${part(input, i * VECTOR + 8, 10)} b ${
            part(input, i * VECTOR + 24, 10)
          } c ${part(input, i * VECTOR + 40, 8)}\n     got ${part(got, at, 10)} flags ${
            g.getUint32(16, true).toString(16)
          } ${part(got, at + 20, 10)}\n    want ${part(want, at, 10)} flags ${
            w.getUint32(16, true).toString(16)
          } ${part(want, at + 20, 10)}`,
        );
      }
      if (bad.length) throw new Error(`${bad.length} of ${count} differ:\n${bad.slice(0, 8).join("\n")}`);
    },
  });
}
