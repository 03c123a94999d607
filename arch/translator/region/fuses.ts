/** Does this host round a relaxed multiply-add once? WebAssembly leaves it open; a host does the same everywhere. */
import { f64, lane, Module, simd } from "../wasm/mod.ts";

let answer: boolean | undefined;

export function fuses(): boolean {
  if (answer !== undefined) return answer;
  try {
    const m = new Module(), v = (n: number) => simd("f64x2.splat", f64(n));
    m.export(
      "f",
      m.func(["f64"], ["f64"], (f) => {
        const x = simd("f64x2.splat", f.param(0, "f64"));
        f.return(lane("f64x2.extract_lane", simd("f64x2.relaxed_madd", x, x, v(-1)), 0));
      }),
    );
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.bytes()));
    // (1 + 2^-30)^2 - 1 has its last bit below the product's.
    return answer = (exports.f as (x: number) => number)(1 + 2 ** -30) === 2 ** -29 + 2 ** -60;
  } catch {
    return answer = false;
  }
}
