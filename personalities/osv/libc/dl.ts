/** dlopen and its relatives, over the kernel's linker. A handle is the load address of the library. */
import { invoke, type Outcome, type Task } from "@guise/core";
import type { DynamicObject, Linked, Opened } from "@guise/elf/key";
import { arg, type Calls, type DirectCall, text } from "../direct.ts";
import { osvOf } from "../state.ts";
import { invokeAll } from "./start.ts";

/** Open libraries and the last error of a process. */
class Libraries {
  readonly open: Map<number, readonly DynamicObject[]> = new Map();
  /** Objects in the order in which their functions of the end run. */
  error: string | undefined;
}

const known = new WeakMap<object, Libraries>();

function librariesOf(task: Task): Libraries {
  const osv = osvOf(task);
  let found = known.get(osv);
  if (found === undefined) known.set(osv, found = new Libraries());
  return found;
}

/** The program itself, RTLD_DEFAULT and RTLD_NEXT. */
const SELF = 1, DEFAULT = 0;

function refuse(task: Task, words: string): number {
  librariesOf(task).error = words;
  return 0;
}

const dlopen: DirectCall = (task) => {
  const { linked } = osvOf(task);
  if (arg(task, 0) === 0) return SELF;
  const name = text(task, arg(task, 0));
  if (name === undefined || linked === undefined) return refuse(task, "invalid name");
  const opened = linked.open(name);
  if (typeof opened === "string") return refuse(task, opened);
  librariesOf(task).open.set(opened.object.bias, opened.scope);
  return begin(task, opened, 0);
};

/** Resolvers first, then init functions; the answer is the handle. */
function begin(task: Task, opened: Opened, n: number): Outcome {
  const each = opened.indirect[n];
  if (each !== undefined) {
    return invoke(each.resolver, [], (t, address) => {
      t.space.setNum64(each.place, address + each.addend);
      return begin(t, opened, n + 1);
    });
  }
  opened.protect();
  const osv = osvOf(task);
  const args = [osv.argc, osv.argv, osv.environment];
  osv.opened.push(...opened.initOrder);
  const calls = opened.initOrder.flatMap((o) => o.initFunctions.map((address) => ({ address, args })));
  return invokeAll(task, calls, () => opened.object.bias);
}

const dlsym: DirectCall = (task) => {
  const { linked } = osvOf(task);
  const handle = arg(task, 0), name = text(task, arg(task, 1)) ?? "";
  const scope = librariesOf(task).open.get(handle);
  const found = linked && look(linked, name, handle, scope);
  if (found === undefined) return refuse(task, `undefined symbol: ${name}`);
  return found.indirect ? invoke(found.address, [], (_t, address) => address) : found.address;
};

function look(
  linked: Linked,
  name: string,
  handle: number,
  scope: readonly DynamicObject[] | undefined,
): ReturnType<Linked["symbol"]> {
  if (scope !== undefined) return linked.symbol(name, scope);
  return handle === SELF || handle === DEFAULT || handle >= 2 ** 53 ? linked.symbol(name) : undefined;
}

/** dladdr: the library and, where its table tells, nothing of the symbol. */
const dladdr: DirectCall = (task) => {
  const osv = osvOf(task);
  const address = arg(task, 0), info = arg(task, 1);
  const all = [...osv.linked?.objects ?? [], ...osv.opened];
  const object = all.find(({ bias, elf }) =>
    elf.segments.some((s) => s.type === 1 && address >= bias + s.vaddr && address < bias + s.vaddr + s.memsz)
  );
  if (object === undefined) return 0;
  const fields = [osv.string(object.name), object.bias, 0, 0];
  return fields.every((value, n) => task.space.setNum64(info + 8 * n, value)) ? 1 : 0;
};

/** See the file's head. */
export const dlCalls: Calls = {
  dlopen,
  dlsym,
  dlvsym: dlsym,
  dlclose: () => 0,
  dlerror: (task) => {
    const libraries = librariesOf(task);
    const { error } = libraries;
    libraries.error = undefined;
    return error === undefined ? 0 : osvOf(task).string(error);
  },
  dladdr,
};
