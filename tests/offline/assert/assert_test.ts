import * as a from "@std/assert";
import { assertEquals, AssertionError, assertRejects, assertThrows, equal } from "@std/assert";

const fails = (fn: () => unknown, includes?: string) => assertThrows(fn, AssertionError, includes);

Deno.test("equal compares deeply", () => {
  const loop: Record<string, unknown> = { a: 1 };
  loop.self = loop;
  const loop2: Record<string, unknown> = { a: 1 };
  loop2.self = loop2;
  const yes: [unknown, unknown][] = [
    [NaN, NaN],
    [0, -0],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
    [new Float64Array([NaN]), new Float64Array([NaN])],
    [new Set([1, 2]), new Set([2, 1])],
    [new Map([[{ k: 1 }, [1]]]), new Map([[{ k: 1 }, [1]]])],
    [new Date(5), new Date(5)],
    [/a/g, /a/g],
    [new URL("http://a/b"), new URL("http://a/b")],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [new Uint8Array([1]).buffer, new Uint8Array([1]).buffer],
    [loop, loop2],
    [1n, 1n],
  ];
  for (const [i, [x, y]] of yes.entries()) a.assert(equal(x, y), `pair ${i} is equal`);
  class A {
    constructor(public x = 1) {}
  }
  const no: [unknown, unknown][] = [
    [1, "1"],
    [1, 1n],
    [null, undefined],
    [{ a: undefined }, {}],
    [{ a: undefined }, { b: undefined }],
    [[1, , 2], [1, undefined, 2]],
    [new A(), { x: 1 }],
    [new A(1), new A(2)],
    [new Uint8Array([1]), new Uint8Array([2])],
    [new Uint8Array([1]), [1]],
    [new Set([1]), new Set([2])],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [/a/, /a/g],
    [{}, []],
    [() => 1, () => 1],
  ];
  for (const [i, [x, y]] of no.entries()) a.assertFalse(equal(x, y), `pair ${i} differs`);
  assertThrows(() => equal(new WeakMap(), new WeakMap()), TypeError);
});

Deno.test("assertEquals shows what differs", () => {
  const error = assertThrows(
    () => assertEquals({ a: 1, b: [1, 2] }, { a: 1, b: [1, 3] }, "why"),
    AssertionError,
  );
  a.assertStringIncludes(error.message, "Values are not equal: why\n");
  a.assertMatch(error.message, /^-\s+2/m);
  a.assertMatch(error.message, /^\+\s+3/m);
  a.assertNotMatch(error.message, /^[-+]\s+a: 1/m);
});

Deno.test("assertEquals of long values that differ everywhere returns soon", () => {
  const lines = (c: string) => Array.from({ length: 20_000 }, (_, i) => `${c}${i}`);
  fails(() => assertEquals(lines("a"), lines("b")));
});

Deno.test("each assertion holds and fails", () => {
  a.assert(1);
  fails(() => a.assert(0, "zero"), "zero");
  a.assertNotEquals([1], [2]);
  fails(() => a.assertNotEquals([1], [1]));
  const o = {};
  a.assertStrictEquals(o, o);
  fails(() => a.assertStrictEquals({}, {}), "reference-equal");
  fails(() => a.assertStrictEquals(0, -0), "strictly");
  a.assertNotStrictEquals({}, {});
  fails(() => a.assertNotStrictEquals(1, 1));
  a.assertAlmostEquals(0.1 + 0.2, 0.3);
  fails(() => a.assertAlmostEquals(1, 1.1, 0.01));
  a.assertExists(0);
  fails(() => a.assertExists(null));
  a.assertInstanceOf(new Date(), Date);
  fails(() => a.assertInstanceOf(1, Date));
  a.assertStringIncludes("abc", "b");
  fails(() => a.assertStringIncludes("abc", "x"), 'Expected actual: "abc" to contain: "x".');
  a.assertArrayIncludes([1, { a: 2 }], [{ a: 2 }]);
  fails(() => a.assertArrayIncludes([1], [2]), "missing");
  a.assertMatch("abc", /b/);
  fails(() => a.assertMatch("abc", /x/));
  a.assertObjectMatch({ a: 1, b: { c: 2, d: [1, { e: 3, f: 4 }] } }, { b: { d: [1, { e: 3 }] } });
  fails(() => a.assertObjectMatch({ a: 1 }, { a: 2 }));
  fails(() => a.assertObjectMatch({ a: 1 }, { b: 1 }));
  a.assertGreater(2, 1), a.assertGreaterOrEqual(2, 2), a.assertLess(1, 2), a.assertLessOrEqual(2n, 2n);
  fails(() => a.assertGreater(1, 1)), fails(() => a.assertLess(1, 1));
  fails(() => a.assertGreaterOrEqual(1, 2)), fails(() => a.assertLessOrEqual(2, 1));
  fails(() => a.fail("x"), "Failed assertion: x");
  fails(() => a.unreachable("here"), "here");
  fails(() => a.unimplemented(), "Unimplemented.");
});

Deno.test("assertThrows and assertRejects look at class and message", async () => {
  const thrown = assertThrows(
    () => {
      throw new RangeError("too far");
    },
    RangeError,
    "far",
  );
  a.assertInstanceOf(thrown, RangeError);
  fails(() =>
    assertThrows(() => {
      throw new RangeError("x");
    }, TypeError), "instance of");
  fails(() => assertThrows(() => 1), "Expected function to throw.");
  a.assertStrictEquals(
    assertThrows(() => {
      throw 5;
    }),
    5,
  );
  const reason = await assertRejects(() => Promise.reject(new TypeError("no")), TypeError, "no");
  a.assertInstanceOf(reason, TypeError);
  await assertRejects(() => assertRejects(() => Promise.resolve(1)), AssertionError, "to reject");
  await assertRejects(
    () =>
      assertRejects(() => {
        throw new Error("sync");
      }),
    AssertionError,
    "Function throws",
  );
});
