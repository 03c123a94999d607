/** The kernel's exported functions (O2), numbered: the number is the target of a call stub. */
import type { Calls, DirectCall } from "./direct.ts";
import { calendarCalls } from "./libc/calendar.ts";
import { directoryCalls } from "./libc/directory.ts";
import { dlCalls } from "./libc/dl.ts";
import { getoptCalls } from "./libc/getopt.ts";
import { jumpCalls } from "./libc/jumps.ts";
import { kernelCalls } from "./libc/kernel.ts";
import { memoryCalls } from "./libc/memory.ts";
import { miscCalls } from "./libc/misc.ts";
import { moreCalls } from "./libc/more.ts";
import { moreThreadCalls } from "./libc/more_threads.ts";
import { nameCalls } from "./libc/names.ts";
import { olderCalls } from "./libc/older.ts";
import { processCalls } from "./libc/process.ts";
import { regexCalls } from "./libc/regex.ts";
import { semaphoreCalls } from "./libc/semaphores.ts";
import { signalCalls } from "./libc/signals.ts";
import { startCalls } from "./libc/start.ts";
import { stdioCalls } from "./libc/stdio.ts";
import { threadCalls } from "./libc/threads.ts";
import { timeCalls } from "./libc/time.ts";
import { tlsCalls } from "./libc/tls.ts";
import { wordCalls } from "./libc/words.ts";
import { localeCalls } from "./libc/locales.ts";
import { mountCalls } from "./libc/mounts.ts";
import { obstackCalls } from "./libc/obstack.ts";
import { scanCalls } from "./libc/scan.ts";
import { deviceCalls } from "./libc/devices.ts";
import { wideCalls } from "./libc/wide.ts";
import { warningCalls } from "./libc/warnings.ts";
import { hostCalls } from "./libc/hosts.ts";
import { treeCalls } from "./libc/ftw.ts";
import { globCalls } from "./libc/glob.ts";
import { userCalls } from "./libc/users.ts";

/** All functions by name; later subjects win over what is only a system call. */
const calls: Calls = {
  ...kernelCalls,
  ...moreCalls,
  ...memoryCalls,
  ...directoryCalls,
  ...stdioCalls,
  ...startCalls,
  ...processCalls,
  ...signalCalls,
  ...threadCalls,
  ...userCalls,
  ...nameCalls,
  ...dlCalls,
  ...timeCalls,
  ...miscCalls,
  ...regexCalls,
  ...olderCalls,
  ...globCalls,
  ...treeCalls,
  ...hostCalls,
  ...warningCalls,
  ...wideCalls,
  ...deviceCalls,
  ...scanCalls,
  ...obstackCalls,
  ...mountCalls,
  ...localeCalls,
  ...wordCalls,
  ...tlsCalls,
  ...jumpCalls,
  ...moreThreadCalls,
  ...getoptCalls,
  ...semaphoreCalls,
  ...calendarCalls,
};

/** Names by target. */
export const names: readonly string[] = Object.keys(calls);
/** Functions by target. */
export const functions: readonly DirectCall[] = Object.values(calls);

const targets = new Map(names.map((name, target) => [name, target]));

/** The target of an exported function. */
export function targetOf(name: string): number | undefined {
  return targets.get(name);
}

/** Where a program begins: not a name that a program can import. */
export const BOOT = names.length;

// deno-fmt-ignore
const sonames = new Set(["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libresolv.so.2", "libc.so.6", "libm.so.6",
  "libpthread.so.0", "libdl.so.2", "librt.so.1", "libaio.so.1", "libxenstore.so.3.0", "libcrypt.so.1", "libutil.so",
  "libutil.so.1", "libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1", "libc.so"]);

/** True for the libraries that the kernel is (O2). */
export function standsIn(soname: string): boolean {
  return sonames.has(soname);
}
