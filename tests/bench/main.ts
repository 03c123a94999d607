/**
 * `deno task bench [ground|cpu|calls|programs|start|memory|entries]…`: tables of what it costs, all runners side by side in one run,
 * since only ratios within a run hold on a shared machine. Options:
 *
 *     --engines=interpreter,jit,auto   Guise's engines, the last one is compared with native and qemu
 *     --machines=x86-64,aarch64
 *     --rounds=3                       runs of which the median counts
 *     --only=getpid,fork               rows of `cpu` and `calls`
 *     --ms=300                         for how long these repeat something, in ms; --ms=1000,5000 makes two tables of `cpu`
 *     --json=FILE                      results as JSON (default: below tests/.guests, with what the machine was)
 *     --write=FILE,FILE                put the tables between the marks of Markdown files (docs/performance.md, docs/entries.md)
 *     --from=FILE                      no measuring: the tables of a JSON
 */
import { type Conditions, conditions, conditionsText } from "./conditions.ts";
import { calls } from "./groups/calls.ts";
import { cpu } from "./groups/cpu.ts";
import { entries } from "./groups/entries.ts";
import { ground } from "./groups/ground.ts";
import { memory } from "./groups/memory.ts";
import { programs } from "./groups/programs.ts";
import { start } from "./groups/start.ts";
import { folder, type Machine } from "./programs.ts";
import { markdown, type Table } from "./table.ts";

const GROUPS = ["ground", "cpu", "calls", "programs", "start", "memory", "entries"] as const;
type Group = typeof GROUPS[number];

/** What runs leave: each table with the conditions of its run. */
interface Results {
  readonly tables: readonly (Table & { readonly conditions: Conditions })[];
}

const option = (name: string): string | undefined =>
  Deno.args.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const list = (name: string, otherwise: string): string[] =>
  (option(name) ?? otherwise).split(",").filter((word) => word !== "");

function wanted(): Group[] {
  const named = Deno.args.filter((a) => !a.startsWith("-"));
  const unknown = named.find((name) => !GROUPS.includes(name as Group));
  if (unknown !== undefined) {
    console.error(`bench: there is no group ${unknown}; there are ${GROUPS.join(", ")}`);
    Deno.exit(2);
  }
  return named.length === 0 ? [...GROUPS] : named as Group[];
}

async function measure(): Promise<Results> {
  const machines = list("machines", "x86-64,aarch64") as Machine[];
  const engines = list("engines", "interpreter,jit,auto"), only = list("only", "");
  const rounds = Number(option("rounds") ?? 3);
  const take: Record<Group, () => Promise<Table[]>> = {
    ground: () => ground(rounds),
    cpu: async () => (await each(machines, (m) => cpu(m, engines, rounds, only, list("ms", "1000")))).flat(),
    calls: async () => (await each(machines, (m) => calls(m, engines, rounds, only, option("ms")))).flat(),
    start: async () => (await each(machines, start)).flat(),
    memory,
    programs,
    entries: () => entries(engines, rounds),
  };
  const before = conditions();
  const tables: Results["tables"][number][] = [];
  for (const group of wanted()) {
    for (const table of await take[group]()) {
      tables.push({ ...table, conditions: before });
      console.log(`\n${markdown(table)}`);
    }
  }
  return { tables };
}

/** One after the other: measurements do not share the machine with each other. */
async function each<T, R>(items: readonly T[], take: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await take(item));
  return results;
}

/** The tables of a JSON that are newer take the place of those with the same group and title. */
function merged(old: Results | undefined, now: Results): Results {
  if (old === undefined) return now;
  const key = (table: Table) => `${table.group} ${table.title}`;
  const fresh = new Map(now.tables.map((table) => [key(table), table]));
  const kept = old.tables.filter((table) => !fresh.has(key(table)));
  const order = (table: Table) => GROUPS.indexOf(table.group as Group);
  return { tables: [...kept, ...now.tables].sort((a, b) => order(a) - order(b)) };
}

const OPEN = /<!-- bench ([a-z ]+): .*? -->\n/g, CLOSE = "<!-- /bench -->";

/** Puts the tables of the groups that each mark names between it and its end. */
async function write(file: string, results: Results): Promise<void> {
  const text = Deno.readTextFileSync(file);
  let written = "", rest = 0;
  for (const mark of text.matchAll(OPEN)) {
    const from = mark.index + mark[0].length, to = text.indexOf(CLOSE, from);
    const groups = mark[1].split(" ");
    const tables = results.tables.filter((table) => groups.includes(table.group));
    if (to < 0 || tables.length === 0) continue;
    written += text.slice(rest, from);
    let said = "";
    for (const table of tables) {
      const when = conditionsText(table.conditions);
      written += `\n${when === said ? "" : `${when}\n\n`}${markdown(table)}`;
      said = when;
    }
    written += "\n";
    rest = to;
  }
  if (rest === 0) {
    console.error(
      `bench: ${file} has no marks \`<!-- bench GROUP…: … -->\` and \`${CLOSE}\` for these groups`,
    );
    Deno.exit(1);
  }
  Deno.writeTextFileSync(file, written + text.slice(rest));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", file] }).output();
}

const read = (file: string): Results | undefined => {
  try {
    return JSON.parse(Deno.readTextFileSync(file));
  } catch {
    return undefined;
  }
};

const from = option("from"), json = option("json") ?? `${folder}results.json`;
let results: Results;
if (from === undefined) {
  results = await measure();
  Deno.mkdirSync(folder, { recursive: true });
  // A run of some groups leaves the others' tables in the default file as they were.
  const whole = option("json") === undefined ? merged(read(json), results) : results;
  Deno.writeTextFileSync(json, JSON.stringify(whole, undefined, 1));
  results = whole;
  console.error(`\n${conditionsText(conditions())}\nbench: ${json}`);
} else {
  const found = read(from);
  if (found === undefined) {
    console.error(`bench: ${from} is no JSON of results`);
    Deno.exit(1);
  }
  results = found;
  for (const table of results.tables) console.log(`\n${markdown(table)}`);
}
for (const target of list("write", "")) await write(target, results);
