/**
 * The function behind every check of a region: an address is outside its window. It looks at the page table, asks the kernel where that
 * refuses, and every now and then moves the window to the pages around the address that allow the access.
 *
 * Registers that alternate between mappings miss all the time. A module counts its misses, and notes some of the windows; when it has lost as
 * much as translating it once more costs, the kernel is told (FIELD.stale), and the new module looks for pages instead (PAGES in layout.ts) where
 * the old one missed.
 */
// cold: constants of 64 bits, while code is generated
import { FIELD, PAGE_BIAS, PAGES, WINDOW } from "../layout.ts";
import { type Func, type FunctionRef, type Global, type I32, i32, i64 } from "../wasm/mod.ts";
import { ACCESS } from "../layout.ts";
import { REACH } from "./known.ts";
import type { Fields } from "./machine.ts";
import type { SlotSpec } from "./slots.ts";
import type { Memories } from "./state.ts";

/** Pages that a search looks at in each direction. */
const FAR = 2048;
/**
 * Misses between two searches: more after each, for registers that alternate between mappings (in python3 a search every 32 misses, about
 * 300 ns each, took two thirds of the time).
 */
const PATIENCE = 32, MOST_PATIENCE = 0x10000;

/** Of so many misses one is noted. */
const NOTED = 61;

/** How a module counts: misses that are left, those until the next one is noted, windows that were; who it is, and how many it may have. */
export interface Misses {
  readonly left: Global<"i32">;
  readonly next: Global<"i32">;
  readonly which: Global<"i64">;
  readonly stale: number;
  readonly most: number;
}

export function emitWindow(
  f: Func,
  { guest, pages, engine }: Memories,
  slow: FunctionRef,
  misses: Misses | undefined,
): void {
  const address = f.param(0, "i64"), request = f.param(1, "i32"), window = f.param(2, "i32");
  const bytes = f.let(request.and(0xffff)), access = f.let(request.shrU(16));
  // What may be written may be read.
  const mask = f.let(access.or(ACCESS.read)), low = f.let(address.wrap());
  const page = f.let(low.shrU(12).add(PAGE_BIAS));
  const refused = pages.load("i32.load8_u", page).and(mask).ne(mask).or(address.shrU(32).ne(0)).or(
    low.and(4095).add(bytes).gtU(4096),
  );
  f.if(refused, () => f.return(f.call("i32", slow, address, request)));
  // No window: the page is to be remembered.
  f.if(window.eqz(), () => {
    const at = f.let(address.shrU(12)), entry = f.let(at.and(PAGES.entries - 1).mul(i64(PAGES.size)));
    f.store(guest, "i64.store", entry, at, PAGES.read);
    f.if(
      pages.load("i32.load8_u", page).and(ACCESS.write),
      () => f.store(guest, "i64.store", entry, at, PAGES.write),
    );
    f.return(i32(0));
  });
  if (misses) {
    const { left, next, which, stale, most } = misses;
    f.if(left.ltS(0), () => (f.setGlobal(left, most), f.setGlobal(next, NOTED), f.setGlobal(which, 0)));
    f.setGlobal(left, left.sub(1)), f.setGlobal(next, next.sub(1));
    f.if(next.leS(0), () => {
      const bit = i64(1).shl(window.sub(WINDOW.first).shrU(Math.log2(WINDOW.size)).extendU());
      f.setGlobal(which, which.or(bit)), f.setGlobal(next, NOTED);
    });
    f.if(left.leS(0), () => {
      f.store(engine, "i32.store", 0, stale, FIELD.stale);
      f.store(engine, "i64.store", 0, which, FIELD.missed);
      f.setGlobal(left, most);
    });
  }
  const patience = f.let(guest.load("i32.load", window, WINDOW.patience));
  f.if(patience.gtS(0), () => {
    f.store(guest, "i32.store", window, patience.sub(1), WINDOW.patience);
    f.return(i32(0));
  });
  // Every second window is for writing, whatever looks through it now.
  f.if(window.and(WINDOW.size), () => f.set(mask, ACCESS.read | ACCESS.write));
  f.if(pages.load("i32.load8_u", page).and(mask).ne(mask), () => f.return(i32(0)));
  const eight = f.let(mask.extendU().mul(i64(0x0101010101010101n)));
  const first = f.let(page), end = f.let(page.add(1));
  const least = f.let(page.sub(FAR)), most = f.let(page.add(FAR));
  f.if(least.ltS(8), () => f.set(least, 8));
  f.if(most.gtS(0x100000 - 8), () => f.set(most, 0x100000 - 8));
  const all = (at: I32, offset: number) => pages.load("i64.load", at, offset).and(eight).eq(eight);
  const one = (at: I32) => pages.load("i32.load8_u", at).and(mask).eq(mask);
  f.while(() => first.gtS(least), (leave) => {
    f.if(all(first.sub(8), 0), () => f.set(first, first.sub(8)), () => {
      f.brIf(leave, one(first.sub(1)).eqz());
      f.set(first, first.sub(1));
    });
  });
  f.while(() => end.ltS(most), (leave) => {
    f.if(all(end, 0), () => f.set(end, end.add(8)), () => {
      f.brIf(leave, one(end).eqz());
      f.set(end, end.add(1));
    });
  });
  f.store(guest, "i64.store", window, first.sub(PAGE_BIAS).extendU().shl(12), WINDOW.start);
  f.store(guest, "i64.store", window, end.sub(first).extendU().shl(12).sub(REACH), WINDOW.length);
  const last = guest.load("i32.load", window, WINDOW.last), more = f.let(last.shl(1).or(PATIENCE));
  f.if(more.gtS(MOST_PATIENCE), () => f.set(more, MOST_PATIENCE));
  f.store(guest, "i32.store", window, more, WINDOW.patience);
  f.store(guest, "i32.store", window, more, WINDOW.last);
  f.return(i32(0));
}

/** For tests: pages are looked for by all registers but the stack pointer, from the beginning. */
export const paging: { always: boolean } = { always: false };

/** Addresses from the same register tend to lie in the same mapping: the registers share the windows (layout.ts). */
export class Windows {
  readonly #places = new Map<number, number>();
  /** Windows that the module at hand does not look through: it looks for pages. */
  paged: ReadonlySet<number> = new Set();
  constructor(readonly spec: SlotSpec) {
    this.#place(spec.stack);
  }
  #place(register: number): number {
    let n = this.#places.get(register);
    if (n === undefined) this.#places.set(register, n = this.#places.size % (WINDOW.count / 2));
    return n;
  }
  /** Offset in the state block of the window for an access. */
  of({ base, index }: Fields, indexed: boolean, access: number): number {
    const register = base === this.spec.zero && indexed ? index : base;
    const n = this.#place(register) * 2 + (access === ACCESS.write || register === this.spec.stack ? 1 : 0);
    return WINDOW.first + n * WINDOW.size;
  }
  /** That of the stack. */
  get stack(): number {
    return WINDOW.first + WINDOW.size;
  }
}
