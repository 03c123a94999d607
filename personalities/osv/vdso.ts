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

/** The functions of all images, one after the other: their targets. */
const all: readonly VdsoExport[] = Object.values(exports).flat();
/** More than all images have. */
export const VDSO_CALLS = 8;

const images = new WeakMap<Arch, VdsoImage>();

/** Maps it; AT_SYSINFO_EHDR says where. `first` is the target of the first function of all. */
export function mapOsvVdso(task: Task, first: number): void {
  const { space } = task;
  const { arch } = task.process.cpu;
  const list = exports[arch.name];
  if (list === undefined) return;
  let image = images.get(arch);
  if (image === undefined) {
    image = buildVdso({
      arch,
      exports: list,
      soname: "libvdso.so",
      dataBytes: 0,
      firstTarget: first + all.indexOf(list[0]),
    });
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

/** A call of the n-th function. */
export function vdsoCall(task: Task, n: number): ReturnType<DirectCall> | undefined {
  return all[n]?.call?.(task);
}
/** Its name, for statistics. */
export function vdsoName(n: number): string | undefined {
  return all[n]?.name;
}
