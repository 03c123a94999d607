/**
 * Typed keys: how plugins and personalities keep state on a kernel, a process or a task without global registration
 * or declaration merging (which JSR refuses).
 */

let next = 0;

/** Names one value of type `T` in a {@link State}. Create it once, at module level, and export it to share the state. */
export class Key<T> {
  /** Slot in every {@link State}; small and dense, so that a look-up is an array read. */
  readonly slot: number;
  /** For error messages. */
  readonly name: string;
  /** Only for the type. */
  declare readonly type: T;
  /** `name` is for error messages; two keys of one name are different keys. */
  constructor(name: string) {
    this.name = name;
    this.slot = next++;
  }
}

/** Values under typed keys.
 *
 * @example
 * ```ts
 * import { Key, State } from "@guise/core";
 * const visits = new Key<number>("visits");
 * const state = new State();
 * state.set(visits, 1);
 * console.assert(state.get(visits) === 1);
 * ```
 */
export class State {
  readonly #slots: unknown[] = [];
  /** The value; a missing one is a bug of ours (a plugin that another one needs is not installed), and throws. */
  get<T>(key: Key<T>): T {
    const value = this.#slots[key.slot];
    if (value === undefined) {
      throw new Error(`guise: nothing is set under the key "${key.name}"; is its plugin installed?`);
    }
    return value as T;
  }
  /** The value or undefined. */
  find<T>(key: Key<T>): T | undefined {
    return this.#slots[key.slot] as T | undefined;
  }
  /** Sets the value; undefined removes it. */
  set<T>(key: Key<T>, value: T | undefined): void {
    this.#slots[key.slot] = value;
  }
}
