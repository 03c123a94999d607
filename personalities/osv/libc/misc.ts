/** What glibc has and the libc under us does not, or has otherwise: fortified forms, locales, message catalogues, TLS. */
import { invoke, type Outcome, READ, type Task } from "@guise/core";
import { answer, arg, type Calls, type DirectCall, fail, int, perform, setArgs, text } from "../direct.ts";
import { linuxTables } from "@guise/linux/services";
import { processCalls } from "./process.ts";
import { osvOf } from "../state.ts";
import { SET_MASTER } from "../sets.ts";
import { variable as environment } from "./environment.ts";
import { abortWith } from "./start.ts";

/** Names that are another function's in the libc under us: the check's extra arguments come last and are not looked at. */
export const aliases: Readonly<Record<string, string>> = {
  __explicit_bzero_chk: "explicit_bzero",
  __longjmp_chk: "longjmp",
  __mbrlen: "mbrlen",
  __memcpy_chk: "memcpy",
  __memmove_chk: "memmove",
  __mempcpy_chk: "mempcpy",
  __memset_chk: "memset",
  __stpcpy_chk: "stpcpy",
  __strcat_chk: "strcat",
  __strcpy_chk: "strcpy",
  __strncat_chk: "strncat",
  __strncpy_chk: "strncpy",
  __isoc23_strtol: "strtol",
  __isoc23_strtoul: "strtoul",
  __isoc23_strtoll: "strtoll",
  __isoc23_strtoull: "strtoull",
  __isoc23_sscanf: "sscanf",
  gamma: "lgamma",
  // Its own setlocale, which ours asks.
  __guise_under_setlocale: "setlocale",
  __guise_under_newlocale: "newlocale",
};

const LC_ALL = 6;

/** The locales there are (O2): glibc's C, and C.UTF-8. Undefined: no such locale. */
export function localeNamed(name: string): "C" | "C.UTF-8" | undefined {
  if (name === "C" || name === "POSIX") return "C";
  return /^C\.utf-?8$/i.test(name) ? "C.UTF-8" : undefined;
}

/** The value of an environment variable, "" when it is not set. */
const variable = (task: Task, name: string): string => environment(task, name) ?? "";

/** The locale that the environment asks for; undefined when there is none of that name. */
export function localeOfEnvironment(task: Task): "C" | "C.UTF-8" | undefined {
  return localeNamed(variable(task, "LC_ALL") || variable(task, "LC_CTYPE") || variable(task, "LANG") || "C");
}

const categories = [
  "LC_CTYPE",
  "LC_NUMERIC",
  "LC_TIME",
  "LC_COLLATE",
  "LC_MONETARY",
  "LC_MESSAGES",
  "LC_ALL",
];

const setlocale: DirectCall = (task): Outcome => {
  const osv = osvOf(task);
  const category = int(task, 0), pointer = arg(task, 1);
  const under = osv.linked?.lookup("__guise_under_setlocale");
  if (pointer === 0 || under === undefined) return osv.string(osv.locale);
  let name = text(task, pointer) ?? "";
  if (name === "") {
    name = variable(task, "LC_ALL") || variable(task, categories[category] ?? "LC_ALL") ||
      variable(task, "LANG") || "C";
    if (category === LC_ALL && variable(task, "LC_ALL") === "") {
      name = variable(task, "LC_CTYPE") || variable(task, "LANG") || "C";
    }
  }
  const found = localeNamed(name);
  if (found === undefined) return 0;
  return invoke(under, [category, osv.string(found)], () => {
    if (category === LC_ALL || category === 0) osv.locale = found;
    return osv.string(found);
  });
};

/** The name of a system call of OSv by its number. */
function nameOfNumber(arch: string, number: number): string | undefined {
  const table = linuxTables.find((each) => each.arch === arch && each.entry !== "int80");
  const name = table?.rows.get(number)?.name;
  return name !== undefined && SET_MASTER.includes(name) ? name : undefined;
}

/** Identity is OSv's own (O1). */
const exported = (name: string): DirectCall | undefined =>
  ["getpid", "getppid", "getuid", "geteuid", "getgid", "getegid"].includes(name)
    ? processCalls[name]
    : undefined;

/** See the file's head. */
export const miscCalls: Calls = {
  setlocale,
  gettext: (task) => arg(task, 0),
  dgettext: (task) => arg(task, 1),
  dcgettext: (task) => arg(task, 1),
  ngettext: (task) => arg(task, 2) === 1 ? arg(task, 0) : arg(task, 1),
  dngettext: (task) => arg(task, 3) === 1 ? arg(task, 1) : arg(task, 2),
  dcngettext: (task) => arg(task, 3) === 1 ? arg(task, 1) : arg(task, 2),
  textdomain: (task) => arg(task, 0) === 0 ? osvOf(task).string("messages") : arg(task, 0),
  bindtextdomain: (task) => arg(task, 1),
  bind_textdomain_codeset: (task) => arg(task, 1),
  __fdelt_chk: (task) => {
    const fd = int(task, 0);
    return fd < 0 || fd >= 1024
      ? abortWith(task, "*** buffer overflow detected ***: terminated")
      : Math.floor(fd / 64);
  },
  rawmemchr: (task) => {
    const stop = int(task, 1) & 255;
    for (let at = arg(task, 0);;) {
      const length = 4096 - at % 4096;
      if (!task.space.check(at, length, READ)) return 0;
      const found = task.space.bytes(at, length).indexOf(stop);
      if (found >= 0) return at + found;
      at += length;
    }
  },
  __syslog_chk: () => 0,
  syslog: () => 0,
  openlog: () => 0,
  closelog: () => 0,
  mtrace: () => 0,
  muntrace: () => 0,
  backtrace: () => 0,
  backtrace_symbols_fd: () => 0,
  __register_atfork: () => 0,
  // A system call by its number, as a function: O12's line where there is none.
  syscall: (task) => {
    const number = int(task, 0);
    const name = nameOfNumber(task.process.cpu.arch.name, number);
    if (name === undefined) {
      osvOf(task).log(`syscall(): unimplemented system call ${number}\n`);
      return fail(task, -38);
    }
    const args = [1, 2, 3, 4, 5, 6].map((n) => arg(task, n));
    const own = exported(name);
    if (own === undefined) return perform(task, name, args, answer);
    setArgs(task, args);
    return own(task);
  },
  rpmatch: (task) => {
    const words = text(task, arg(task, 0)) ?? "";
    return /^[yY]/.test(words) ? 1 : /^[nN]/.test(words) ? 0 : -1;
  },
  arc4random: (task) => {
    const bytes = new Uint8Array(4);
    task.kernel.random(bytes);
    return new DataView(bytes.buffer).getInt32(0);
  },
  arc4random_buf: (task) => {
    const length = Math.min(arg(task, 1), 1 << 24);
    const bytes = new Uint8Array(length);
    task.kernel.random(bytes);
    task.space.write(arg(task, 0), bytes);
    return 0;
  },
};
