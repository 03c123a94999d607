/**
 * Stands in for `@std/testing/mock` 1.0.15: spies record calls, stubs also replace the method. Left out: spies on
 * constructors, mock sessions.
 *
 * @module
 */
import { assertEquals, AssertionError, assertIsError, assertRejects } from "@std/assert";

/** A wrong use of a spy or stub. */
export class MockError extends Error {
  /** Takes the message. */
  constructor(message: string) {
    super(message);
    this.name = "MockError";
  }
}

// deno-lint-ignore no-explicit-any
type Any = any;

/** One call of a spy. */
export interface SpyCall<Self = Any, Args extends unknown[] = Any[], Return = Any> {
  /** The arguments. */
  args: Args;
  /** What it returned. */
  returned?: Return;
  /** What it threw. */
  error?: Error;
  /** `this` of the call. */
  self?: Self;
}

/** A function that records its calls. */
export interface Spy<Self = Any, Args extends unknown[] = Any[], Return = Any> {
  (this: Self, ...args: Args): Return;
  /** What is spied on. */
  original: (this: Self, ...args: Args) => Return;
  /** The calls, oldest first. */
  calls: SpyCall<Self, Args, Return>[];
  /** Whether the method has its original again. */
  restored: boolean;
  /** Puts the original method back. */
  restore(): void;
}

/** A spy in the place of a method; `using` restores it. */
export interface MethodSpy<Self = Any, Args extends unknown[] = Any[], Return = Any>
  extends Spy<Self, Args, Return>, Disposable {}

/** A method spy that runs something else than the original. */
export interface Stub<Self = Any, Args extends unknown[] = Any[], Return = Any>
  extends MethodSpy<Self, Args, Return> {
  /** What runs instead. */
  fake: (this: Self, ...args: Args) => Return;
}

/** The parameters of a method. */
export type GetParametersFromProp<Self, Prop extends keyof Self> = Self[Prop] extends
  (...args: infer Args) => unknown ? Args
  : unknown[];

/** What a method returns. */
export type GetReturnFromProp<Self, Prop extends keyof Self> = Self[Prop] extends
  (...args: Any[]) => infer Return ? Return
  : unknown;

function record(run: (...args: Any[]) => unknown, restore: (spy: Spy) => void): Spy {
  const calls: SpyCall[] = [];
  const spy = function (this: unknown, ...args: unknown[]): unknown {
    const call: SpyCall = { args };
    if (this) call.self = this;
    try {
      return call.returned = run.apply(this, args);
    } catch (error) {
      call.error = error as Error;
      throw error;
    } finally {
      calls.push(call);
    }
  } as Spy;
  const properties = { original: run, calls, restore: () => restore(spy) };
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(spy, name, { configurable: true, enumerable: true, value });
  }
  return spy;
}

function replace(self: Any, property: PropertyKey, fake?: (...args: Any[]) => unknown): Stub {
  const original = self[property];
  const isSpy = typeof original === "function" && Array.isArray(original.calls) && "restored" in original;
  if (typeof original !== "function" && !(fake && original === undefined)) {
    throw new MockError("property is not an instance method");
  }
  if (isSpy) throw new MockError("already spying on instance method");
  const own = Object.getOwnPropertyDescriptor(self, property);
  if (own && !own.configurable) throw new MockError("cannot spy on non configurable instance method");
  let restored = false;
  const spy = record(fake ?? original, () => {
    if (restored) throw new MockError("instance method already restored");
    if (own) Object.defineProperty(self, property, own);
    else delete self[property];
    restored = true;
  });
  Object.defineProperties(spy, {
    original: { enumerable: true, value: original },
    restored: { enumerable: true, get: () => restored },
    [Symbol.dispose]: { value: () => spy.restore() },
    ...(fake ? { fake: { enumerable: true, value: fake } } : {}),
  });
  Object.defineProperty(self, property, {
    configurable: true,
    enumerable: own?.enumerable,
    writable: own?.writable,
    value: spy,
  });
  return spy as Stub;
}

/** A function that does nothing, and records its calls. */
export function spy<Self = Any, Args extends unknown[] = Any[], Return = undefined>(): Spy<
  Self,
  Args,
  Return
>;
/** Wraps a function. */
export function spy<Self, Args extends unknown[], Return>(
  func: (this: Self, ...args: Args) => Return,
): Spy<Self, Args, Return>;
/** Wraps a method in place. */
export function spy<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
): MethodSpy<Self, GetParametersFromProp<Self, Prop>, GetReturnFromProp<Self, Prop>>;
export function spy(target?: unknown, property?: PropertyKey): Spy {
  if (property !== undefined) return replace(target, property);
  const func = (target ?? (() => {})) as (...args: Any[]) => unknown;
  const made = record(func, () => {
    throw new MockError("function cannot be restored");
  });
  Object.defineProperty(made, "restored", { enumerable: true, value: false });
  return made;
}

/** Replaces a method by `func`, or by one that does nothing. */
export function stub<Self, Prop extends keyof Self>(
  self: Self,
  property: Prop,
  func?: (this: Self, ...args: GetParametersFromProp<Self, Prop>) => GetReturnFromProp<Self, Prop>,
): Stub<Self, GetParametersFromProp<Self, Prop>, GetReturnFromProp<Self, Prop>> {
  return replace(self, property, (func ?? (() => {})) as (...args: Any[]) => unknown) as Any;
}

/** What a call is expected to be. */
export interface ExpectedSpyCall<Self = Any, Args extends unknown[] = Any[], Return = Any> {
  /** The arguments. */
  args?: [...Args, ...unknown[]];
  /** `this`. */
  self?: Self;
  /** What it returns. */
  returned?: Return;
  /** What it throws. */
  error?: {
    /** The class. */
    Class?: new (...args: Any[]) => Error;
    /** Part of the message. */
    msgIncludes?: string;
  };
}

