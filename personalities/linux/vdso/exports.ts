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

/**
 * aarch64's (spec A7), as words, with branch targets as instructions of the function. The data pages are four pages before the image, and
 * the code is in its first page: what adrp names.
 */
const CLOCK_GETTIME = `
  .inst 0x7100041f // cmp w0, #1
  .inst 0x540000e8 // b.hi +8
  .inst 0x90ffffe2 // adrp x2, {vvar}
  .inst 0x8b205042 // add x2, x2, w0, uxtw #4
  .inst 0xa9411043 // ldp x3, x4, [x2, #16]
  .inst 0xa9001023 // stp x3, x4, [x1]
  .inst 0x52800000 // mov w0, #0
  .inst 0xd65f03c0 // ret
  .inst 0x71002c1f // cmp w0, #11
  .inst 0x540001e8 // b.hi +24
  .inst 0x52800023 // mov w3, #1
  .inst 0x1ac02063 // lsl w3, w3, w0
  .inst 0x90ffffe2 // adrp x2, {vvar}
  .inst 0x52810404 // mov w4, #2080
  .inst 0x6a04007f // tst w3, w4
  .inst 0x540000a1 // b.ne +20
  .inst 0x52801a04 // mov w4, #208
  .inst 0x6a04007f // tst w3, w4
  .inst 0x540000c0 // b.eq +24
  .inst 0x91004042 // add x2, x2, #16
  .inst 0xa9411043 // ldp x3, x4, [x2, #16]
  .inst 0xa9001023 // stp x3, x4, [x1]
  .inst 0x52800000 // mov w0, #0
  .inst 0xd65f03c0 // ret
  .inst 0xd2800e28 // mov x8, #113
  .inst 0xd4000001 // svc #0
  .inst 0xd65f03c0 // ret
`;
const GETTIMEOFDAY = `
  .inst 0xb40000c0 // cbz x0, +6
  .inst 0x90ffffe2 // adrp x2, {vvar}
  .inst 0xa9411043 // ldp x3, x4, [x2, #16]
  .inst 0x52807d05 // mov w5, #1000
  .inst 0x9ac50884 // udiv x4, x4, x5
  .inst 0xa9001003 // stp x3, x4, [x0]
  .inst 0xb4000041 // cbz x1, +8
  .inst 0xf900003f // str xzr, [x1]
  .inst 0x52800000 // mov w0, #0
  .inst 0xd65f03c0 // ret
`;
const CLOCK_GETRES = `
  .inst 0x71002c1f // cmp w0, #11
  .inst 0x54000208 // b.hi +17
  .inst 0x52800023 // mov w3, #1
  .inst 0x1ac02063 // lsl w3, w3, w0
  .inst 0x52812002 // mov w2, #2304
  .inst 0x72a007a2 // movk w2, #61, lsl #16
  .inst 0x52800c04 // mov w4, #96
  .inst 0x6a04007f // tst w3, w4
  .inst 0x540000a1 // b.ne +13
  .inst 0x52800022 // mov w2, #1
  .inst 0x52811264 // mov w4, #2195
  .inst 0x6a04007f // tst w3, w4
  .inst 0x540000a0 // b.eq +17
  .inst 0xb4000041 // cbz x1, +15
  .inst 0xa900083f // stp xzr, x2, [x1]
  .inst 0x52800000 // mov w0, #0
  .inst 0xd65f03c0 // ret
  .inst 0xd2800e48 // mov x8, #114
  .inst 0xd4000001 // svc #0
  .inst 0xd65f03c0 // ret
`;
const RT_SIGRETURN = `
  .inst 0xd2801168 // mov x8, #139
  .inst 0xd4000001 // svc #0
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
