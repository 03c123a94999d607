/**
 * The printer of a trace, line by line as strace does (spec X32, X33): the part of a call that is known when it starts
 * is printed then, results stand at column 40, and what another task prints in between cuts a line in two. It
 * knows calls as text only.
 */
import { type Errno, errnoName, errnoText } from "@guise/core";

/** Column of `= result`. */
const COLUMN = 40;

/** How lines name their task: `[pid 12] ` while there are several (`strace -f`), or always `12 ` (`strace -f -o FILE`). */
export type Leader = "several" | "always";

/** What was printed of a call when it started. */
interface Open {
  readonly name: string;
  /** Arguments already printed. */
  readonly printed: number;
}

/** Numbers above this are addresses and errors no longer: results of -1 to -4095 are errors on Linux. */
export const isError = (result: number): boolean => result < 0 && result >= -4095;

/** `= …` of a call that has a result. `text` is that of a result which is no error. */
export function resultOf(result: number, text: () => string): string {
  return isError(result) ? errorOf(result) : text();
}

/** `-1 EBADF (Bad file descriptor)`. */
export function errorOf(errno: Errno): string {
  const result: number = errno;
  // Restarts that the guest never sees are shown with a question mark.
  const shown = result <= -512 ? "?" : "-1";
  return `${shown} ${errnoName(errno)} (${errnoText(errno)})`;
}

/** Spaces up to the column. */
const SPACES: readonly string[] = Array.from({ length: COLUMN + 1 }, (_, n) => " ".repeat(n));

/** Prints to `write`, which gets whole and partial lines in order. */
export class Tracer {
  readonly #write: (text: string) => void;
  readonly #leader: Leader;
  /** On a terminal: what has been printed and not written, so that a line shows at once and costs one write of the host's. */
  #text = "";
  readonly #joins: boolean;
  /** The task whose line is not finished, and how long that line is. */
  #current: number | undefined;
  #column = 0;
  /** Calls that have started, by task. */
  readonly #open = new Map<number, Open>();
  readonly #alive = new Set<number>();
  #last = 0;
  #lead = "";

  /** `write` gets text in order; `leader` says how lines name their task. */
  constructor(write: (text: string) => void, leader: Leader) {
    this.#write = write;
    this.#leader = leader;
    this.#joins = leader === "several";
  }

  #print(text: string): void {
    this.#column += text.length;
    if (this.#joins) this.#text += text;
    else this.#write(text);
  }
  #finish(): void {
    if (this.#joins) this.#text += "\n";
    else this.#write("\n");
    this.#current = undefined;
    this.#column = 0;
  }
  #send(): void {
    if (!this.#joins) return;
    const text = this.#text;
    this.#text = "";
    this.#write(text);
  }
  /** Begins a line of that task, or goes on with the one it has begun: then false. */
  #begin(task: number): boolean {
    if (this.#current === task) return false;
    if (this.#current !== undefined) {
      this.#print(" <unfinished ...>");
      this.#finish();
    }
    this.#current = task;
    this.#column = 0;
    if (this.#leader === "always") {
      if (task !== this.#last) {
        this.#last = task;
        this.#lead = `${String(task).padEnd(5)} `;
      }
      this.#print(this.#lead);
    } else if (this.#alive.size > 1) this.#print(`[pid ${String(task).padStart(5)}] `);
    return true;
  }
  /** A message between the lines, or in the middle of one as strace's own messages are. */
  #say(text: string): void {
    this.#write(`strace: ${text}\n`);
  }

  /** A task has been made. The first one is not announced. */
  attach(task: number): void {
    if (this.#alive.has(task)) return;
    this.#alive.add(task);
    if (this.#alive.size > 1 && this.#leader === "several") this.#say(`Process ${task} attached`);
  }

  /** A call starts: `args` are the arguments known so far, `more` says that others follow. */
  enter(task: number, name: string, args: readonly string[], more: boolean): void {
    this.#alive.add(task);
    // A call that was begun and never finished (its task was taken out of it): end that line first.
    if (this.#open.has(task)) this.leave(task);
    this.#begin(task);
    this.#print(name);
    this.#print("(");
    for (let i = 0; i < args.length; i++) {
      if (i > 0) this.#print(", ");
      this.#print(args[i]);
    }
    if (more && args.length > 0) this.#print(", ");
    this.#open.set(task, { name, printed: args.length });
    this.#send();
  }

  /** How many arguments of the call that the task is in have been printed. */
  printed(task: number): number {
    return this.#open.get(task)?.printed ?? 0;
  }

  /** The call has ended. `args` are all arguments (those that were printed are not looked at); `result` is what stands after `= `. */
  exit(task: number, args: readonly string[], result: string): void {
    const open = this.#open.get(task);
    if (open === undefined) return;
    this.#open.delete(task);
    if (this.#begin(task)) this.#print(`<... ${open.name} resumed>`);
    for (let i = open.printed; i < args.length; i++) {
      if (i > open.printed) this.#print(", ");
      this.#print(args[i]);
    }
    this.#print(") ");
    this.#pad();
    this.#print("= ");
    this.#print(result);
    this.#finish();
    this.#send();
  }

  /** The call never comes back: the task has ended in it. `complete`: all its arguments were known at its start. */
  leave(task: number, complete = true): void {
    const open = this.#open.get(task);
    if (open === undefined) return;
    this.#open.delete(task);
    if (this.#begin(task)) this.#print(`<... ${open.name} resumed>`);
    if (!complete) this.#print(" <unfinished ...>");
    this.#print(") ");
    this.#pad();
    this.#print("= ?");
    this.#finish();
    this.#send();
  }

  #pad(): void {
    if (this.#column < COLUMN) this.#print(SPACES[COLUMN - this.#column]);
  }

  /** A line that is no call: `--- SIGCHLD {…} ---`, `+++ exited with 0 +++`. */
  line(task: number, text: string): void {
    this.#begin(task);
    this.#print(text);
    this.#finish();
    this.#send();
  }

  /** The task is gone; `how` is its last line. */
  end(task: number, how: string): void {
    if (!this.#alive.has(task)) return;
    this.line(task, `+++ ${how} +++`);
    this.#alive.delete(task);
    this.#open.delete(task);
  }
}
