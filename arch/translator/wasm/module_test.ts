import { assertEquals, assertThrows } from "@std/assert";
import { f64, i32, i64, lane, lanes32, type Local, Module, select, simd, type Value, Writer } from "./mod.ts";

/** A module with one exported function `f` over a 32-bit memory. */
function make(
  params: ("i32" | "i64" | "f64")[],
  result: "i32" | "i64" | "f64",
  body: Parameters<Module["func"]>[2],
) {
  const m = new Module();
  m.importMemory("e", "m", { min: 1 });
  m.export("f", m.func(params, [result], body));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.bytes()), {
    e: { m: new WebAssembly.Memory({ initial: 1 }) },
  });
  return instance.exports.f as (...args: unknown[]) => unknown;
}

Deno.test("Writer encodes integers as LEB128", () => {
  const w = new Writer(1), take = (write: () => void) => (w.reset(), write(), [...w.take()]);
  assertEquals(take(() => w.u(624485)), [0xe5, 0x8e, 0x26]);
  assertEquals(take(() => w.s(-123456)), [0xc0, 0xbb, 0x78]);
  assertEquals(take(() => w.s(63)), [63]);
  assertEquals(take(() => w.s(64)), [0xc0, 0]);
  assertEquals(take(() => w.s(-64)), [0x40]);
  assertEquals(take(() => w.big(-1n)), [0x7f]);
  assertEquals(take(() => w.u(2 ** 40)), [128, 128, 128, 128, 128, 32]);
});

Deno.test("functions have loops, conditions, switches and memory", () => {
  const f = make(["i32"], "i32", (f) => {
    const n = f.param(0, "i32"), sum = f.let(i32(0));
    f.while(() => n.gtS(0), (leave) => {
      f.brIf(leave, sum.gtS(1000));
      f.switch(
        n.and(3),
        [() => f.set(sum, sum.add(1)), () => f.set(sum, sum.add(n))],
        () => f.set(sum, sum.add(10)),
      );
      f.set(n, n.sub(1));
    });
    f.return(sum);
  });
  let expected = 0;
  for (let n = 20; n > 0; n--) expected += (n & 3) === 0 ? 1 : (n & 3) === 1 ? n : 10;
  assertEquals(f(20), expected);
});

Deno.test("i64 constants keep all their bits", () => {
  for (const v of [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 0x123456789abcdef0n]) {
    assertEquals(make([], "i64", (f) => f.return(i64(v)))(), v);
  }
  assertEquals(make([], "i64", (f) => f.return(i64(-(2 ** 40))))(), BigInt(-(2 ** 40)));
});

Deno.test("a vector is added lane by lane", () => {
  const f = make(["i32"], "i32", (f) => {
    const sum = simd("i32x4.add", lanes32(1, 2, 3, -4), simd("i32x4.splat", f.param(0, "i32")));
    f.return(lane("i32x4.extract_lane", sum, 3));
  });
  assertEquals(f(10), 6);
});

Deno.test("select and floats work together", () => {
  const f = make(["f64"], "f64", (f) => {
    const x = f.param(0, "f64");
    f.return(select(x.lt(0), x.neg().sqrt(), f64(0.5)));
  });
  assertEquals([f(-9), f(1)], [3, 0.5]);
});

Deno.test("locals of a scope are used again after it", () => {
  const seen: number[] = [];
  make(["i32"], "i32", (f) => {
    for (let i = 0; i < 3; i++) {
      f.scope(() => {
        const a = f.let(i32(i)), b: Local<"i64"> = f.let(i64(i));
        seen.push(a.index, b.index);
      });
    }
    f.return(f.param(0, "i32"));
  });
  assertEquals(seen, [1, 2, 1, 2, 1, 2]);
});

Deno.test("types that do not fit are told when the code is made", () => {
  assertThrows(() => i32(1).add(i64(1) as unknown as Value<"i32">), Error, "expected i32, got i64");
  assertThrows(() => i32(1).sqrt(), Error, "i32 has no operation sqrt");
});
