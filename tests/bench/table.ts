/** A measured table as data, for the JSON that a run leaves, and as Markdown. */

/** What a cell holds; undefined: does not apply, or not here. */
export type Cell = number | string | undefined | null;

/** One table. */
export interface Table {
  readonly group: string;
  readonly title: string;
  /** What the numbers are, how they were taken: one or two sentences below the title. */
  readonly note?: string;
  /** Heads of the columns, the row's name first. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Three significant digits are all that a shared machine gives. */
export function show(cell: Cell): string {
  // null: what JSON makes of it.
  if (cell === undefined || cell === null) return "-";
  if (typeof cell === "string") return cell;
  if (Number.isInteger(cell)) return String(cell);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(cell))));
  return cell.toFixed(Math.min(digits, 3));
}

/** As Markdown, aligned as `deno fmt` does it. */
export function markdown(table: Table, level = 3): string {
  const rows = table.rows.map((row) => row.map(show));
  const widths = table.head.map((head, i) => Math.max(3, head.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((c, i) => i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i])).join(" | ")} |`;
  const rule = `| ${widths.map((w, i) => i === 0 ? "-".repeat(w) : "-".repeat(w - 1) + ":").join(" | ")} |`;
  return [
    `${"#".repeat(level)} ${table.title}`,
    "",
    ...table.note === undefined ? [] : [table.note, ""],
    line(table.head),
    rule,
    ...rows.map(line),
    "",
  ].join("\n");
}

/** The geometric mean of what is there. */
export function geometricMean(values: readonly (number | undefined)[]): number | undefined {
  const there = values.filter((v) => v !== undefined && v > 0) as number[];
  return there.length === 0
    ? undefined
    : Math.exp(there.reduce((sum, v) => sum + Math.log(v), 0) / there.length);
}

/** a / b, where both are there. */
export function ratio(a: Cell, b: Cell): number | undefined {
  return typeof a === "number" && typeof b === "number" && b > 0 ? a / b : undefined;
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
