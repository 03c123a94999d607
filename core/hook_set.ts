/** The hooks that are on, an array a kind, and one flag that says whether system calls are observed at all. */
import type { HookName, Hooks, KernelEvent } from "./hooks.ts";
import type { Outcome } from "./outcome.ts";
import type { SyscallEvent } from "./hooks.ts";
import type { Trap } from "./arch.ts";
import type { Task } from "./task.ts";

type Lists = { [K in HookName]: readonly Hooks[K][] };

// A kind that is left out does not compile.
const kinds: { readonly [K in HookName]: 1 } = {
  intercept: 1,
  enter: 1,
  exit: 1,
  call: 1,
  trap: 1,
  ran: 1,
  fault: 1,
  event: 1,
};

/** All hooks of a kernel. Arrays are replaced, never changed, so that a hook may add and remove hooks. */
export class HookSet {
  /** Any hook of calls is on. Read at every call. */
  calls = false;
  /** Any hook of direct calls is on. */
  direct = false;
  /** Any profiler is on. */
  timed = false;
  #lists: Lists = { intercept: [], enter: [], exit: [], call: [], trap: [], ran: [], fault: [], event: [] };
  readonly #all: Partial<Hooks>[] = [];

  add(hooks: Partial<Hooks>): () => void {
    this.#all.push(hooks);
    this.#compile();
    return () => {
      const index = this.#all.indexOf(hooks);
      if (index < 0) return;
      this.#all.splice(index, 1);
      this.#compile();
    };
  }

  #compile(): void {
    const list = <K extends HookName>(name: K): Hooks[K][] =>
      this.#all.filter((hooks) => hooks[name] !== undefined).map((hooks) =>
        // deno-lint-ignore no-explicit-any -- bound, so that hooks may be methods
        (hooks[name] as any).bind(hooks)
      );
    const lists: Partial<Record<HookName, unknown>> = {};
    for (const name of Object.keys(kinds) as HookName[]) lists[name] = list(name);
    this.#lists = lists as Lists;
    this.calls = this.#lists.intercept.length + this.#lists.enter.length + this.#lists.exit.length > 0;
    this.direct = this.#lists.call.length > 0;
    this.timed = this.#lists.ran.length > 0;
  }

  intercept(event: SyscallEvent): Outcome | undefined {
    for (const hook of this.#lists.intercept) {
      const outcome = hook(event);
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  }
  enter(event: SyscallEvent): void {
    for (const hook of this.#lists.enter) hook(event);
  }
  exit(event: SyscallEvent, result: number | undefined): void {
    for (const hook of this.#lists.exit) hook(event, result);
  }
  call(task: Task, name: string): void {
    for (const hook of this.#lists.call) hook(task, name);
  }
  trap(task: Task, trap: Trap): void {
    for (const hook of this.#lists.trap) hook(task, trap);
  }
  ran(task: Task, now: number): void {
    for (const hook of this.#lists.ran) hook(task, now);
  }
  fault(task: Task, trap: Trap): boolean {
    for (const hook of this.#lists.fault) if (hook(task, trap)) return true;
    return false;
  }
  event(event: KernelEvent): void {
    for (const hook of this.#lists.event) hook(event);
  }
}
