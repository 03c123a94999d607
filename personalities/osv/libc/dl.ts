/**
 * dlopen and its relatives, over the kernel's linker. A handle is the address of a link_map, of which programs read the load
 * address, the name and the dynamic section.
 */
import { invoke, type Outcome, type Task } from "@guise/core";
import {
  type DynamicObject,
  elfSymbols,
  type FoundSymbol,
  type Linked,
  type Opened,
  type SymbolTable,
} from "@guise/elf/key";
import { arg, type Calls, type DirectCall, int, text } from "../direct.ts";
import { osvOf, type OsvProcess } from "../state.ts";
import { fillStatic, tlsBlock } from "./tls.ts";
import { invokeAll, runFinalizers } from "./start.ts";

const PT_LOAD = 1, PT_DYNAMIC = 2, PT_EH_FRAME = 0x6474e550;
const RTLD_NOLOAD = 4, RTLD_GLOBAL = 0x100, RTLD_NODELETE = 0x1000;
/** RTLD_DEFAULT and RTLD_NEXT. */
const DEFAULT = 0, NEXT = 2 ** 53;
/** Bytes of struct dl_phdr_info and of a link_map. */
const INFO = 64, MAP = 40;

/** Open libraries and the last error of a process. */
class Libraries {
  readonly maps: Map<DynamicObject, number> = new Map();
  readonly objects: Map<number, DynamicObject> = new Map();
  readonly scopes: Map<DynamicObject, readonly DynamicObject[]> = new Map();
  readonly symbols: Map<DynamicObject, SymbolTable> = new Map();
  error: string | undefined;
  loads = 0;
  unloads = 0;
}

const known = new WeakMap<OsvProcess, Libraries>();

function librariesOf(task: Task): Libraries {
  const osv = osvOf(task);
  let found = known.get(osv);
  if (found === undefined) known.set(osv, found = new Libraries());
  return found;
}

function refuse(task: Task, words: string, answer = 0): number {
  librariesOf(task).error = words;
  return answer;
}

/** The link_map of an object; 0 without memory. */
function mapOf(task: Task, object: DynamicObject): number {
  const libraries = librariesOf(task), { heap, linked } = osvOf(task);
  let at = libraries.maps.get(object);
  if (at === undefined) {
    at = heap.allocate(MAP);
    if (at === 0) return 0;
    const name = osvOf(task).string(object === linked?.program ? "" : object.name);
    const dynamic = object.elf.segments.find((s) => s.type === PT_DYNAMIC);
    [object.bias, name, dynamic === undefined ? 0 : object.bias + dynamic.vaddr, 0, 0].forEach((value, n) =>
      task.space.setNum64(at! + 8 * n, value)
    );
    libraries.maps.set(object, at);
    libraries.objects.set(at, object);
  }
  return at;
}

const dlopen: DirectCall = (task) => {
  const { linked } = osvOf(task);
  if (linked === undefined) return refuse(task, "invalid name");
  if (arg(task, 0) === 0) return mapOf(task, linked.program);
  const name = text(task, arg(task, 0)), flags = int(task, 1);
  if (name === undefined) return refuse(task, "invalid name");
  if (name === "") return mapOf(task, linked.program);
  // The libraries that the kernel stands in for are the program itself: their functions are in its lookup order.
  if (osvOf(task).standsIn(name)) return mapOf(task, linked.program);
  const opened = linked.open(name, {
    global: (flags & RTLD_GLOBAL) !== 0,
    onlyLoaded: (flags & RTLD_NOLOAD) !== 0,
    keep: (flags & RTLD_NODELETE) !== 0,
  });
  if (typeof opened === "string") return flags & RTLD_NOLOAD ? 0 : refuse(task, opened);
  const libraries = librariesOf(task);
  libraries.scopes.set(opened.object, opened.scope);
  libraries.loads += opened.initOrder.length;
  fillStatic(task, opened.staticTls);
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
  return invokeAll(task, calls, (t) => mapOf(t, opened.object));
}

const dlclose: DirectCall = (task) => {
  const libraries = librariesOf(task), osv = osvOf(task);
  const object = libraries.objects.get(arg(task, 0));
  if (object === osv.linked?.program) return 0;
  const gone = object && osv.linked?.close(object);
  if (gone === undefined) return refuse(task, "shared object not open", -1);
  const calls = gone.flatMap((each) => each.finiFunctions.map((address) => ({ address, args: [] })));
  return invokeAll(
    task,
    calls,
    (t) =>
      runFinalizers(t, (handler) => gone.some((each) => holds(each, handler.object)), (u) => {
        for (const each of gone) {
          const at = osv.opened.indexOf(each);
          if (at >= 0) osv.opened.splice(at, 1);
          const map = libraries.maps.get(each);
          if (map !== undefined) {
            libraries.objects.delete(map);
            osv.heap.release(map);
          }
          libraries.maps.delete(each);
          libraries.scopes.delete(each);
          libraries.symbols.delete(each);
        }
        libraries.unloads += gone.length;
        osvOf(u).linked?.unload(gone);
        return 0;
      }),
  );
};

const holds = (object: DynamicObject, address: number): boolean => {
  const [start, end] = object.range;
  return address >= start && address < end;
};

