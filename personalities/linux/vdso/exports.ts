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

/** One access of 16 bytes reads both words, so that no update can come between them (a task is pre-empted between instructions only). */
const clockGettime = `
  lea r9, [rip+{vvar}]
  cmp edi, 1
  ja other
  jne wall
  movdqu xmm0, xmmword ptr [r9+${MONOTONIC}]
  movdqu xmmword ptr [rsi], xmm0
  xor eax, eax
  ret
wall:
  movdqu xmm0, xmmword ptr [r9+${WALL}]
  movdqu xmmword ptr [rsi], xmm0
  xor eax, eax
  ret
other:
  cmp edi, 11
  ja fallback
  mov ecx, edi
  mov eax, 1
  shl eax, cl
  test eax, ${WALL_CLOCKS}
  jne wall
  test eax, ${MONOTONIC_CLOCKS}
  je fallback
  movdqu xmm0, xmmword ptr [r9+${MONOTONIC}]
  movdqu xmmword ptr [rsi], xmm0
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

/** aarch64's (spec A7). Both words of a clock are read in one access. */
const CLOCK_GETTIME = `
  cmp w0, #1
  b.hi other
  adrp x2, {vvar}
  add x2, x2, w0, uxtw #4
  b copy
other:
  cmp w0, #11
  b.hi fallback
  mov w3, #1
  lsl w3, w3, w0
  adrp x2, {vvar}
  mov w4, #${WALL_CLOCKS}
  tst w3, w4
  b.ne copy
  mov w4, #${MONOTONIC_CLOCKS}
  tst w3, w4
  b.eq fallback
  add x2, x2, #${MONOTONIC - WALL}
copy:
  ldp x3, x4, [x2, #${WALL}]
  stp x3, x4, [x1]
  mov w0, #0
  ret
fallback:
  mov x8, #113
  svc #0
  ret
`;
const GETTIMEOFDAY = `
  cbz x0, zone
  adrp x2, {vvar}
  ldp x3, x4, [x2, #${WALL}]
  mov w5, #1000
  udiv x4, x4, x5
  stp x3, x4, [x0]
zone:
  cbz x1, done
  str xzr, [x1]
done:
  mov w0, #0
  ret
`;
const CLOCK_GETRES = `
  cmp w0, #11
  b.hi fallback
  mov w3, #1
  lsl w3, w3, w0
  mov w2, #2304
  movk w2, #61, lsl #16
  mov w4, #${COARSE_CLOCKS}
  tst w3, w4
  b.ne known
  mov w2, #1
  mov w4, #${WALL_CLOCKS | MONOTONIC_CLOCKS}
  tst w3, w4
  b.eq fallback
known:
  cbz x1, done
  stp xzr, x2, [x1]
done:
  mov w0, #0
  ret
fallback:
  mov x8, #114
  svc #0
  ret
`;
const RT_SIGRETURN = `
  mov x8, #139
  svc #0
`;
function aarch64(name: string, code: string): VdsoExport {
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
  aarch64("rt_sigreturn", RT_SIGRETURN),
  aarch64("gettimeofday", GETTIMEOFDAY),
  aarch64("clock_gettime", CLOCK_GETTIME),
  aarch64("clock_getres", CLOCK_GETRES),
];
