/** Compiled interpreters: an image's module for each width of memory, compiled once, beforehand where there is time for it. */

/** What is compiled. */
export interface Compilable {
  readonly module: (wide: boolean) => WebAssembly.Module;
  /** What `module` compiles for 64-bit memories. */
  readonly code?: () => Uint8Array<ArrayBuffer>;
}

const modules = new Map<Compilable, (WebAssembly.Module | undefined)[]>();
const preparing = new Map<Compilable, Promise<void>>();

function listOf(image: Compilable): (WebAssembly.Module | undefined)[] {
  let list = modules.get(image);
  if (!list) modules.set(image, list = []);
  return list;
}

/** The image's module, compiled once. */
export function moduleOf(image: Compilable, wide: boolean): WebAssembly.Module {
  return listOf(image)[Number(wide)] ??= image.module(wide);
}

/**
 * Compiles the interpreter for 64-bit memories beside what the caller does meanwhile, on hosts with threads for it. A CPU that is
 * made before the promise is fulfilled compiles for itself; where this fails, so does that, with a reason.
 */
export function prepareModule(image: Compilable): Promise<void> {
  let promise = preparing.get(image);
  if (promise !== undefined) return promise;
  const compile = async () => {
    const list = listOf(image);
    if (image.code === undefined || list[1] !== undefined) return;
    const module = await WebAssembly.compile(image.code()).catch(() => undefined);
    if (module !== undefined) list[1] ??= module;
  };
  preparing.set(image, promise = compile());
  return promise;
}
