/** Regions that come and go by the thousand leave nothing behind (issue 5, line 6). */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { available, build, native, TARGETS } from "./build.ts";

const measure = fromFileUrl(new URL("measure.ts", import.meta.url));
interface Measured {
  readonly status: number;
  readonly text: string;
  readonly message?: string;
  readonly regions: number;
  readonly peak: number;
}

for (const target of TARGETS) {
  const found = available(target), why = found ? "" : ` (ignored: no ${target.compiler} with a way to run)`;
  Deno.test({
    name:
      `10,000 regions for ${target.arch}, each made and invalidated in turn, are right and memory is bounded${why}`,
    ignore: !found,
    fn: async () => {
      const program = build("selfmodifying.c", target, "-static", "-fno-pie", "-no-pie");
      const peaks: number[] = [];
      // Each place is translated eight times at most: 13,600 loops are what 1,700 places give; there are 1,500. Some loops become part of their caller's region.
      for (const [loops, least] of [[2_600, 2_000], [13_600, 10_000]]) {
        const { stdout } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", measure, "jit", program, `${loops}`],
        }).output();
        const { status, text, message, regions, peak }: Measured = JSON.parse(
          new TextDecoder().decode(stdout),
        );
        assertEquals({ status, text }, await native(target, program, [`${loops}`]), message);
        assert(regions >= least, `${regions} regions of ${loops} loops`);
        peaks.push(peak);
      }
      // 11,000 more: without what V8 needs to collect them later, a module alone takes 20 KB.
      assert(peaks[1] - peaks[0] < 100, `${peaks} MB`);
    },
  });
}
