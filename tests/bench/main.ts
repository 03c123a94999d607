/**
 * `deno task bench [cpu|calls|start|memory]…`: one table a group, all runners side by side in one run, since only ratios within a
 * run hold on a shared machine. Medians of several runs.
 */
import { build, cli, type Machine, output, peakMemory, type Runner, runners, wall } from "./programs.ts";

const groups = Deno.args.filter((a) => !a.startsWith("-"));
const wanted = (group: string) => groups.length === 0 || groups.includes(group);
const engines = (Deno.args.find((a) => a.startsWith("--engines="))?.slice(10) ?? "auto").split(",");
const machines = (Deno.args.find((a) => a.startsWith("--machines="))?.slice(11) ?? "x86-64").split(
  ",",
) as Machine[];
const rounds = Number(Deno.args.find((a) => a.startsWith("--rounds="))?.slice(9) ?? 3);

const median = (v: number[]) => v.sort((a, b) => a - b)[v.length >> 1];
const show = (v: number | undefined, digits = 1) => v === undefined ? "-" : v.toFixed(digits);

function table(title: string, head: string[], rows: string[][]): void {
  console.log(`\n## ${title}\n`);
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i].length)));
  const line = (cells: string[]) =>
    `| ${cells.map((c, i) => i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i])).join(" | ")} |`;
  console.log(line(head));
  console.log(`| ${widths.map((w) => "-".repeat(w)).join(" | ")} |`);
  for (const row of rows) console.log(line(row));
}

/** ns a round as the program prints it: `NAME ns …`. */
async function figure(runner: Runner, argv: string[]): Promise<number | undefined> {
  const values: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const text = await output(runner, argv);
    if (text === undefined) return undefined;
    values.push(Number(text.split(" ")[1]));
  }
  return median(values);
}

async function programs(
  title: string,
  source: string,
  machine: Machine,
  argument: (name: string) => string,
): Promise<void> {
  const program = await build(source, machine);
  if (program === undefined) return console.log(`\n${title}: no compiler for ${machine}`);
  const list = runners(machine, engines);
  const names = (await output(list[0].prefix ? list[0] : list[1], [program]))?.trim().split("\n") ?? [];
  const rows: string[][] = [];
  const logs: number[] = [], qemu: number[] = [];
  for (const name of names) {
    const values: (number | undefined)[] = [];
    for (const runner of list) values.push(await figure(runner, [program, name, argument(name)]));
    const [native, user, ...ours] = values;
    const best = ours[ours.length - 1];
    if (native !== undefined && best !== undefined) logs.push(Math.log(best / native));
    if (user !== undefined && best !== undefined) qemu.push(Math.log(user / best));
    rows.push([
      name,
      ...values.map((v) => show(v)),
      native !== undefined && best !== undefined ? (best / native).toFixed(2) : "-",
      user !== undefined && best !== undefined ? (user / best).toFixed(2) : "-",
    ]);
  }
  const mean = (v: number[]) =>
    v.length === 0 ? "-" : Math.exp(v.reduce((a, b) => a + b) / v.length).toFixed(2);
  rows.push(["geometric mean", ...list.map(() => ""), mean(logs), mean(qemu)]);
  table(`${title}, ${machine} (ns)`, ["", ...list.map((r) => r.name), "× native", "faster than qemu"], rows);
}

// deno-fmt-ignore
const callRounds: Record<string, string> = { fork: "50", exec: "20", thread: "50", pingpong: "500", mmap: "500", signal: "2000", open: "2000" };

for (const machine of machines) {
  if (wanted("cpu")) await programs("CPU kernels", "kernels", machine, () => "300");
  if (wanted("calls")) {
    await programs("System calls", "calls", machine, (name) => callRounds[name] ?? "20000");
  }
}

if (wanted("start")) {
  const hello = await build("hello", "x86-64");
  const commands = [
    ...(hello === undefined ? [] : [[hello]]),
    ["busybox", "true"],
    ["bash", "-c", "echo hi"],
    ["python3", "-c", "pass"],
  ];
  const guise = [Deno.execPath(), "run", "-A", cli, "run", "--"];
  const rows: string[][] = [];
  for (const argv of commands) {
    const located = argv[0].startsWith("/") ? argv : [`/usr/bin/${argv[0]}`, ...argv.slice(1)];
    const native = await wall(located, 5), ours = await wall([...guise, ...located], 5);
    const qemu = await wall(["qemu-x86_64", ...located], 5).catch(() => undefined);
    rows.push([argv.map((a) => a.split("/").pop()).join(" "), show(native), show(qemu), show(ours)]);
  }
  rows.push(["deno, an empty module", "", "", show(await wall([Deno.execPath(), "eval", ""], 5))]);
  table("Start, wall (ms)", ["", "native", "qemu-user", "Guise"], rows);
}

if (wanted("memory")) {
  const guise = [Deno.execPath(), "run", "-A", cli, "run", "--"];
  const reserve = await build("reserve", "x86-64");
  const rows = [["bash -c 'echo hi'", show(await peakMemory([...guise, "/bin/bash", "-c", "echo hi"]))]];
  if (reserve !== undefined) {
    rows.push(["a program that reserves nothing", show(await peakMemory([...guise, reserve, "0"]))]);
    rows.push(["the same with 1 GiB of PROT_NONE", show(await peakMemory([...guise, reserve, "1024"]))]);
  }
  table("Peak resident memory (MB)", ["", "Guise"], rows);
}