/** The object that an address lies in. */
function objectAt(task: Task, address: number): DynamicObject | undefined {
  return osvOf(task).linked?.mapped().find((object) =>
    object.elf.segments.some((s) =>
      s.type === PT_LOAD && address >= object.bias + s.vaddr && address < object.bias + s.vaddr + s.memsz
    )
  );
}

/** Who called: the address that the function returns to. */
function caller(task: Task): number {
  const { arch } = task.process.cpu;
  const { link } = arch.abis.call;
  return link === undefined
    ? task.space.getNum64(task.frame.num(arch.sp)) ?? 0
    : task.frame.num(arch.register(link));
}

const lookup = (version: boolean): DirectCall => (task) => {
  const { linked } = osvOf(task);
  const handle = arg(task, 0), name = text(task, arg(task, 1)) ?? "";
  const wanted = version ? text(task, arg(task, 2)) : undefined;
  const found = linked && look(task, linked, name, wanted, handle);
  if (found === undefined) {
    const more = wanted === undefined ? "" : `, version ${wanted}`;
    return refuse(task, `undefined symbol: ${name}${more}`);
  }
  if (found.tls !== undefined) return tlsBlock(task, found.tls.object) + found.tls.offset;
  return found.indirect ? invoke(found.address, [], (_t, address) => address) : found.address;
};

function look(
  task: Task,
  linked: Linked,
  name: string,
  version: string | undefined,
  handle: number,
): FoundSymbol | undefined {
  if (handle === DEFAULT) {
    // The caller's own library has a say where it was opened locally.
    const own = librariesOf(task).scopes.get(objectAt(task, caller(task))!);
    return linked.symbol({ name, version }) ?? (own && linked.symbol({ name, version, scope: own }));
  }
  if (handle >= NEXT) {
    const after = objectAt(task, caller(task));
    return after && linked.symbol({ name, version, after });
  }
  const object = librariesOf(task).objects.get(handle);
  if (object === undefined) return undefined;
  if (object === linked.program) return linked.symbol({ name, version });
  return linked.symbol({ name, version, scope: librariesOf(task).scopes.get(object) ?? [object] });
}

/** dladdr: the object, and the symbol that holds the address. */
const dladdr: DirectCall = (task) => {
  const osv = osvOf(task), libraries = librariesOf(task);
  const address = arg(task, 0), info = arg(task, 1);
  const object = objectAt(task, address);
  if (object === undefined) return 0;
  let table = libraries.symbols.get(object);
  if (table === undefined) libraries.symbols.set(object, table = elfSymbols(object.elf.file));
  const symbol = table.at(address - object.bias);
  const name = object === osv.linked?.program ? task.space.getNum64(osv.argv) ?? 0 : osv.string(object.name);
  const fields = [
    name,
    object.range[0],
    symbol === undefined ? 0 : osv.string(symbol.name),
    symbol === undefined ? 0 : object.bias + symbol.value,
  ];
  return fields.every((value, n) => task.space.setNum64(info + 8 * n, value)) ? 1 : 0;
};

/** dl_iterate_phdr(callback, data): as long as the callback answers 0. */
const iterate: DirectCall = (task) => {
  const osv = osvOf(task), libraries = librariesOf(task);
  const callback = arg(task, 0), data = arg(task, 1);
  const objects = [...osv.linked?.mapped() ?? []];
  const info = osv.heap.allocate(INFO);
  if (info === 0) return 0;
  const step = (t: Task, n: number): Outcome => {
    const object = objects[n];
    if (object === undefined) {
      osv.heap.release(info);
      return 0;
    }
    const { bias, elf } = object;
    const headers = elf.segments.find((s) => s.type === PT_LOAD && s.offset === 0);
    const table = elf.segments.find((s) => s.type === 6)?.vaddr ?? (headers?.vaddr ?? 0) + elf.phoff;
    const name = osv.string(object === osv.linked?.program ? "" : object.name);
    const words = [
      bias,
      name,
      bias + table,
      elf.segments.length,
      libraries.loads + objects.length,
      libraries.unloads,
      object.tlsModule,
      object.tlsModule === 0 ? 0 : tlsBlock(t, object),
    ];
    words.forEach((value, k) => t.space.setNum64(info + 8 * k, value));
    return invoke(callback, [info, INFO, data], (u, result) => {
      if ((result | 0) === 0) return step(u, n + 1);
      osv.heap.release(info);
      return result | 0;
    });
  };
  return step(task, 0);
};

/** _dl_find_object(address, result): what an unwinder wants to know. */
const findObject: DirectCall = (task) => {
  const address = arg(task, 0), out = arg(task, 1);
  const object = objectAt(task, address);
  const frames = object?.elf.segments.find((s) => s.type === PT_EH_FRAME);
  if (object === undefined || frames === undefined) return -1;
  const [start, end] = object.range;
  const words = [0, start, end, mapOf(task, object), object.bias + frames.vaddr];
  return words.every((value, n) => task.space.setNum64(out + 8 * n, value)) ? 0 : -1;
};

/** See the file's head. */
export const dlCalls: Calls = {
  dlopen,
  dlsym: lookup(false),
  dlvsym: lookup(true),
  dlclose,
  dlerror: (task) => {
    const libraries = librariesOf(task);
    const { error } = libraries;
    libraries.error = undefined;
    return error === undefined ? 0 : osvOf(task).string(error);
  },
  dladdr,
  dl_iterate_phdr: iterate,
  _dl_find_object: findObject,
};
