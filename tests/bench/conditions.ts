/** Under which conditions figures were taken: they belong to them. */

export interface Conditions {
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
  readonly deno: string;
  readonly v8: string;
  /** Load averages over 1, 5 and 15 minutes before the run. */
  readonly load: readonly number[];
}

function processor(): string {
  try {
    return /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  } catch {
    return Deno.build.arch;
  }
}

/** Of now. */
export function conditions(): Conditions {
  return {
    date: new Date().toISOString().slice(0, 16) + "Z",
    processor: processor(),
    cores: navigator.hardwareConcurrency,
    kernel: `${Deno.build.os} ${Deno.osRelease().split(".").slice(0, 2).join(".")}`,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    load: Deno.loadavg().map((v) => Math.round(v * 100) / 100),
  };
}

/** As a sentence. */
export function conditionsText(it: Conditions): string {
  const quiet = it.load[0] < 0.5 ? "a quiet machine" : "a loaded machine";
  return `${it.date} on ${quiet} (load before the run ${
    it.load.join(", ")
  }): ${it.cores} cores of ${it.processor}, ` +
    `${it.kernel}, Deno ${it.deno}, V8 ${it.v8}.`;
}
