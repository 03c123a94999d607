/** Signals that come from outside the kernel: the keys of the host's terminal, its SIGTERM, an end by time. */
import type { Process } from "@guise/core";
import { processKey } from "../state.ts";
import { SI_KERNEL, SI_USER } from "./info.ts";
import { SIGKILL } from "./numbers.ts";
import { sendGroup, sendProcess } from "./send.ts";

/** What keys of a terminal, and its window, send. */
const KEYS = [2, 3, 20, 28];

/**
 * See Personality.signal. What keys send goes to the foreground group; SIGKILL ends everything that runs, since what the
 * program left behind has nobody else to end it; all others go to the program alone.
 */
export function signalFromOutside(process: Process, signo: number): void {
  const target = process.data.find(processKey);
  if (target === undefined) return;
  const { linux } = target;
  if (signo === SIGKILL) {
    for (const each of [...linux.processes.values()]) sendProcess(each, { signo, code: SI_KERNEL });
  } else if (KEYS.includes(signo)) {
    const group = target.session.terminal === undefined ? target.group : target.session.foreground;
    sendGroup(linux, group, { signo, code: SI_KERNEL });
  } else {
    sendProcess(target, { signo, code: SI_USER, pid: 0, uid: 0 });
  }
}
