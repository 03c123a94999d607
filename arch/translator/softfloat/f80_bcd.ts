/** x87's packed decimal: 18 digits in nine bytes and a sign byte. */
// cold: constants of the generated module
import { type FunctionRef, i32, i64, select } from "../wasm/mod.ts";
import { define, IE, type Library } from "./common.ts";
import { f80FromInteger, f80ToInteger } from "./f80_convert.ts";
import { modeOf } from "./f80_round.ts";

/** (high 16 bits, low 64 bits) -> (se, sig). Digits above 9 count as what their bits say. */
export function f80FromBcd(lib: Library): FunctionRef {
  return define(lib, "f80.from.bcd", ["i32", "i64"], ["i32", "i64"], (f, high, low) => {
    const v = f.let(high.shrU(4).and(15).mul(10).add(high.and(15)).extendU()), n = f.let(i32(16));
    f.while(() => n, () => {
      f.set(v, v.mul(10).add(low.shrU(60)));
      f.set(low, low.shl(4));
      f.set(n, n.sub(1));
    });
    const se = f.local("i32"), sig = f.local("i64");
    f.do(f80FromInteger(lib), [v], se, sig);
    f.return(se.or(high.and(0x8000)), sig);
  });
}

/** (se, sig, cw) -> (high 16 bits, low 64 bits, flags with C1). */
export function f80ToBcd(lib: Library): FunctionRef {
  return define(lib, "f80.to.bcd", ["i32", "i64", "i32"], ["i32", "i64", "i32"], (f, se, sig, cw) => {
    const v = f.local("i64"), flags = f.local("i32"), sign = f.let(se.and(0x8000));
    f.do(f80ToInteger(lib), [se, sig, i32(64), modeOf(cw)], v, flags);
    const m = f.let(select(v.ltS(0), i64(0).sub(v), v));
    f.if(
      flags.and(IE).or(m.gtU(999999999999999999n)),
      () => f.return(i32(0xffff), i64(-0x4000000000000000n), i32(IE)),
    );
    const low = f.let(i64(0)), n = f.let(i64(0));
    f.while(() => n.ltU(64), () => {
      f.set(low, low.or(m.remU(10).shl(n)));
      f.set(m, m.divU(10));
      f.set(n, n.add(4));
    });
    f.return(sign.or(m.divU(10).shl(4).or(m.remU(10)).wrap()), low, flags);
  });
}
