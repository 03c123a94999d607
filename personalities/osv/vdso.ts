/**
 * libvdso.so (O8): inside OSv's image, one segment that is readable and executable, whose functions are the kernel's own:
 * a call, no trap. Neither getcpu nor rt_sigreturn.
 */
import {
  type Arch,
  buildVdso,
  EXEC,
  READ,
  type Task,
  type VdsoExport,
  type VdsoImage,
  WRITE,
} from "@guise/core";
import { processOf } from "@guise/linux/services";
import { direct, type DirectCall } from "./direct.ts";

const named = (version: string, names: readonly (readonly [string, string])[]): VdsoExport[] =>
  names.map(([name, call]) => ({ name, version, call: direct(call) }));

const exports: Readonly<Record<string, readonly VdsoExport[]>> = {
  "x86-64": named("LINUX_2.6", [
    ["__vdso_time", "time"],
    ["__vdso_gettimeofday", "gettimeofday"],
    ["__vdso_clock_gettime", "clock_gettime"],
  ]),
  aarch64: named("LINUX_2.6.39", [
    ["__kernel_gettimeofday", "gettimeofday"],
    ["__kernel_clock_gettime", "clock_gettime"],
    ["__kernel_clock_getres", "clock_getres"],
  ]),
};

/** More functions than an architecture's image has. */
export const VDSO_CALLS = 8;

const images = new WeakMap<Arch, VdsoImage>();

/** Maps it; AT_SYSINFO_EHDR says where. `first` is the target of its first stub. */
export function mapOsvVdso(task: Task, first: number): void {
  const { space } = task;
  const { arch } = task.process.cpu;
  const list = exports[arch.name];
  if (list === undefined) return;
  let image = images.get(arch);
  if (image === undefined) {
    image = buildVdso({ arch, exports: list, soname: "libvdso.so", dataBytes: 0, firstTarget: first });
    images.set(arch, image);
  }
  const { length } = image.bytes;
  const prot = READ | EXEC;
  const base = space.map({ address: 0, length, prot: prot | WRITE, stubs: true, name: "[vdso]" });
  if (base < 0) return;
  space.write(base, image.bytes);
  space.protect(base, length, prot);
  processOf(task).mm.vdso = base;
}

/** A call of the image's n-th function. */
export function vdsoCall(task: Task, n: number): ReturnType<DirectCall> | undefined {
  return exports[task.process.cpu.arch.name]?.[n]?.call?.(task);
}
/** Its name, for statistics: of x86-64's image, whose names tell the same. */
export function vdsoName(n: number): string | undefined {
  return exports["x86-64"][n]?.name;
}
