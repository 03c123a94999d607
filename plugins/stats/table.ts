/** The table of `strace -c`: time, calls and errors by name. */

/** One row. */
export interface CallCount {
  /** The system call. */
  readonly name: string;
  /** How often it was made. */
  readonly calls: number;
  /** How often it failed. */
  readonly errors: number;
  /** Time inside the call, in ms. */
  readonly ms: number;
}

const RULE = "------ ----------- ----------- --------- --------- ----------------\n";

/** Rows by time, the longest first, and their sum. */
export function countTable(rows: readonly CallCount[]): string {
  const total = rows.reduce((sum, r) => sum + r.ms, 0);
  const line = (r: CallCount): string => {
    const share = total === 0 ? 0 : 100 * r.ms / total;
    const each = Math.trunc(1000 * r.ms / Math.max(1, r.calls));
    return [
      (rows.length === 0 ? 100 : share).toFixed(2).padStart(6),
      (r.ms / 1000).toFixed(6).padStart(11),
      String(each).padStart(11),
      String(r.calls).padStart(9),
      (r.errors === 0 ? "" : String(r.errors)).padStart(9),
      r.name,
    ].join(" ") + "\n";
  };
  const sum = rows.reduce(
    (s, r) => ({ ...s, calls: s.calls + r.calls, errors: s.errors + r.errors, ms: s.ms + r.ms }),
    {
      name: "total",
      calls: 0,
      errors: 0,
      ms: 0,
    },
  );
  const sorted = [...rows].sort((a, b) => b.ms - a.ms || b.calls - a.calls);
  return `% time     seconds  usecs/call     calls    errors syscall\n${RULE}${
    sorted.map(line).join("")
  }${RULE}` +
    (total === 0 ? line(sum).replace(/^ {2}0\.00/, "100.00") : line(sum));
}
