/**
 * Stands in for `@std/testing/bdd` 1.0.15: `describe` is one test whose cases are steps; hooks run from the outer group to
 * the inner (`before…`) and back (`after…`). Left out: a suite as the first argument, and assertion counts.
 *
 * @module
 */

type Fn<T> = (this: T, t: Deno.TestContext) => void | Promise<void>;
type Hook<T> = (this: T) => void | Promise<void>;
type Options = Omit<Deno.TestDefinition, "fn" | "name">;
type HookName = "beforeAll" | "afterAll" | "beforeEach" | "afterEach";

/** A case with its options. */
export interface ItDefinition<T> extends Omit<Deno.TestDefinition, "fn"> {
  /** The body. */
  fn: Fn<T>;
}

/** A group with its options and hooks. */
export interface DescribeDefinition<T> extends Omit<Deno.TestDefinition, "fn"> {
  /** Declares the cases. */
  fn?: () => void | undefined;
  /** Runs before the first case. */
  beforeAll?: Hook<T> | Hook<T>[];
  /** Runs after the last case. */
  afterAll?: Hook<T> | Hook<T>[];
  /** Runs before each case. */
  beforeEach?: Hook<T> | Hook<T>[];
  /** Runs after each case. */
  afterEach?: Hook<T> | Hook<T>[];
}

/** What `it` takes: a name and a body, options between or instead of them. */
export type ItArgs<T> =
  | [options: ItDefinition<T>]
  | [name: string, fn: Fn<T>]
  | [name: string, options: Omit<ItDefinition<T>, "name">]
  | [name: string, options: Options, fn: Fn<T>]
  | [fn: Fn<T>];

/** What `describe` takes. */
export type DescribeArgs<T> =
  | [options: DescribeDefinition<T>]
  | [name: string]
  | [name: string, fn: () => void | undefined]
  | [name: string, options: Omit<DescribeDefinition<T>, "name">]
  | [name: string, options: Omit<DescribeDefinition<T>, "fn" | "name">, fn: () => void | undefined]
  | [fn: () => void | undefined];

// deno-lint-ignore no-explicit-any
type Any = any;
interface Case extends Options {
  name: string;
  fn: Fn<Any>;
}
interface Group extends Options {
  name: string;
  parent?: Group;
  children: (Group | Case)[];
  hooks: Record<HookName, Hook<Any>[]>;
}

let current: Group | undefined;
let registered = false;
let running = 0;

const isGroup = (node: Group | Case): node is Group => "children" in node;

function definition(args: readonly unknown[]): { name: string; fn?: (...a: Any[]) => Any; options: Options } {
  const name = args.find((a) => typeof a === "string");
  const fn = args.find((a) => typeof a === "function") as ((...a: Any[]) => Any) | undefined;
  const given = (args.find((a) => a && typeof a === "object") ?? {}) as Partial<DescribeDefinition<Any>>;
  const { name: n, fn: f, ...options } = given;
  return { name: name ?? n ?? (fn ?? f)?.name ?? "", fn: fn ?? f, options };
}

function wanted(node: Group | Case): boolean {
  return !!node.only || (isGroup(node) && node.children.some(wanted));
}

async function all(hooks: Hook<Any>[], context: object): Promise<void> {
  for (const hook of hooks) await hook.call(context);
}

async function runCase(node: Case, groups: Group[], context: object, t: Deno.TestContext): Promise<void> {
  const [group, ...inner] = groups;
  if (!group) return await node.fn.call(context, t);
  await all(group.hooks.beforeEach, context);
  try {
    await runCase(node, inner, context, t);
  } finally {
    await all(group.hooks.afterEach, context);
  }
}

async function runGroup(group: Group, outer: Group[], context: object, t: Deno.TestContext): Promise<void> {
  const groups = [...outer, group];
  await all(group.hooks.beforeAll, context);
  try {
    const only = group.children.some(wanted);
    for (const child of group.children) {
      if (only && !wanted(child)) continue;
      const { name, ignore, sanitizeExit, sanitizeOps, sanitizeResources } = child;
      await t.step({
        name,
        ignore,
        sanitizeExit,
        sanitizeOps,
        sanitizeResources,
        fn: (t) =>
          isGroup(child)
            ? runGroup(child, groups, { ...context }, t)
            : runCase(child, groups, { ...context }, t),
      });
    }
  } finally {
    await all(group.hooks.afterAll, context);
  }
}

