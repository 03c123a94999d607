/**
 * Functions of an interpreter that semantics share, for regions. An instance has hundreds of them, and a region calls a few: so they are
 * not exported, which costs a start 2 KB and some 5 us each, but stand in the instance's table, and a section of the module names them.
 */

/** Name of the custom section: UTF-8 of the first one's place in the table, then all names in order, a line each. */
export const HELPERS = "guise.helpers";

const known = new WeakMap<WebAssembly.Module, ReadonlyMap<string, number>>();

/** Places in the table `operations` by name. */
export function helpersOf(module: WebAssembly.Module): ReadonlyMap<string, number> {
  let slots = known.get(module);
  if (slots === undefined) {
    const [section] = WebAssembly.Module.customSections(module, HELPERS);
    const [first, ...names] = new TextDecoder().decode(section).split("\n");
    known.set(module, slots = new Map(names.map((name, i) => [name, Number(first) + i])));
  }
  return slots;
}
