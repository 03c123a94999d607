/**
 * The vDSO's functions (spec X17-X19): guest code that reads the clock from the data pages before it, without a trap.
 * Clocks it does not know go to the real system call. The code keeps SP as it was and uses only registers that calls
 * may change.
 *
 * Data (written by clock.ts): +0 sequence, changed with every update; +16 wall clock, +32 monotonic clock, each seconds
 * and nanoseconds.
 */
import type { VdsoExport } from "@guise/core";

/** Offsets in the data pages. */
export const SEQUENCE = 0, WALL = 16, MONOTONIC = 32;

/** Clocks by mask: wall 0, 5, 11; monotonic 1, 4, 6, 7; the coarse ones 5, 6. */
const WALL_CLOCKS = 0x821, MONOTONIC_CLOCKS = 0xd2, COARSE_CLOCKS = 0x60;

const clockGettime = `
  cmp edi, 11
  ja fallback
  lea r9, [rip+{vvar}]
  mov ecx, edi
  mov eax, 1
  shl eax, cl
  lea rdx, [r9+${WALL}]
  test eax, ${WALL_CLOCKS}
  jne again
  lea rdx, [r9+${MONOTONIC}]
  test eax, ${MONOTONIC_CLOCKS}
  je fallback
again:
  mov r8d, dword ptr [r9]
  mov rax, qword ptr [rdx]
  mov r10, qword ptr [rdx+8]
  cmp r8d, dword ptr [r9]
  jne again
  mov qword ptr [rsi], rax
  mov qword ptr [rsi+8], r10
  xor eax, eax
  ret
fallback:
  mov eax, 228
  syscall
  ret
`;

const gettimeofday = `
  test rdi, rdi
  je zone
  lea r9, [rip+{vvar}]
again:
  mov r8d, dword ptr [r9]
  mov r10, qword ptr [r9+${WALL}]
  mov rax, qword ptr [r9+${WALL + 8}]
  cmp r8d, dword ptr [r9]
  jne again
  xor edx, edx
  mov ecx, 1000
  div rcx
  mov qword ptr [rdi], r10
  mov qword ptr [rdi+8], rax
zone:
  test rsi, rsi
  je done
  mov dword ptr [rsi], 0
  mov dword ptr [rsi+4], 0
done:
  xor eax, eax
  ret
`;

const time = `
  lea r9, [rip+{vvar}]
  mov rax, qword ptr [r9+${WALL}]
  test rdi, rdi
  je done
  mov qword ptr [rdi], rax
done:
  ret
`;

const getcpu = `
  test rdi, rdi
  je node
  mov dword ptr [rdi], 0
node:
  test rsi, rsi
  je done
  mov dword ptr [rsi], 0
done:
  xor eax, eax
  ret
`;

const clockGetres = `
  cmp edi, 11
  ja fallback
  mov ecx, edi
  mov eax, 1
  shl eax, cl
  mov edx, 4000000
  test eax, ${COARSE_CLOCKS}
  jne known
  mov edx, 1
  test eax, ${WALL_CLOCKS | MONOTONIC_CLOCKS}
  je fallback
known:
  test rsi, rsi
  je done
  mov qword ptr [rsi], 0
  mov qword ptr [rsi+8], rdx
done:
  xor eax, eax
  ret
fallback:
  mov eax, 229
  syscall
  ret
`;

function entry(name: string, code: string): VdsoExport {
  return { name: `__vdso_${name}`, alias: name, version: "LINUX_2.6", code: { "x86-64": code } };
}

/** aarch64's (spec A7): system calls as yet. `{x8 = number; svc; ret}` as words. */
function aarch64(name: string, number: number): VdsoExport {
  const words = [0xd2800008 + number * 32, 0xd4000001, ...(name === "rt_sigreturn" ? [] : [0xd65f03c0])];
  const code = words.map((w) => `.inst 0x${w.toString(16)}`).join("\n");
  return { name: `__kernel_${name}`, version: "LINUX_2.6.39", code: { aarch64: code } };
}
/** The trampoline that a signal handler without a restorer returns to. */
export const SIGRETURN = "__kernel_rt_sigreturn";

/** The exports, in the order of Linux. */
export const exports: readonly VdsoExport[] = [
  entry("clock_gettime", clockGettime),
  entry("gettimeofday", gettimeofday),
  entry("time", time),
  entry("getcpu", getcpu),
  entry("clock_getres", clockGetres),
  aarch64("rt_sigreturn", 139),
  aarch64("gettimeofday", 169),
  aarch64("clock_gettime", 113),
  aarch64("clock_getres", 114),
];
