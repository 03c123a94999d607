/**
 * Writes docs/syscalls.md from the Linux tables: one declaration gives dispatch, trace and this row. `--check` only says
 * whether the file is up to date.
 *
 * @module
 */
import { join } from "@std/path";
import type { Syscall } from "@guise/core";
import { linuxTables, subjects } from "@guise/linux/tables";
import { root } from "./workspace.ts";

const file = join(root, "docs", "syscalls.md");

function args(call: Syscall): string {
  return Object.values(call.spec.args).map((a) => a.label).filter((l) => l !== "").join(", ").replaceAll(
    "|",
    "\\|",
  );
}

function row(numbers: readonly (number | null)[], call: Syscall): string {
  const { doc, support = "full", note } = call.spec;
  const [x86, arm] = numbers.map((n) => n ?? "–");
  const state = note === undefined || note === "" ? support : `${support}: ${note}`;
  return `| ${x86} | ${arm} | \`${call.name}\` | \`(${args(call)})\` | ${doc} | ${state} |`;
}

/** The text of docs/syscalls.md. */
export function document(): string {
  const all = Object.values(subjects).flat();
  const there = all.filter(([, call]) => call.spec.support !== "none").length;
  const lines = [
    "<!-- deno-fmt-ignore-file -->",
    "",
    "# Linux system calls",
    "",
    "Generated from the tables by `deno run -A tests/tools/syscalls.ts`; do not edit.",
    "",
    `${there} calls are there; every other number answers \`ENOSYS\` and is reported once as an event.`,
    "Numbers are those of x86-64 (SYSCALL) and aarch64 (SVC); `–`: not on that architecture.",
  ];
  for (const [subject, rows] of Object.entries(subjects)) {
    lines.push(
      "",
      `## ${subject}`,
      "",
      "| x86-64 | aarch64 | name | arguments | | support |",
      "|---|---|---|---|---|---|",
    );
    const sorted = [...rows].sort(([a], [b]) => (a[0] ?? a[1] ?? 0) - (b[0] ?? b[1] ?? 0));
    for (const [numbers, call] of sorted) lines.push(row(numbers, call));
  }
  const int80 = linuxTables.find(({ entry }) => entry === "int80")!;
  lines.push(
    "",
    "## INT 0x80 on x86-64",
    "",
    "The i386 table, for 64-bit code; the numbers not named answer `ENOSYS`.",
    "",
  );
  lines.push(
    [...int80.rows].sort(([a], [b]) => a - b).map(([n, { name }]) => `${n} \`${name}\``).join(", ") + ".",
  );
  return lines.join("\n") + "\n";
}

if (import.meta.main) {
  const text = document();
  if (Deno.args.includes("--check")) {
    let old = "";
    try {
      old = Deno.readTextFileSync(file);
    } catch {
      // It is written below by a person, when this check fails.
    }
    if (old !== text) {
      console.log("docs/syscalls.md is not up to date: deno run -A tests/tools/syscalls.ts");
      Deno.exit(1);
    }
  } else Deno.writeTextFileSync(file, text);
}
