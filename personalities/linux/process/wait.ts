/** Waiting for children: which of them has something to tell, and what (wait4(2), waitid(2)). */
import type { LinuxProcess } from "../state.ts";
import { CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED } from "../signals/info.ts";
import { SIGCHLD, SIGCONT } from "../signals/numbers.ts";
import { collectUsage, reap } from "./exit.ts";

// deno-fmt-ignore
/** Options of wait4 and waitid. */
export const WNOHANG = 1, WUNTRACED = 2, WSTOPPED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x1000000,
  WNOTHREAD = 0x20000000, WALL = 0x40000000, WCLONE = 0x80000000;

/** Which children: all, one, or a process group. */
export type Selector =
  | { readonly kind: "all" }
  | { readonly kind: "pid"; readonly id: number }
  | { readonly kind: "group"; readonly id: number };

/** What a child has to tell. */
export interface ChildEvent {
  readonly child: LinuxProcess;
  /** CLD_EXITED and so on, and si_status. */
  readonly code: number;
  readonly status: number;
  /** wait(2)'s word. */
  readonly word: number;
}

function selects(selector: Selector, child: LinuxProcess): boolean {
  switch (selector.kind) {
    case "all":
      return true;
    case "pid":
      return child.pid === selector.id;
    case "group":
      return child.group === selector.id;
  }
}

/** True when the options ask for that kind of child: those that do not send SIGCHLD are asked for apart. */
function eligible(options: number, child: LinuxProcess): boolean {
  if (options & WALL) return true;
  return (child.exitSignal !== SIGCHLD) === ((options & WCLONE) !== 0);
}

/**
 * The next event of a matching child, taken unless WNOWAIT; "none" when there are such children but nothing to tell,
 * "no children" when there are not even those.
 */
export function nextEvent(
  parent: LinuxProcess,
  selector: Selector,
  options: number,
): ChildEvent | "none" | "no children" {
  let any = false;
  const keep = (options & WNOWAIT) !== 0;
  for (const child of parent.children) {
    if (!selects(selector, child) || !eligible(options, child)) continue;
    if (child.state === "dead") continue;
    if (child.state === "zombie") {
      if (!(options & WEXITED)) {
        // A zombie can neither stop nor continue any more.
        any = true;
        continue;
      }
      const word = child.waitStatus;
      const signal = word & 0x7f;
      if (!keep) {
        collectUsage(parent, child);
        reap(child);
      }
      return signal === 0
        ? { child, code: CLD_EXITED, status: word >> 8 & 0xff, word }
        : { child, code: CLD_KILLED, status: signal, word };
    }
    any = true;
    if (options & WSTOPPED && child.stopSignal !== 0 && child.stopReport) {
      if (!keep) child.stopReport = false;
      return { child, code: CLD_STOPPED, status: child.stopSignal, word: child.stopSignal << 8 | 0x7f };
    }
    if (options & WCONTINUED && child.continueReport) {
      if (!keep) child.continueReport = false;
      return { child, code: CLD_CONTINUED, status: SIGCONT, word: 0xffff };
    }
  }
  return any ? "none" : "no children";
}
