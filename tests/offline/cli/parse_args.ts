/**
 * `parseArgs` as @std/cli 1.0.21 has it, options, results and types; left out of the types alone: names with a dot
 * (`foo.bar`), which are parsed into nested objects but typed `unknown`.
 *
 * @module
 */

type Name = string | undefined;
type Flag = boolean | string | undefined;
type Aliases = Record<string, string | readonly string[]>;
// deno-lint-ignore no-explicit-any
type Untyped = Record<string, any>;

type Value<T, K, C, N, D> =
  | (K extends C ? T[] : T)
  | (K extends N ? false : never)
  | (K extends keyof D ? D[K] : never);

type Values<B extends Flag, S extends Name, C extends Name, N extends Name, D, A> =
  [Extract<B | S | C, string | true>] extends [never] ? Untyped
    :
      & { [x: string]: unknown }
      & WithAliases<
        & { [K in Extract<B, string>]: Value<boolean, K, C, never, D> }
        & {
          [K in Extract<S, string>]:
            | Value<string, K, C, N, D>
            | (K extends keyof D ? never : K extends C ? never : undefined);
        }
        & { [K in Exclude<Extract<C, string>, B | S>]: Value<unknown, K, C, N, D> }
        & Omit<D, Extract<B | S | C, string>>,
        A
      >;

type WithAliases<T, A> = { [K in keyof T as K | AliasesOf<K, A>]: T[K] };
type AliasesOf<K, A> = K extends keyof A ? (A[K] extends readonly (infer I)[] ? I : A[K]) & string : never;

/** What `parseArgs` returns: the options by name, the rest in `_`. */
export type Args<T = Untyped, DD extends boolean | undefined = undefined> =
  & { [K in keyof T]: T[K] }
  & { _: (string | number)[] }
  & (true extends DD ? { "--": string[] } : Record<never, never>);

/** Options of `parseArgs`. */
export interface ParseOptions<
  B extends Flag = Flag,
  S extends Name = Name,
  C extends Name = Name,
  N extends Name = Name,
  D extends Record<string, unknown> | undefined = Record<string, unknown> | undefined,
  A extends Aliases | undefined = Aliases | undefined,
  DD extends boolean | undefined = boolean | undefined,
