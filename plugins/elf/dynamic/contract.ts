/** What the dynamic linker asks of a kernel, and what it gives it. */
import type { Backing } from "@guise/core";
import type { Image } from "../key.ts";
import type { DynamicObject } from "./object.ts";

/** Where the linker finds what a program does not bring. */
export interface LinkHost {
  /** A library by its soname, or undefined when the guest has none. */
  open(name: string): { readonly file: Backing; readonly path: string } | undefined;
  /** Sonames that the kernel stands in for: they are not looked for. */
  standsIn(name: string): boolean;
  /** A function or datum of the kernel: its guest address. */
  export(name: string): number | undefined;
  /** The name under which `under` has it: `__memcpy_chk` is `memcpy` there. */
  alias(name: string): string;
  /** The libc that completes the kernel's exports: asked after them. */
  readonly under: { readonly file: Backing; readonly path: string } | undefined;
  /** Names that may be missing: they resolve to a page without rights, and fault on use (O4). */
  tolerated(name: string): boolean;
  /** The function that TLS descriptors name: it gets a descriptor's address and answers an offset from the thread pointer. */
  descriptor?(): number | undefined;
  /** The second word of the descriptor of data in a module that has no static place. */
  descriptorArgument?(object: DynamicObject, offset: number): number;
  /** A function that is missing and is bound only when it is called: the address of what says so then (O4). */
  missing?(object: string, name: string): number | undefined;
}

/** Everything that a start needs. */
export interface Linked {
  /** Tells it from a {@link Refusal}. */
  readonly kind: "linked";
  /** The mapped program. */
  readonly image: Image;
  /** The program first, then libraries breadth first, then the libc under them. */
  readonly objects: readonly DynamicObject[];
  /** The program itself. */
  readonly program: DynamicObject;
  /** IFUNC resolvers with the places that take their results. To be called before any other code. */
  readonly indirect: readonly {
    readonly resolver: number;
    readonly place: number;
    readonly addend: number;
  }[];
  /** Objects in the order of their init functions: deepest dependency first, the program last. */
  readonly initOrder: readonly DynamicObject[];
  /** Bytes of static thread-local data below the thread pointer, or from it upwards; a multiple of 64. */
  readonly tlsSize: number;
  /** Thread-local data lie above the thread pointer (variant 1 of the TLS ABI), not below. */
  readonly tlsAbove: boolean;
  /** A symbol's address in lookup order (dlsym, and data that a copy relocation moved). */
  lookup(name: string): number | undefined;
  /** Loads a library with all that it needs (dlopen); a text when it cannot. Its init functions have not run. */
  open(name: string, options?: OpenOptions): Opened | string;
  /**
   * One user of an opened library less (dlclose). What nobody uses any more, in the order of its end functions: they are
   * called first, then {@link unload} takes it out of memory. Undefined: it was not open.
   */
  close(object: DynamicObject): readonly DynamicObject[] | undefined;
  /** Takes objects that {@link close} named out of memory. */
  unload(objects: readonly DynamicObject[]): void;
  /** A symbol in lookup order, or in a scope: see {@link SymbolQuery}. */
  symbol(query: SymbolQuery): FoundSymbol | undefined;
  /** All objects that are mapped now, in the order in which they came. */
  mapped(): readonly DynamicObject[];
  /** Writes the initial thread-local data of all objects below this thread pointer. */
  fillTls(pointer: number): boolean;
  /** Makes relocated constants read-only, after the resolvers have run. */
  protect(): void;
}

/** How {@link Linked.open} loads. */
export interface OpenOptions {
  /** Its symbols complete the global scope (RTLD_GLOBAL). */
  readonly global?: boolean;
  /** Only what is there already (RTLD_NOLOAD). */
  readonly onlyLoaded?: boolean;
  /** It stays until the program's end (RTLD_NODELETE). */
  readonly keep?: boolean;
}

/** What {@link Linked.symbol} looks for. */
export interface SymbolQuery {
  readonly name: string;
  /** One version, hidden ones too (dlvsym); else the default one. */
  readonly version?: string;
  /** The objects to look in, in the place of the lookup order. */
  readonly scope?: readonly DynamicObject[];
  /** Only after this object in the lookup order (RTLD_NEXT). */
  readonly after?: DynamicObject;
}

/** Where a symbol is. */
export interface FoundSymbol {
  readonly address: number;
  /** Its resolver must be called for the address. */
  readonly indirect: boolean;
  /** Of a thread-local one: its object and the offset there. */
  readonly tls?: { readonly object: DynamicObject; readonly offset: number };
}

/** What dlopen loaded. */
export interface Opened {
  /** The library that was asked for. */
  readonly object: DynamicObject;
  /** It and what it needs, breadth first. */
  readonly scope: readonly DynamicObject[];
  /** What was not there before, in the order of init functions. */
  readonly initOrder: readonly DynamicObject[];
  /** See {@link Linked.indirect}: of the new objects. */
  readonly indirect: Linked["indirect"];
  /** New objects whose thread-local data lies in the static block: every thread's must be filled. */
  readonly staticTls: readonly DynamicObject[];
  /** See {@link Linked.protect}: of the new objects. */
  protect(): void;
}
