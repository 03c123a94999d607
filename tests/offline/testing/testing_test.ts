import { assert, assertEquals, AssertionError, assertRejects, assertThrows } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import {
  assertSpyCall,
  assertSpyCallArg,
  assertSpyCallArgs,
  assertSpyCallAsync,
  assertSpyCalls,
  MockError,
  resolvesNext,
  returnsNext,
  spy,
  stub,
} from "@std/testing/mock";
import { FakeTime, TimeError } from "@std/testing/time";

const log: string[] = [];

describe("describe", () => {
  beforeAll(() => void log.push("all"));
  beforeEach(() => void log.push("outer"));
  afterEach(() => void log.push("/outer"));
  afterAll(() => void log.push("/all"));
  it("runs a case between the hooks", () => void log.push("one"));
  describe("within describe", () => {
    beforeEach(() => void log.push("inner"));
    afterEach(() => void log.push("/inner"));
    it("has both groups' hooks", () => void log.push("two"));
    it.ignore("can be ignored", () => {
      throw new Error("ran");
    });
  });
});

it("outside describe is a test of its own", () => {
  const expected = "all outer one /outer outer inner two /inner /outer /all";
  assertEquals(log.join(" "), expected);
});

Deno.test("spy records calls of functions and methods", () => {
  const add = spy((a: number, b: number) => a + b);
  assertEquals(add(1, 2), 3);
  assertSpyCall(add, 0, { args: [1, 2], returned: 3 });
  assertSpyCalls(add, 1);
  assertEquals(assertSpyCallArg(add, 0, 1, 2), 2);
  assertSpyCallArgs(add, 0, [1, 2]);
  assertThrows(() => assertSpyCalls(add, 2), AssertionError, "spy not called as much as expected");
  assertThrows(() => assertSpyCall(add, 0, { args: [2, 2] }), AssertionError, "expected args");
  assertThrows(() => add.restore(), MockError);
  const o = { n: 1, get: () => 5 };
  {
    using get = spy(o, "get");
    assertEquals(o.get(), 5);
    assertSpyCall(get, 0, { self: o, returned: 5 });
    assertThrows(() => spy(o, "get"), MockError, "already");
  }
  assert(!("calls" in o.get));
  const bad = spy(() => {
    throw new RangeError("x");
  });
  assertThrows(bad, RangeError);
  assertSpyCall(bad, 0, { error: { Class: RangeError, msgIncludes: "x" } });
});

Deno.test("stub replaces a method until it is restored", async () => {
  const o = { get: (_n: number): number => 1, later: (): Promise<number> => Promise.resolve(1) };
  const get = stub(o, "get", returnsNext([5, 6]));
  assertEquals([o.get(1), o.get(2)], [5, 6]);
  assertThrows(() => o.get(3), MockError, "more than 2 times");
  get.restore();
  assertEquals(o.get(1), 1);
  assertThrows(() => get.restore(), MockError, "already restored");
  using later = stub(o, "later", resolvesNext([7, new Error("no")]));
  assertEquals(await o.later(), 7);
  await assertRejects(() => o.later(), Error, "no");
  await assertSpyCallAsync(later, 0, { returned: 7 });
  await assertSpyCallAsync(later, 1, { error: { msgIncludes: "no" } });
});

Deno.test("FakeTime moves only by tick", async () => {
  const before = Date.now();
  {
    using time = new FakeTime(1000);
    const seen: unknown[] = [];
    setTimeout((x: string) => seen.push(x, Date.now()), 50, "late");
    const id = setInterval(() => seen.push(Date.now()), 20);
    setTimeout(() => seen.push("never"), 10_000);
    assertEquals([Date.now(), new Date().getTime(), new Date(5).getTime()], [1000, 1000, 5]);
    time.tick(60);
    assertEquals(seen, [1020, 1040, "late", 1050, 1060]);
    clearInterval(id);
    await time.tickAsync(100);
    assertEquals([seen.length, time.now, time.start], [5, 1160, 1000]);
    assert(time.next());
    assertEquals(seen.at(-1), "never");
    assert(!time.next());
    assertThrows(() => new FakeTime(), TimeError);
    assert(await FakeTime.restoreFor(() => Date.now()) >= before);
  }
  assert(Date.now() >= before);
  assertThrows(() => FakeTime.restore(), TimeError);
});
