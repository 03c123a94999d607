/**
 * Stands in for @std/assert 1.0.14 where the registry that has it cannot be reached (`links` in the root deno.json): the
 * same names, signatures, messages and behaviour, for the functions used here.
 *
 * @module
 */
import { equal } from "./equal.ts";
import { difference, format } from "./show.ts";

export { equal };

/** What every failed assertion throws. */
export class AssertionError extends Error {
  /** Takes the message and the usual options of `Error`. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

// deno-lint-ignore no-explicit-any
type Class<T = any> = abstract new (...args: any[]) => T;
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = new (...args: any[]) => E;

function suffix(msg?: string): string {
  return msg ? `: ${msg}` : ".";
}

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Something falsy. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Fails unless `expr` is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Fails unless `actual` and `expected` are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(`Values are not equal${suffix(msg)}\n${difference(actual, expected)}`);
}

/** Fails if `actual` and `expected` are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${format(actual)} not to be: ${format(expected)}${suffix(msg)}`,
  );
}

/** Fails unless `Object.is(actual, expected)`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const [a, b] = [format(actual), format(expected)];
  if (a === b) {
    const shown = a.split("\n").map((l) => `    ${l}`).join("\n");
    throw new AssertionError(
      `Values have the same structure but are not reference-equal${suffix(msg)}\n\n${shown}\n`,
    );
  }
  throw new AssertionError(`Values are not strictly equal${suffix(msg)}\n${difference(actual, expected)}`);
}

/** Fails if `Object.is(actual, expected)`. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!Object.is(actual, expected)) return;
  throw new AssertionError(
    `Expected "actual" to not be strictly equal to: ${format(actual)}${suffix(msg)}\n`,
  );
}

/** Fails unless `|actual - expected| <= tolerance` (default: 1e-7 of `expected`). */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const delta = Math.abs(expected - actual);
  tolerance ??= isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7;
  if (delta <= tolerance) return;
  const f = (n: number) => Number.isInteger(n) ? n : n.toExponential();
  throw new AssertionError(
    `Expected actual: "${f(actual)}" to be close to "${f(expected)}": ` +
      `delta "${f(delta)}" is greater than "${f(tolerance)}"${suffix(msg)}`,
  );
}

/** Fails if `actual` is `null` or `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(`Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`);
}

/** Fails unless `actual` is an instance of `ExpectedType`. */
export function assertInstanceOf<T extends Class>(
  actual: unknown,
  ExpectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof ExpectedType) return;
  const name = (v: unknown) =>
    v === null
      ? "null"
      : typeof v === "object"
      ? `"${v.constructor?.name ?? "Object"}"`
      : typeof v === "function"
      ? `"${v.name || "Function"}"`
      : `"${typeof v}"`;
  throw new AssertionError(
    `Expected object to be an instance of "${ExpectedType.name || "<anonymous>"}" but was ` +
      `${actual !== null && typeof actual === "object" ? "an instance of " : ""}${name(actual)}${
        suffix(msg)
      }`,
  );
}

/** Fails unless `expected` is part of `actual`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(`Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`);
}

/** An array or something like one. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/** Fails unless each of `expected` is deeply equal to one element of `actual`. */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const missing = Array.from(expected).filter((e) => !Array.from(actual).some((a) => equal(e, a)));
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${format(actual)}" to include: "${format(expected)}"${suffix(msg)}\nmissing: ${
      format(missing)
    }`,
  );
}

/** Fails unless `expected` matches `actual`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`);
}

/** Fails if `expected` matches `actual`. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to not match: "${expected}"${suffix(msg)}`);
}

/** Fails unless `actual` has all that `expected` has, deeply. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  assertEquals(common(actual, expected, new WeakMap()), common(expected, expected, new WeakMap()), msg);
}

type Loose = Record<PropertyKey, unknown>;

/** What of `a` is also asked for by `b`, as plain objects, so that both sides of a match have the same prototypes. */
function common(a: Loose, b: Loose, seen: WeakMap<object, unknown>): Loose {
  if (a === null || (typeof a !== "object" && typeof a !== "function")) {
    throw new TypeError(`Cannot assertObjectMatch ${a === null ? null : `type ${typeof a}`}`);
  }
  if (seen.has(a) && seen.get(a) === b) return a;
  seen.set(a, b);
  const out: Loose = {};
  for (const key of Reflect.ownKeys(a)) {
    if (!(key in b)) continue;
    const [value, wanted] = [a[key], b[key]];
    out[key] = value;
    if (value instanceof RegExp) continue;
    if (Array.isArray(value)) {
      if (Array.isArray(wanted)) out[key] = common({ ...value } as Loose, { ...wanted } as Loose, seen);
    } else if (value && typeof value === "object" && wanted && typeof wanted === "object") {
      if (value instanceof Map && wanted instanceof Map) {
        out[key] = new Map(
          [...value].filter(([k]) => wanted.has(k))
            .map(([k, v]) => [k, typeof v === "object" ? common(v, wanted.get(k), seen) : v]),
        );
      } else if (value instanceof Set && wanted instanceof Set) {
        out[key] = new Set([...value].filter((v) => wanted.has(v)));
      } else out[key] = common(value as Loose, wanted as Loose, seen);
    }
  }
  return out;
}

