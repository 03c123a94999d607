/** The architectures that the Linux personality knows, by the name of their Arch. */
import { aarch64 } from "./aarch64.ts";
import type { LinuxArch } from "./abi.ts";
import { x86_64 } from "./x86_64.ts";

const all: readonly LinuxArch[] = [x86_64, aarch64];

/** Linux's facts about an architecture; undefined when Linux does not run on it here. */
export function linuxArch(name: string): LinuxArch | undefined {
  return all.find((arch) => arch.name === name);
}
