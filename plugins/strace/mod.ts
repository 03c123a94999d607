/**
 * A trace of system calls, printed as strace does (spec X32-X34). Nothing is attached to a guest: the plugin is
 * hooks of the kernel, and without it a call is not slower.
 *
 * @module
 */
import type { ExitStatus, KernelEvent, Plugin, SpawnRequest, SyscallEvent, Task } from "@guise/core";
import { quoted, signalName } from "./text.ts";
import { errorOf, isError, type Leader, resultOf, Tracer } from "./tracer.ts";

export { type Leader, resultOf, Tracer } from "./tracer.ts";
export { TextBuffer } from "./buffer.ts";
export { quoted, signalName } from "./text.ts";

/** Options of {@link strace}. */
export interface StraceOptions {
  /** Takes text in order, whole lines and parts of lines. */
  readonly write: (text: string) => void;
  /** Default "several": as `strace -f` on a terminal. */
  readonly leader?: Leader;
}

/** The plugin. */
export function strace(options: StraceOptions): Plugin {
  const tracer = new Tracer(options.write, options.leader ?? "several");
  /** Tasks that have a call open whose arguments were not all known. */
  const partial = new Set<number>();
  /** Status of tasks that ask for their end, until they have ended. */
  const codes = new Map<number, number>();
  /** The last task of a process is told of when its status is known. */
  const waiting = new Map<number, number[]>();

  /** Tasks whose last call came by another width than their process's own. */
  const narrow = new Set<number>();

  function enter(event: SyscallEvent): void {
    const { task, call } = event;
    mode(event);
    if (call === undefined) {
      const args = [0, 1, 2, 3, 4, 5].map((n) => hex(event.arg(n)));
      tracer.enter(task.id, `${event.label}syscall_0x${(event.number >>> 0).toString(16)}`, args, false);
      return;
    }
    const args = event.text();
    const more = args.length < event.count;
    if (more) partial.add(task.id);
    tracer.enter(task.id, event.label + call.name, args, more);
    if (call.name === "exit") codes.set(task.id, event.arg(0) & 255);
  }

  /** As strace says it, except to a file, when a call comes by the table of another width (INT 0x80 in a 64-bit process). */
  function mode({ task, pointer, label }: SyscallEvent): void {
    if (options.leader === "always") return;
    const other = 8 * pointer !== task.process.cpu.arch.elfClass;
    if (label !== "" || other === narrow.has(task.id)) return;
    if (other) narrow.add(task.id);
    else narrow.delete(task.id);
    tracer.line(task.id, `[ Process PID=${task.id} runs in ${8 * pointer} bit mode. ]`);
  }

  function exit(event: SyscallEvent, result: number | undefined): void {
    const { task, call } = event;
    if (result === undefined) {
      tracer.leave(task.id, !partial.delete(task.id));
      return;
    }
    if (partial.size > 0) partial.delete(task.id);
    if (call === undefined) {
      const args = [0, 1, 2, 3, 4, 5].map((n) => hex(event.arg(n)));
      tracer.exit(task.id, args, resultOf(result, () => hex(result)));
      return;
    }
    const args = event.text(result, tracer.printed(task.id));
    const text = isError(result) ? errorOf(result) : event.resultText(result);
    tracer.exit(task.id, args, text);
  }

  function ended(task: Task): void {
    tracer.leave(task.id, !partial.delete(task.id));
    const process = task.process.id;
    const tasks = waiting.get(process) ?? [];
    tasks.push(task.id);
    waiting.set(process, tasks);
    // Threads that end alone have their own status; the last one, and those killed with it, have the process's.
    const code = codes.get(task.id);
    if (code !== undefined && task.process.tasks.some((t) => t !== task && t.state.kind !== "dead")) {
      tasks.pop();
      tracer.end(task.id, `exited with ${code}`);
    }
    codes.delete(task.id);
  }

  function processEnded(process: number, status: ExitStatus): void {
    const how = status.signal === undefined
      ? `exited with ${status.code}`
      : `killed by ${signalName(status.signal)}`;
    for (const task of waiting.get(process) ?? []) tracer.end(task, how);
    waiting.delete(process);
  }

  function started(task: Task | undefined, request: SpawnRequest): void {
    if (task === undefined) return;
    tracer.attach(task.id);
    const path = typeof request.program === "string" ? request.program : "/proc/self/fd/0";
    const env = Object.keys(request.env).length;
    // strace shows the caller's own pointer here, which a program that was spawned from outside does not have.
    const args = [
      quoted(path, Infinity),
      `[${request.args.map((a) => quoted(a)).join(", ")}]`,
      `0x7ffc00000000 /* ${env} ${env === 1 ? "var" : "vars"} */`,
    ];
    tracer.enter(task.id, "execve", args, false);
    tracer.exit(task.id, args, "0");
  }

  function event(event: KernelEvent): void {
    switch (event.kind) {
      case "spawn":
        if (event.request !== undefined) started(event.process.tasks[0], event.request);
        break;
      case "task":
        tracer.attach(event.task.id);
        break;
      case "signal":
        tracer.line(event.task.id, `--- ${event.text} ---`);
        break;
      case "taskEnd":
        ended(event.task);
        break;
      case "end":
        processEnded(event.process.id, event.status);
        break;
    }
  }
  return { name: "strace", hooks: { enter, exit, event } };
}

/** As strace prints what it knows nothing about; negative numbers as 64 bits. */
function hex(n: number): string {
  if (n >= 0) return n === 0 ? "0" : `0x${n.toString(16)}`;
  return `0x${BigInt.asUintN(64, BigInt(Math.trunc(n))).toString(16)}`;
}
