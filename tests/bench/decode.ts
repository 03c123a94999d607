/**
 * How long decoding bash's start takes in a process that has never decoded anything: run by itself, prints its ms and how
 * often the decoder was called. Its CPUs are the ordinary ones, with a clock around their decoder.
 */
import type { Arch } from "@guise/core";
import { run } from "@guise/guise";
import { hostFolder } from "@guise/host-deno";
import { HostFs } from "@guise/vfs";
import { x86_64 } from "@guise/x86-64/run";

interface Decoding {
  decode(pc: number, limit: number): number;
}
let ms = 0, calls = 0;
const timed: Arch = {
  ...x86_64,
  createCpu(space, kernel, options) {
    const cpu = x86_64.createCpu(space, kernel, options) as unknown as Decoding;
    const decode = cpu.decode.bind(cpu);
    cpu.decode = (pc, limit) => {
      const start = performance.now();
      const record = decode(pc, limit);
      ms += performance.now() - start;
      calls++;
      return record;
    };
    return cpu as never;
  },
};
const result = await run("/bin/bash", {
  args: ["-c", "echo hi"],
  root: new HostFs(hostFolder("/")),
  plugins: [{ name: "x86-64", arch: timed }],
  engine: "interpreter",
});
if (result.status !== 0 || calls === 0) throw new Error(`${result.message ?? ""} ${result.errorText()}`);
console.log(`decode ${ms.toFixed(3)} ${calls}`);