function same(actual: unknown, expected: unknown, message: string): void {
  try {
    assertEquals(actual, expected);
  } catch (e) {
    assertIsError(e);
    throw new AssertionError(`${message}:\n${e.message.split("\n").slice(1).join("\n")}`);
  }
}

function callAt<Self, Args extends unknown[], Return>(spy: Spy<Self, Args, Return>, index: number): SpyCall {
  if (spy.calls.length <= index) throw new AssertionError("spy not called as much as expected");
  return spy.calls[index];
}

/** Fails unless the spy was called that often. */
export function assertSpyCalls<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  expectedCalls: number,
): void {
  const n = spy.calls.length;
  same(
    n,
    expectedCalls,
    n < expectedCalls ? "spy not called as much as expected" : "spy called more than expected",
  );
}

/** Fails unless the call at `callIndex` was as expected. */
export function assertSpyCall<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  expected: ExpectedSpyCall<Self, Args, Return> = {},
): void {
  const call = callAt(spy, callIndex);
  if (expected.args) same(call.args, expected.args, "spy not called with expected args");
  if ("self" in expected) {
    same(
      call.self,
      expected.self,
      expected.self
        ? "spy not called as method on expected self"
        : "spy not expected to be called as method on object",
    );
  }
  if ("returned" in expected) {
    if ("error" in expected) {
      throw new TypeError("do not expect error and return, only one should be expected");
    }
    if (call.error) throw new AssertionError("spy call did not return expected value, an error was thrown.");
    same(call.returned, expected.returned, "spy call did not return expected value");
  }
  if ("error" in expected) {
    if ("returned" in call) {
      throw new AssertionError("spy call did not throw an error, a value was returned.");
    }
    assertIsError(call.error, expected.error?.Class, expected.error?.msgIncludes);
  }
}

/** Fails unless the call at `callIndex` returned a promise that settled as expected. */
export async function assertSpyCallAsync<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Promise<Return>>,
  callIndex: number,
  expected: ExpectedSpyCall<Self, Args, Promise<Return> | Return> = {},
): Promise<void> {
  const { returned: _, error: __, ...sync } = expected;
  assertSpyCall(spy as Spy, callIndex, sync as ExpectedSpyCall);
  const call = callAt(spy, callIndex);
  if (call.error) throw new AssertionError("spy call did not return a promise, an error was thrown.");
  if (call.returned !== Promise.resolve(call.returned)) {
    throw new AssertionError("spy call did not return a promise, a value was returned.");
  }
  if ("returned" in expected) {
    if ("error" in expected) {
      throw new TypeError("do not expect error and return, only one should be expected");
    }
    const wanted = await expected.returned;
    const value = await call.returned.catch(() => {
      throw new AssertionError("spy call returned promise was rejected");
    });
    same(value, wanted, "spy call did not resolve to expected value");
  }
  if ("error" in expected) {
    await assertRejects(
      () => call.returned,
      expected.error?.Class ?? Error,
      expected.error?.msgIncludes ?? "",
    );
  }
}

/** Fails unless one argument of a call was as expected; returns it. */
export function assertSpyCallArg<Self, Args extends unknown[], Return, Expected>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  argIndex: number,
  expected: Expected,
): Expected {
  const arg = callAt(spy, callIndex).args[argIndex];
  assertEquals(arg, expected);
  return arg;
}

/** Fails unless the arguments of a call were as expected; returns them. */
export function assertSpyCallArgs<Self, Args extends unknown[], Return, Expected extends unknown[]>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  expected: Expected,
): Expected {
  const { args } = callAt(spy, callIndex);
  assertEquals(args, expected);
  return args as Expected;
}

/** A function that returns `this`. */
export function returnsThis<Self = Any, Args extends unknown[] = Any[]>(): (
  this: Self,
  ...args: Args
) => Self {
  return function (this: Self): Self {
    return this;
  };
}

/** A function that returns one of its arguments. */
export function returnsArg<Arg, Self = Any>(idx: number): (this: Self, ...args: Arg[]) => Arg {
  return function (...args: Arg[]): Arg {
    return args[idx];
  };
}

/** A function that returns the next value at each call; an Error among them is thrown. */
export function returnsNext<Return, Self = Any, Args extends unknown[] = Any[]>(
  values: Iterable<Return | Error>,
): (this: Self, ...args: Args) => Return {
  const iterator = values[Symbol.iterator]();
  let calls = 0;
  return function (): Return {
    const next = iterator.next();
    if (next.done) {
      throw new MockError(`not expected to be called more than ${calls} time${calls === 1 ? "" : "s"}`);
    }
    calls++;
    if (next.value instanceof Error) throw next.value;
    return next.value;
  };
}

/** The same with promises; an Error rejects. */
export function resolvesNext<Return, Self = Any, Args extends unknown[] = Any[]>(
  iterable: Iterable<Return | Error | Promise<Return | Error>> | AsyncIterable<Return | Error>,
): (this: Self, ...args: Args) => Promise<Return> {
  const iterator = Symbol.asyncIterator in iterable
    ? iterable[Symbol.asyncIterator]()
    : iterable[Symbol.iterator]();
  let calls = 0;
  return async function (): Promise<Return> {
    const next = await iterator.next();
    if (next.done) {
      throw new MockError(`not expected to be called more than ${calls} time${calls === 1 ? "" : "s"}`);
    }
    calls++;
    const value = await next.value;
    if (value instanceof Error) throw value;
    return value;
  };
}
