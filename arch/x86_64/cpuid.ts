/**
 * What CPUID says. Only what is implemented is announced (demand: programs choose their code by it). The model is a plain
 * x86-64-v2 processor without AVX and XSAVE: a Silvermont, whose string instructions of SSE4.2 glibc knows to be slow, as they are here
 * (its strcmp of 8,000 bytes by pcmpistri takes 1.6 times as long as by SSE2). The vendor is Intel's, since glibc sees no features at all of a
 * vendor that it does not know (2.36, also under qemu-user).
 */

/** Feature bits of leaf 1 EDX, leaf 1 ECX, leaf 7 EBX, leaf 0x80000001 EDX and ECX. */
const bits = (...n: number[]): number => n.reduce((v, b) => v | 1 << b, 0);
// deno-fmt-ignore
export const FEATURES = {
  /** fpu tsc cx8 cmov (clflush) mmx fxsr sse sse2; de pse msr pae apic sep pge mca pat as glibc and the kernel's HWCAP expect of x86-64. */
  edx1: bits(0, 3, 4, 5, 6, 8, 9, 11, 13, 14, 15, 16, 19, 23, 24, 25, 26),
  /** sse3 ssse3 cx16 sse4.1 sse4.2 popcnt hypervisor. */
  ecx1: bits(0, 9, 13, 19, 20, 23, 31),
  /** fsgsbase. */
  ebx7: bits(0),
  /** syscall nx rdtscp lm. */
  edx81: bits(11, 20, 27, 29),
  /** lahf. */
  ecx81: bits(0),
} as const;

const word = (text: string): number =>
  text.charCodeAt(0) | text.charCodeAt(1) << 8 | text.charCodeAt(2) << 16 | text.charCodeAt(3) << 24;
const BRAND = "Guise virtual x86-64 processor".padEnd(48, "\0");

/** EAX, EBX, ECX, EDX of a leaf. */
export function cpuid(leaf: number, subleaf: number): readonly [number, number, number, number] {
  switch (leaf >>> 0) {
    case 0:
      return [7, word("Genu"), word("ntel"), word("ineI")];
    case 1:
      // Family 6, model 55, stepping 9 (/proc/cpuinfo says so too); CLFLUSH line of 64 bytes, one logical processor.
      return [0x00030679, 0x00010800, FEATURES.ecx1, FEATURES.edx1];
    case 2:
      return [0x0000ff01, 0, 0, 0]; // caches: see leaf 4
    case 4:
      // Deterministic caches: 32 KiB data, 32 KiB instructions, 256 KiB, 8 MiB.
      return ([
        [0x121, 0x01c0003f, 63, 0],
        [0x122, 0x01c0003f, 63, 0],
        [0x143, 0x01c0003f, 511, 0],
        [0x163, 0x03c0003f, 8191, 0],
      ] as const)[subleaf] ?? [0, 0, 0, 0];
    case 7:
      return subleaf ? [0, 0, 0, 0] : [0, FEATURES.ebx7, 0, 0];
    case 0x80000000:
      return [0x80000008 | 0, word("Genu"), word("ntel"), word("ineI")];
    case 0x80000001:
      return [0, 0, FEATURES.ecx81, FEATURES.edx81];
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const at = (leaf & 15) * 16 - 32;
      return [0, 4, 8, 12].map((n) => word(BRAND.slice(at + n, at + n + 4))) as [
        number,
        number,
        number,
        number,
      ];
    }
    case 0x80000006:
      return [0, 0, 0x01006040, 0];
    case 0x80000007:
      return [0, 0, 0, 0x100]; // the TSC is invariant
    case 0x80000008:
      return [0x3030, 0, 0, 0];
  }
  return [0, 0, 0, 0];
}
