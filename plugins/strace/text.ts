/** Texts that a trace needs by itself: names of signals and quoted strings. */

// deno-fmt-ignore
const signals: readonly string[] = [
  "0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV",
  "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU",
  "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
  "SIGRTMIN",
];

/** The name of a Linux signal; real-time signals as strace prints them (`SIGRT_2` for 34). */
export function signalName(signal: number): string {
  return signals[signal] ?? (signal > 32 ? `SIGRT_${signal - 32}` : String(signal));
}

const escapes: Readonly<Record<number, string>> = {
  34: '\\"',
  92: "\\\\",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
};

/** A string in quotes with octal escapes, cut after `most` bytes (X33). Octal is short where no digit follows. */
export function quoted(text: string, most = 32): string {
  const bytes = new TextEncoder().encode(text);
  const shown = Math.min(bytes.length, most);
  let out = '"';
  for (let i = 0; i < shown; i++) {
    const c = bytes[i];
    const escape = escapes[c];
    if (escape !== undefined) out += escape;
    else if (c >= 32 && c < 127) out += String.fromCharCode(c);
    else {
      const next = i + 1 < shown ? bytes[i + 1] : 0;
      const digits = next >= 48 && next <= 57 ? 3 : 1;
      out += "\\" + c.toString(8).padStart(digits, "0");
    }
  }
  return out + (shown < bytes.length ? '"...' : '"');
}