> {
  /** What follows `--` goes to `["--"]` instead of `_`. */
  "--"?: DD;
  /** Other names of an option. */
  alias?: A;
  /** Options without a value, false when absent; `true`: all long options without `=`. */
  boolean?: B | ReadonlyArray<Extract<B, string>>;
  /** Values of options that are absent. */
  default?: D;
  /** All that follows the first argument that is no option goes to `_`. */
  stopEarly?: boolean;
  /** Options whose value stays a string. */
  string?: S | ReadonlyArray<Extract<S, string>>;
  /** Options that may come more than once, `[]` when absent (if they are also `string` or `boolean`). */
  collect?: C | ReadonlyArray<Extract<C, string>>;
  /** Options that `--no-name` sets to false. */
  negatable?: N | ReadonlyArray<Extract<N, string>>;
  /** Called for what is not declared; `false` drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Nested = { [key: string]: unknown };

function list(names: unknown): string[] {
  return (Array.isArray(names) ? names : [names]).filter((n) => typeof n === "string" && n !== "");
}

function numeric(text: string): boolean {
  return /^0x[0-9a-f]+$/i.test(text) || /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(e[-+]?\d+)?$/.test(text);
}

function has(object: Nested, path: string[]): boolean {
  for (const key of path.slice(0, -1)) {
    if (!object[key]) return false;
    object = object[key] as Nested;
  }
  return Object.hasOwn(object, path.at(-1)!);
}

function put(object: Nested, path: string[], value: unknown, append = false): void {
  for (const key of path.slice(0, -1)) object = (object[key] ??= {}) as Nested;
  const key = path.at(-1)!;
  const old = object[key];
  if (!append) object[key] = value;
  else if (Array.isArray(old)) old.push(value);
  else object[key] = old ? [old, value] : [value];
}

/** Sorts arguments into options and the rest. Numbers in values become numbers unless the option is a `string`. */
export function parseArgs<
  T extends Values<B, S, C, N, D, A>,
  DD extends boolean | undefined = undefined,
  B extends Flag = undefined,
  S extends Name = undefined,
  C extends Name = undefined,
  N extends Name = undefined,
  D extends Record<string, unknown> | undefined = undefined,
  const A extends Aliases | undefined = undefined,
>(args: string[], options: ParseOptions<B, S, C, N, D, A, DD> = {}): Args<T, DD> {
  const aliases = new Map<string, string[]>();
  for (const [name, value] of Object.entries(options.alias ?? {})) {
    const all = [name, ...list(value)];
    for (const n of all) aliases.set(n, all.filter((other) => other !== n));
  }
  const declared = (names: unknown) => new Set(list(names).flatMap((n) => [n, ...aliases.get(n) ?? []]));
  const booleans = declared(options.boolean);
  const strings = declared(options.string);
  const collected = declared(options.collect);
  const negatable = declared(options.negatable);
  const allBooleans = options.boolean === true;
  const unknown = options.unknown ?? ((arg: string) => arg);
  const result: Nested & { _: (string | number)[] } = { _: [] };

  const end = args.indexOf("--");
  const rest = end < 0 ? [] : args.slice(end + 1);
  if (end >= 0) args = args.slice(0, end);

  function set(name: string, value: string | boolean, arg: string, append = true): void {
    const known = booleans.has(name) || strings.has(name) || aliases.has(name) ||
      (allBooleans && /^--[^=]+$/.test(arg));
    if (!known && unknown(arg, name, value) === false) return;
    const v = typeof value === "string" && !strings.has(name) && numeric(value) ? Number(value) : value;
    for (const n of [name, ...aliases.get(name) ?? []]) {
      put(result, n.split("."), v, append && collected.has(name));
    }
  }

  const flag = (name: string) => booleans.has(name) || (aliases.get(name) ?? []).some((n) => booleans.has(n));
  const bare = (name: string): string | boolean => strings.has(name) ? "" : true;

  /** Sets `name` from the argument after it where it takes one; returns how many were used. */
  function fromNext(name: string, arg: string, next: string | undefined, takes: boolean): number {
    if (takes && next) return set(name, next, arg), 1;
    if (next === "true" || next === "false") return set(name, next === "true", arg), 1;
    return set(name, bare(name), arg), 0;
  }

  /** `-abc`, `-n5`, `-k=v`, `-x/y`; returns how many arguments after it were used. */
  function short(arg: string, next: string | undefined): number {
    for (let i = 1; i < arg.length - 1; i++) {
      const [letter, tail] = [arg[i], arg.slice(i + 1)];
      const isLetter = /[A-Za-z]/.test(letter);
      if (tail === "-") set(letter, tail, arg);
      else if (isLetter && tail.includes("=")) return set(letter, tail.split(/=(.+)/)[1], arg), 0;
      else if (isLetter && /-?\d+(\.\d*)?(e-?\d+)?$/.test(tail)) return set(letter, tail, arg), 0;
      else if (i + 1 < arg.length - 1 && /\W/.test(arg[i + 1])) return set(letter, tail, arg), 0;
      else set(letter, bare(letter), arg);
    }
    const last = arg.at(-1)!;
    if (last === "-") return 0;
    return fromNext(last, arg, next, !!next && !/^(-|--)[^-]/.test(next) && !flag(last));
  }

  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    const long = /^--(no-)?(.+?)(?:=(.+?))?$/s.exec(arg);
    if (long) {
      let [, no, name, value] = long as (string | undefined)[] as [
        string,
        string | undefined,
        string,
        string | undefined,
      ];
      if (value) set(name, booleans.has(name) ? value !== "false" : value, arg);
      else if (no && negatable.has(name)) set(name, false, arg, false);
      else {
        if (no) name = `no-${name}`;
        const next = args[i + 1];
        i += fromNext(name, arg, next, !!next && !next.startsWith("-") && !allBooleans && !flag(name));
      }
    } else if (/^-(?!-$)./s.test(arg) && !arg.startsWith("--")) i += short(arg, args[i + 1]);
    else {
      if (unknown(arg) !== false) result._.push(strings.has("_") || !numeric(arg) ? arg : Number(arg));
      if (options.stopEarly) {
        result._.push(...args.slice(i + 1));
        break;
      }
    }
  }

  for (const [name, value] of Object.entries(options.default ?? {})) {
    if (has(result, name.split("."))) continue;
    for (const n of [name, ...aliases.get(name) ?? []]) put(result, n.split("."), value);
  }
  for (const name of booleans) {
    if (!has(result, name.split("."))) put(result, name.split("."), collected.has(name) ? [] : false);
  }
  for (const name of strings) {
    if (collected.has(name) && !has(result, name.split("."))) put(result, name.split("."), []);
  }
  if (options["--"]) result["--"] = rest;
  else result._.push(...rest);
  return result as unknown as Args<T, DD>;
}