/** Hands a group or case without a parent to Deno. */
function register(node: Group | Case): void {
  registered = true;
  const { name, ignore, sanitizeExit, sanitizeOps, sanitizeResources, permissions } = node;
  const given = {
    ignore,
    sanitizeExit,
    sanitizeOps,
    sanitizeResources,
    permissions,
    only: wanted(node) || undefined,
  };
  const options = Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined));
  Deno.test({
    ...options,
    name,
    fn: async (t) => {
      running++;
      try {
        if (isGroup(node)) await runGroup(node, [], {}, t);
        else await node.fn.call({}, t);
      } finally {
        running--;
      }
    },
  });
}

function noneRunning(what: string): void {
  if (running > 0) {
    throw new Error(`Cannot register new test ${what} after already registered test cases start running`);
  }
}

function addCase(args: readonly unknown[], more: Options): void {
  noneRunning("cases");
  const { name, fn, options } = definition(args);
  const node: Case = { ...options, ...more, name, fn: fn as Fn<Any> };
  if (current) current.children.push(node);
  else register(node);
}

function newGroup(name: string, options: Options, parent?: Group): Group {
  const given = options as Partial<DescribeDefinition<Any>>;
  const hooks = (h?: Hook<Any> | Hook<Any>[]) => h ? [h].flat() : [];
  return {
    ...options,
    name,
    parent,
    children: [],
    hooks: {
      beforeAll: hooks(given.beforeAll),
      afterAll: hooks(given.afterAll),
      beforeEach: hooks(given.beforeEach),
      afterEach: hooks(given.afterEach),
    },
  };
}

function addGroup(args: readonly unknown[], more: Options): void {
  noneRunning("suites");
  const { name, fn, options } = definition(args);
  const group = newGroup(name, { ...options, ...more }, current);
  if (current) current.children.push(group);
  const outer = current;
  current = group;
  try {
    if (!group.ignore && fn?.() instanceof Promise) {
      throw new Error(
        'Returning a Promise from "describe" is not supported: tests must be defined synchronously',
      );
    }
  } finally {
    current = outer;
  }
  if (!outer) register(group);
}

function addHook(name: HookName, fn: Hook<Any>): void {
  if (!current) {
    if (registered) throw new Error("Cannot add global hooks after a global test is registered");
    current = newGroup("global", {});
    register(current);
  }
  current.hooks[name].push(fn);
}

/** `it`, with its variants. */
export interface It {
  /** Declares a case. */
  <T>(...args: ItArgs<T>): void;
  /** Declares a case that runs alone. */
  only<T>(...args: ItArgs<T>): void;
  /** Declares a case that does not run. */
  ignore<T>(...args: ItArgs<T>): void;
  /** The same as `ignore`. */
  skip<T>(...args: ItArgs<T>): void;
}

/** `describe`, with its variants. */
export interface Describe {
  /** Declares a group. */
  <T>(...args: DescribeArgs<T>): void;
  /** Declares a group that runs alone. */
  only<T>(...args: DescribeArgs<T>): void;
  /** Declares a group that does not run. */
  ignore<T>(...args: DescribeArgs<T>): void;
  /** The same as `ignore`. */
  skip<T>(...args: DescribeArgs<T>): void;
}

/** Declares a case. */
export const it: It = Object.assign(<T>(...args: ItArgs<T>) => addCase(args, {}), {
  only: <T>(...args: ItArgs<T>) => addCase(args, { only: true }),
  ignore: <T>(...args: ItArgs<T>) => addCase(args, { ignore: true }),
  skip: <T>(...args: ItArgs<T>) => addCase(args, { ignore: true }),
});

/** The same as `it`. */
export const test: It = it;

/** Declares a group of cases. */
export const describe: Describe = Object.assign(<T>(...args: DescribeArgs<T>) => addGroup(args, {}), {
  only: <T>(...args: DescribeArgs<T>) => addGroup(args, { only: true }),
  ignore: <T>(...args: DescribeArgs<T>) => addGroup(args, { ignore: true }),
  skip: <T>(...args: DescribeArgs<T>) => addGroup(args, { ignore: true }),
});

/** Runs before the first case of the group. */
export function beforeAll<T>(fn: Hook<T>): void {
  addHook("beforeAll", fn);
}

/** Runs after the last case of the group. */
export function afterAll<T>(fn: Hook<T>): void {
  addHook("afterAll", fn);
}

/** The same as `beforeAll`. */
export const before: typeof beforeAll = beforeAll;

/** The same as `afterAll`. */
export const after: typeof afterAll = afterAll;

/** Runs before each case of the group. */
export function beforeEach<T>(fn: Hook<T>): void {
  addHook("beforeEach", fn);
}

/** Runs after each case of the group. */
export function afterEach<T>(fn: Hook<T>): void {
  addHook("afterEach", fn);
}
