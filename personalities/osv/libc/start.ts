/**
 * Start and end of a program: `__libc_start_main`, the functions of atexit, `exit` (O5, O7). Guest functions are called
 * one after the other through invoke, since a handler never runs guest code itself.
 */
import { type Control, EXIT, invoke, type Outcome, type Task } from "@guise/core";
import { endProcess, processOf } from "@guise/linux/services";
import { arg, type Calls, type DirectCall, int, text } from "../direct.ts";
import { type ExitHandler, osvOf } from "../state.ts";
import { flushAll } from "./streams.ts";

/** A function of the guest to call. */
export interface GuestCall {
  readonly address: number;
  readonly args: readonly number[];
}

/** Calls guest functions one after the other; `next` comes after the last. */
export function invokeAll(
  task: Task,
  calls: readonly GuestCall[],
  next: (task: Task) => Outcome,
  n = 0,
): Outcome {
  if (n === calls.length) return next(task);
  return invoke(calls[n].address, calls[n].args, (t) => invokeAll(t, calls, next, n + 1));
}

/** __libc_start_main(main, argc, argv, init, fini, rtld_fini, stack_end). */
const startMain: DirectCall = (task) => {
  const osv = osvOf(task);
  const main = arg(task, 0), argc = int(task, 1), argv = arg(task, 2), init = arg(task, 3);
  osv.argc = argc;
  osv.argv = argv;
  const args = [argc, argv, osv.environment];
  // Programs built for glibc before 2.34 bring a function that calls the arrays; later ones leave it to the libc.
  const functions = init !== 0 ? [init] : osv.linked?.program.initFunctions ?? [];
  return invokeAll(
    task,
    functions.map((address) => ({ address, args })),
    () => invoke(main, args, (u, status) => exit(u, status)),
  );
};

/** exit(3): handlers in reverse order, fini functions, streams; then the machine is shut down (O7). */
export function exit(task: Task, status: number): Outcome {
  const osv = osvOf(task);
  const handler = osv.exitHandlers.pop();
  if (handler !== undefined) {
    return invoke(handler.address, [handler.argument, 0], (t) => exit(t, status));
  }
  if (osv.exiting) return shutdown(task, status);
  osv.exiting = true;
  const objects = [...osv.linked?.initOrder ?? [], ...osv.opened].reverse();
  const calls = objects.flatMap((object) => object.finiFunctions.map((address) => ({ address, args: [] })));
  return invokeAll(task, calls, (t) => {
    if (osv.exitHandlers.length > 0) return exit(t, status);
    return flushAll(t, [...osv.streams.all.values()].filter((s) => s.filled > 0), (u) => shutdown(u, status));
  });
}

/** Runs the handlers of some library, the last one first; they are forgotten. */
export function runFinalizers(
  task: Task,
  wanted: (handler: ExitHandler) => boolean,
  next: (task: Task) => Outcome,
): Outcome {
  const { exitHandlers } = osvOf(task);
  const at = exitHandlers.findLastIndex(wanted);
  if (at < 0) return next(task);
  const [handler] = exitHandlers.splice(at, 1);
  return invoke(handler.address, [handler.argument, 0], (t) => runFinalizers(t, wanted, next));
}

/** What a verbose OSv writes when a program ends (O7). */
export function tellExit(task: Task, status: number): void {
  const osv = osvOf(task);
  if (osv.verbose) osv.log(`program exited with status ${status}\n`);
}

/** The end, without handlers: `_exit`, exit_group. */
export function shutdown(task: Task, status: number): Control {
  const osv = osvOf(task);
  osv.exiting = true;
  tellExit(task, status);
  endProcess(processOf(task), (status & 0xff) << 8);
  return EXIT;
}

const SIGABRT = 6;

/** A line on the console, and the end by SIGABRT. */
export function abortWith(task: Task, line: string): Outcome {
  osvOf(task).log(`${line}\n`);
  endProcess(processOf(task), SIGABRT);
  return EXIT;
}

const atexit: DirectCall = (task) => {
  osvOf(task).exitHandlers.push({ address: arg(task, 0), argument: 0, object: 0 });
  return 0;
};

/** See the file's head. */
export const startCalls: Calls = {
  __libc_start_main: startMain,
  exit: (task) => exit(task, int(task, 0)),
  _exit: (task) => shutdown(task, int(task, 0)),
  _Exit: (task) => shutdown(task, int(task, 0)),
  atexit,
  __cxa_atexit: (task) => {
    const [address, argument, object] = [arg(task, 0), arg(task, 1), arg(task, 2)];
    osvOf(task).exitHandlers.push({ address, argument, object });
    return 0;
  },
  // Called by a library's own end function with an address of its own; 0: everybody's.
  __cxa_finalize: (task) => {
    const object = arg(task, 0);
    return runFinalizers(task, (handler) => object === 0 || handler.object === object, () => 0);
  },
  abort: (task) => abortWith(task, "Aborted"),
  __stack_chk_fail: (task) => abortWith(task, "*** stack smashing detected ***: terminated"),
  __chk_fail: (task) => abortWith(task, "*** buffer overflow detected ***: terminated"),
  __assert_fail: (task) => {
    const say = (n: number) => arg(task, n) === 0 ? "" : text(task, arg(task, n)) ?? "?";
    const program = processOf(task).exe.split("/").pop() ?? "";
    return abortWith(
      task,
      `${program}: ${say(1)}:${int(task, 2)}: ${say(3)}: Assertion \`${say(0)}' failed.`,
    );
  },
};
