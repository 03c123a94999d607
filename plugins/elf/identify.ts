/**
 * What a file is, in words, for the one line a person reads when it cannot run: its format, and for an ELF file its
 * architecture and kind.
 */
import { u16, u32 } from "./bytes.ts";
import { isElf } from "./headers.ts";

// deno-fmt-ignore
const machines: ReadonlyMap<number, string> = new Map([
  [2, "sparc"], [3, "i386"], [4, "m68k"], [8, "mips"], [20, "powerpc"], [21, "powerpc64"], [22, "s390x"], [40, "arm"],
  [42, "sh"], [43, "sparc64"], [50, "ia64"], [62, "x86-64"], [183, "aarch64"], [243, "riscv"], [247, "bpf"],
  [258, "loongarch"], [0x9026, "alpha"],
]);

/** The name of an ELF e_machine. */
export function machineName(machine: number): string {
  return machines.get(machine) ?? `unknown architecture (e_machine ${machine})`;
}

/** "a" or "an", by the sound of the names in the table above. */
const an = (
  name: string,
): string => (/^(aarch|alpha|arm|i386|ia64|m68k|s390|sh$|unknown|x86)/.test(name) ? "an" : "a");

/**
 * Describes a file from its first bytes: `an aarch64 ELF program`, `a Windows program (PE)`, `a text file without a #!
 * line`. `size` is how many of the bytes exist.
 */
export function describeFile(head: Uint8Array, size: number): string {
  if (size === 0) return "an empty file";
  if (isElf(head)) return describeElf(head, size);
  if (head[0] === 0x7f && size < 4) return "a file of a few bytes";
  if (head[0] === 0x23 && head[1] === 0x21) return "a script whose #! line names no interpreter";
  if (head[0] === 0x4d && head[1] === 0x5a) return "a Windows or DOS program (PE)";
  const magic = u32(head, 0);
  if (magic === 0xfeedface || magic === 0xfeedfacf || magic === 0xbebafeca) return "a macOS program (Mach-O)";
  if (magic === 0x6d736100) return "a WebAssembly module";
  if (magic === 0x04034b50) return "a zip archive";
  if (magic === 0x72613c21 /* !<ar */) return "a library archive (ar)";
  if ((magic & 0xffff) === 0x8b1f) return "gzip-compressed data";
  for (let i = 0; i < Math.min(size, head.length); i++) {
    const c = head[i];
    if (c === 0 || (c < 32 && c !== 9 && c !== 10 && c !== 13 && c !== 27)) return "data, not a program";
  }
  return "a text file without a #! line";
}

function describeElf(head: Uint8Array, size: number): string {
  if (size < 20) return "an ELF file that is cut short";
  const big = head[5] === 2;
  const machine = big ? (head[18] << 8) | head[19] : u16(head, 18);
  const type = big ? (head[16] << 8) | head[17] : u16(head, 16);
  const name = `${machineName(machine)}${big ? " (big-endian)" : ""}`;
  const kind = type === 1
    ? "object file, which must be linked first"
    : type === 2 || type === 3
    ? "ELF program"
    : type === 4
    ? "core dump"
    : `ELF file of type ${type}`;
  const wide = head[4] === 1 && machine === 62 ? " (x32)" : "";
  return `${an(name)} ${name}${wide} ${kind}`;
}
