/**
 * Thread-local data: of the objects that the program started with in the static block below the thread pointer; of libraries
 * that dlopen loaded in blocks that a thread gets when it first asks, by `__tls_get_addr` or through a TLS descriptor.
 */
import type { Task } from "@guise/core";
import type { DynamicObject } from "@guise/elf/key";
import { arg, type Calls, type DirectCall } from "../direct.ts";
import { osvOf, type OsvProcess } from "../state.ts";
import { abortWith } from "./start.ts";
import { threadsOf } from "./threads.ts";

/** The function that TLS descriptors name. */
export const DESCRIPTOR = "__guise_tlsdesc";

/** Blocks of objects by thread pointer. They go with their object's unloading or the process. */
const blocks = new WeakMap<DynamicObject, Map<number, number>>();
/** Descriptors' arguments that name a module and an offset: in a block of the heap. */
const indirect = new WeakMap<OsvProcess, Map<number, DynamicObject>>();

/** The calling thread's data of an object; 0 without memory. */
export function tlsBlock(task: Task, object: DynamicObject): number {
  const pointer = task.frame.num(task.process.cpu.arch.tls);
  if (object.tlsOffset !== 0) return pointer - object.tlsOffset;
  let map = blocks.get(object);
  if (map === undefined) blocks.set(object, map = new Map());
  let block = map.get(pointer);
  const { tls } = object;
  if (block === undefined && tls !== undefined) {
    block = osvOf(task).heap.aligned(Math.max(16, tls.align), tls.memsz);
    const image = task.space.read(object.bias + tls.vaddr, Math.min(tls.filesz, tls.memsz));
    if (block !== 0 && image !== undefined) {
      task.space.write(block, new Uint8Array(Math.min(tls.memsz, 1 << 24)));
      task.space.write(block, image);
    }
    map.set(pointer, block);
  }
  return block ?? 0;
}

/** Fills the static data of libraries that were opened late, for every thread that is there. */
export function fillStatic(task: Task, objects: readonly DynamicObject[]): void {
  const pointers = new Set([task.frame.num(task.process.cpu.arch.tls), ...threadsOf(task).all.keys()]);
  for (const { tls, tlsOffset, bias } of objects) {
    const image = tls && task.space.read(bias + tls.vaddr, Math.min(tls.filesz, tls.memsz));
    if (tls === undefined || image === undefined) continue;
    for (const pointer of pointers) {
      task.space.write(pointer - tlsOffset, new Uint8Array(tls.memsz));
      task.space.write(pointer - tlsOffset, image);
    }
  }
}

const tlsAddress: DirectCall = (task) => {
  const index = arg(task, 0);
  const module = task.space.getNum64(index), offset = task.space.getNum64(index + 8);
  const object = osvOf(task).linked?.mapped().find((o) => o.tlsModule === module && module !== 0);
  if (object === undefined || offset === undefined) return abortWith(task, "__tls_get_addr: no such module");
  return tlsBlock(task, object) + offset;
};

/** The second word of a descriptor: an offset from the thread pointer, or a block that says more. */
export function descriptorArgument(task: Task, object: DynamicObject, offset: number): number {
  if (object.tlsOffset !== 0) return offset - object.tlsOffset;
  const osv = osvOf(task);
  const block = osv.heap.allocate(16);
  let map = indirect.get(osv);
  if (map === undefined) indirect.set(osv, map = new Map());
  map.set(block, object);
  task.space.setNum64(block, offset);
  return block;
}

/** Called with the descriptor's address in the result register; every other register is the caller's. */
const descriptor: DirectCall = (task) => {
  const { arch } = task.process.cpu;
  const at = task.frame.num(arch.register(arch.abis.call.result)) + 8;
  const low = task.space.getU32(at) ?? 0, high = (task.space.getU32(at + 4) ?? 0) | 0;
  const argument = high * 2 ** 32 + low;
  const object = argument > 0 ? indirect.get(osvOf(task))?.get(argument) : undefined;
  if (object === undefined) return argument;
  const offset = task.space.getNum64(argument) ?? 0;
  return tlsBlock(task, object) + offset - task.frame.num(arch.tls);
};

/** See the file's head. */
export const tlsCalls: Calls = { __tls_get_addr: tlsAddress, [DESCRIPTOR]: descriptor };
