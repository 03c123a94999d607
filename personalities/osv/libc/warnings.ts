/** err.h and dprintf: formatted lines on standard error or a descriptor. */
import type { Outcome, Task } from "@guise/core";
import { answer, arg, type Calls, type DirectCall, int, perform, text } from "../direct.ts";
import { osvOf } from "../state.ts";
import { exit } from "./start.ts";
import { format } from "./stdio.ts";
import { put } from "./streams.ts";
import { type List, listAt } from "./variadic.ts";

function errnoOf(task: Task): number {
  const { errnoOffset } = osvOf(task);
  return task.space.getU32(task.frame.num(task.process.cpu.arch.tls) + errnoOffset) ?? 0;
}

/** `program: message: error`; then the end, when a status is given. */
function warn(
  task: Task,
  template: number,
  list: List,
  withError: boolean,
  status: number | undefined,
): Outcome {
  const { linked, streams } = osvOf(task);
  const errno = errnoOf(task);
  const at = linked?.lookup("__progname");
  const program = at === undefined ? "" : text(task, task.space.getNum64(at) ?? 0) ?? "";
  const finish = (t: Task): Outcome => status === undefined ? 0 : exit(t, status);
  const say = (t: Task, words: string): Outcome => {
    const stderr = streams.all.get(streams.standard(t)[2]);
    const error = withError ? `${words === "" ? "" : ": "}${osvOf(t).words(errno)}` : "";
    if (stderr === undefined) return finish(t);
    return put(t, stderr, new TextEncoder().encode(`${program}: ${words}${error}\n`), finish);
  };
  if (template === 0) return say(task, "");
  return format(
    task,
    template,
    list,
    (t, bytes) => say(t, new TextDecoder().decode(bytes ?? new Uint8Array(0))),
  );
}

/** Forms by where the template is: after a status or first; with arguments or a list of them. */
function form(ends: boolean, withError: boolean, list: boolean): DirectCall {
  const at = ends ? 1 : 0;
  return (task) => {
    const status = ends ? int(task, 0) : undefined, template = arg(task, at);
    const made = list ? { address: arg(task, at + 1) } : listAt(task, osvOf(task).heap, at + 1);
    return made === undefined ? 0 : warn(task, template, made, withError, status);
  };
}

function descriptorPrint(template: number, list: boolean): DirectCall {
  return (task) => {
    const fd = int(task, 0), { heap } = osvOf(task);
    const made = list ? { address: arg(task, template + 1) } : listAt(task, heap, template + 1);
    if (made === undefined) return -1;
    return format(task, arg(task, template), made, (t, bytes) => {
      const block = bytes === undefined ? 0 : heap.allocate(Math.max(1, bytes.length));
      if (bytes === undefined || block === 0) return -1;
      t.space.write(block, bytes);
      return perform(t, "write", [fd, block, bytes.length], (u, n) => {
        heap.release(block);
        return answer(u, n);
      });
    });
  };
}

/** See the file's head. */
export const warningCalls: Calls = {
  err: form(true, true, false),
  errx: form(true, false, false),
  warn: form(false, true, false),
  warnx: form(false, false, false),
  verr: form(true, true, true),
  verrx: form(true, false, true),
  vwarn: form(false, true, true),
  vwarnx: form(false, false, true),
  dprintf: descriptorPrint(1, false),
  __dprintf_chk: descriptorPrint(2, false),
  vdprintf: descriptorPrint(1, true),
  __vdprintf_chk: descriptorPrint(2, true),
};
