/**
 * Where guests spend their time: samples the program counter whenever a task has left guest code and some time has passed since the
 * last sample, which works alike for interpreted and for translated code. Functions are named from the symbols of the ELF files that
 * are mapped there, dynamic ones too. The result is a table, and a file for speedscope (https://www.speedscope.app).
 *
 * ```ts ignore
 * const profile = profiler();
 * const kernel = await createKernel({ plugins: [profile] });
 * // …
 * console.log(profile.table());
 * Deno.writeTextFileSync("out.speedscope.json", profile.speedscope());
 * ```
 *
 * @module
 */
import type { Plugin, Task } from "@guise/core";
import { type Place, Places } from "./places.ts";

export type { Place } from "./places.ts";

/** Options of {@link profiler}. */
export interface ProfilerOptions {
  /** Host milliseconds between two samples, at least. Default 1. A guest is looked at when it leaves its code, each 0.1 ms or so. */
  readonly interval?: number;
}

/** The plugin, with what it has seen. */
export interface Profiler extends Plugin {
  /** Samples taken. */
  readonly samples: number;
  /** Functions by the time spent in them, longest first. */
  functions(): readonly { readonly place: Place; readonly ms: number; readonly samples: number }[];
  /** For a person: the first `most` functions. */
  table(most?: number): string;
  /** A speedscope file: one profile of samples for each task. */
  speedscope(name?: string): string;
}

/** What one task did. */
interface Track {
  readonly name: string;
  readonly places: number[];
  readonly weights: number[];
}

/** Makes the plugin. */
export function profiler({ interval = 1 }: ProfilerOptions = {}): Profiler {
  const places = new Places(), tracks = new Map<number, Track>();
  const names = new Map<number, string>();
  let last: number | undefined, samples = 0;
  /** Host time goes to where guest code was left at its end. */
  function ran(task: Task, now: number): void {
    if (last === undefined || now - last < interval) {
      last ??= now - interval;
      if (now - last < interval) return;
    }
    const weight = now - last;
    last = now;
    samples++;
    let track = tracks.get(task.id);
    if (track === undefined) {
      const program = names.get(task.process.id) ?? "task";
      tracks.set(task.id, track = { name: `${program} (${task.id})`, places: [], weights: [] });
    }
    track.places.push(places.index(task.space, task.frame.num(task.process.arch.pc)));
    track.weights.push(weight);
  }
  const functions = () => {
    const ms = new Map<number, { ms: number; samples: number }>();
    for (const track of tracks.values()) {
      track.places.forEach((place, i) => {
        const sum = ms.get(place) ?? { ms: 0, samples: 0 };
        sum.ms += track.weights[i], sum.samples++;
        ms.set(place, sum);
      });
    }
    return [...ms].map(([index, sum]) => ({ place: places.list[index], ...sum })).sort((a, b) => b.ms - a.ms);
  };
  return {
    name: "profiler",
    hooks: {
      ran,
      event: (event) => {
        const base = (path: string) => path.slice(path.lastIndexOf("/") + 1);
        if (event.kind === "exec") names.set(event.process.id, base(event.path));
        else if (event.kind === "spawn") {
          const own = event.request?.program, parent = event.parent && names.get(event.parent.id);
          names.set(event.process.id, typeof own === "string" ? base(own) : parent ?? "process");
        } else if (event.kind === "end") names.delete(event.process.id);
      },
    },
    get samples() {
      return samples;
    },
    functions,
    table(most = 20) {
      const all = functions(), total = all.reduce((sum, f) => sum + f.ms, 0);
      const rows = all.slice(0, most).map(({ place, ms, samples }) =>
        [
          (100 * ms / Math.max(total, 1e-9)).toFixed(1).padStart(6),
          ms.toFixed(0).padStart(9),
          String(samples).padStart(9),
          `${place.name} (${place.file})`,
        ].join(" ")
      );
      const rest = all.length > most ? [`       … and ${all.length - most} more functions`] : [];
      return [
        "% time        ms   samples function",
        "------ --------- --------- ------------------------------",
        ...rows,
        ...rest,
        "",
      ].join("\n");
    },
    speedscope(name = "guise") {
      return JSON.stringify({
        $schema: "https://www.speedscope.app/file-format-schema.json",
        exporter: "guise",
        name,
        activeProfileIndex: 0,
        shared: { frames: places.list.map(({ name, file }) => ({ name, file })) },
        profiles: [...tracks.values()].map((track) => ({
          type: "sampled",
          name: track.name,
          unit: "milliseconds",
          startValue: 0,
          endValue: track.weights.reduce((sum, w) => sum + w, 0),
          samples: track.places.map((place) => [place]),
          weights: track.weights,
        })),
      });
    },
  };
}
