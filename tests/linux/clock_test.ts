/** The vDSO's clock against the host's: read without a call, it is at most 200 us late, never early, and never goes backwards. */
import { assert, assertEquals } from "@std/assert";
import { run } from "@guise/guise";

const here = new URL(".", import.meta.url).pathname;

function compiler(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

for (const [arch, cc] of [["x86-64", "gcc"], ["aarch64", "aarch64-linux-gnu-gcc"]]) {
  for (const engine of ["interpreter", "jit"] as const) {
    Deno.test({
      name: `the vDSO's clock of ${arch} is within 200 us of the host's (${engine})`,
      ignore: !compiler(cc),
      async fn() {
        const binary = Deno.makeTempFileSync({ prefix: "guise-clock-" });
        try {
          const args = ["-static", "-O1", "-o", binary, `${here}clock.c`];
          assert(new Deno.Command(cc, { args }).outputSync().success);
          /** How late the clock was at each look, in us. */
          const late: number[] = [];
          let back = -1, asked = 0;
          const result = await run(Deno.readFileSync(binary), {
            engine,
            hooks: {
              intercept(event) {
                if (event.number !== 4000) return undefined;
                const seconds = event.arg(0);
                if (seconds > 2 ** 40) back = event.arg(1);
                else {
                  const host = performance.timeOrigin + performance.now();
                  late.push((host - seconds * 1000) * 1000 - event.arg(1) / 1000);
                }
                return 0;
              },
              enter(event) {
                if (late.length > 0 && back < 0 && event.call?.name.startsWith("clock_")) asked++;
              },
            },
          });
          assertEquals(result.status, 0);
          // Nothing in the loop has asked the kernel for the time.
          assertEquals([late.length, back, asked], [4000, 0, 0]);
          late.sort((a, b) => a - b);
          // A microsecond is what rounding to doubles of milliseconds since 1970 takes.
          assert(late[0] > -1, `${late[0]} us early`);
          // The host's scheduler may take the processor away between the guest's look and ours: some looks are later by that.
          const most = late[Math.floor(late.length * 0.9)];
          assert(most < 200, `median ${late[2000]} us, 90 % ${most} us late`);
        } finally {
          Deno.removeSync(binary);
        }
      },
    });
  }
}