function compared<T>(ok: boolean, actual: T, what: string, expected: T, msg?: string): void {
  if (ok) return;
  throw new AssertionError(`Expect ${format(actual)} ${what} ${format(expected)}${msg ? `: ${msg}` : ""}`);
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  compared(actual > expected, actual, ">", expected, msg);
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  compared(actual >= expected, actual, ">=", expected, msg);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  compared(actual < expected, actual, "<", expected, msg);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  compared(actual <= expected, actual, "<=", expected, msg);
}

/** Fails unless `error` is an Error, of the class and with the message asked for. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: Class<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throw new AssertionError(`Expected "error" to be an Error object${suffix(msg)}`);
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor?.name}"${
        suffix(msg)
      }`,
    );
  }
  if (!msgMatches) return;
  // deno-lint-ignore no-control-regex
  const plain = (s: string) => s.replace(/\x1b\[[0-9;]*m/g, "");
  const found = typeof msgMatches === "string"
    ? plain(error.message).includes(plain(msgMatches))
    : msgMatches.test(plain(error.message));
  if (found) return;
  throw new AssertionError(
    `Expected error message to include ${
      typeof msgMatches === "string" ? JSON.stringify(msgMatches) : msgMatches
    }, but got ${JSON.stringify(error.message)}${suffix(msg)}`,
  );
}

interface Expectation<E extends Error> {
  ErrorClass?: ErrorClass<E>;
  msgIncludes?: string;
  msg?: string;
}

function expectation<E extends Error>(a?: ErrorClass<E> | string, b?: string, c?: string): Expectation<E> {
  if (typeof a === "string") return { msg: a };
  return { ErrorClass: a, msgIncludes: b, msg: c };
}

/** Fails unless `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws an `ErrorClass` whose message includes `msgIncludes`; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  a?: ErrorClass<E> | string,
  b?: string,
  c?: string,
): unknown {
  const { ErrorClass, msgIncludes, msg } = expectation(a, b, c);
  try {
    fn();
  } catch (error) {
    if (ErrorClass) {
      if (!(error instanceof Error)) throw new AssertionError(`A non-Error object was thrown${suffix(msg)}`);
      assertIsError(error, ErrorClass, msgIncludes, msg);
    }
    return error;
  }
  throw new AssertionError(`Expected function to throw${suffix(msg)}`);
}

/** Fails unless the promise that `fn` returns rejects; resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Fails unless it rejects with an `ErrorClass` whose message includes `msgIncludes`; resolves to it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  a?: ErrorClass<E> | string,
  b?: string,
  c?: string,
): Promise<unknown> {
  const { ErrorClass, msgIncludes, msg } = expectation(a, b, c);
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
  } catch { /* told apart below: a throw is no rejection */ }
  if (!promise || typeof promise !== "object" || typeof promise.then !== "function") {
    throw new AssertionError(`Function throws when expected to reject${suffix(msg)}`);
  }
  try {
    await promise;
  } catch (error) {
    if (ErrorClass) {
      if (!(error instanceof Error)) {
        throw new AssertionError(`A non-Error object was rejected${suffix(msg)}`);
      }
      assertIsError(error, ErrorClass, msgIncludes, msg);
    }
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(msg)}`);
}

/** Fails always. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/** Fails always: for code that cannot be reached. */
export function unreachable(reason?: string): never {
  throw new AssertionError(reason ?? "Unreachable");
}

/** Fails when a function that is not written yet is called. */
export function unimplemented(msg?: string): never {
  throw new AssertionError(`Unimplemented${suffix(msg)}`);
}
