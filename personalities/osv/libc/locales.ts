/**
 * Locale objects: there are two, C and C.UTF-8, which the libc under us makes without memory. They are asked for with an empty
 * environment, since it would look for files that the environment names.
 */
import { invoke, type Outcome, type Task } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, int, text } from "../direct.ts";
import { osvOf, type OsvProcess } from "../state.ts";
import { localeNamed, localeOfEnvironment } from "./misc.ts";

const LC_ALL_MASK = 0x1fff, LC_CTYPE_MASK = 1, ENOENT = -2, EINVAL = -22;
const GLOBAL = -1;

const objects = new WeakMap<OsvProcess, ReadonlyMap<string, number>>();

/** Makes both objects when they are first asked for. */
function withObjects(task: Task, next: (task: Task, both: ReadonlyMap<string, number>) => Outcome): Outcome {
  const osv = osvOf(task), { linked } = osv;
  const known = objects.get(osv);
  if (known !== undefined) return next(task, known);
  const make = linked?.lookup("__guise_under_newlocale"), environ = linked?.lookup("__environ");
  if (make === undefined || environ === undefined) return fail(task, EINVAL) + 1;
  const old = task.space.getNum64(environ) ?? 0, empty = osv.heap.allocate(16);
  task.space.setNum64(empty, 0);
  task.space.setNum64(environ, empty);
  return invoke(
    make,
    [LC_ALL_MASK, osv.string("C"), 0],
    (_t, plain) =>
      invoke(make, [LC_ALL_MASK, osv.string("C.UTF-8"), 0], (u, utf8) => {
        u.space.setNum64(environ, old);
        osv.heap.release(empty);
        const both = new Map([["C", plain], ["C.UTF-8", utf8]]);
        objects.set(osv, both);
        return next(u, both);
      }),
  );
}

const newlocale: DirectCall = (task) => {
  const mask = int(task, 0), base = arg(task, 2);
  const name = text(task, arg(task, 1)) ?? "?";
  const wanted = name === "" ? localeOfEnvironment(task) : localeNamed(name);
  if (wanted === undefined) return fail(task, ENOENT) + 1;
  return withObjects(task, (t, both) => {
    // Characters are all that differs.
    const found = (mask & LC_CTYPE_MASK) !== 0 ? both.get(wanted) : base !== 0 ? base : both.get("C");
    return found ?? fail(t, EINVAL) + 1;
  });
};

const duplocale: DirectCall = (task) => {
  const locale = arg(task, 0);
  if (locale < 2 ** 53) return locale;
  return withObjects(task, (t, both) => both.get(osvOf(t).locale) ?? GLOBAL);
};

/** See the file's head. */
export const localeCalls: Calls = {
  newlocale,
  __newlocale: newlocale,
  duplocale,
  __duplocale: duplocale,
  freelocale: () => 0,
  __freelocale: () => 0,
};
