/**
 * The initial stack of a program (spec X23): argc, argv, envp and the auxiliary vector (X24) at the stack pointer;
 * above them the random bytes, the platform's name and the strings they point to.
 */
import type { AddressSpace } from "@guise/core";

// deno-fmt-ignore
/** Types of auxiliary vector entries. */
export const AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7, AT_FLAGS = 8, AT_ENTRY = 9,
  AT_UID = 11, AT_EUID = 12, AT_GID = 13, AT_EGID = 14, AT_PLATFORM = 15, AT_HWCAP = 16, AT_CLKTCK = 17, AT_SECURE = 23,
  AT_RANDOM = 25, AT_HWCAP2 = 26, AT_RSEQ_FEATURE_SIZE = 27, AT_RSEQ_ALIGN = 28, AT_EXECFN = 31, AT_SYSINFO_EHDR = 33,
  AT_MINSIGSTKSZ = 51;

/** What goes onto the stack. Values of `auxv` that are addresses on the stack are given by name. */
export interface StackRequest {
  /** Highest address of the stack, exclusive. */
  readonly top: number;
  readonly args: readonly Uint8Array[];
  readonly env: readonly Uint8Array[];
  /** The path given to execve. */
  readonly execfn: Uint8Array;
  readonly platform: string;
  readonly random: Uint8Array;
  readonly auxv: readonly (readonly [type: number, value: number | "random" | "platform" | "execfn"])[];
  /** Width of a pointer. */
  readonly pointer: 4 | 8;
}

/** Where things ended up. */
export interface StackLayout {
  readonly sp: number;
  readonly argStart: number;
  readonly argEnd: number;
  readonly envStart: number;
  readonly envEnd: number;
  readonly auxv: Uint8Array;
}

/** Bytes that the strings take, for E2BIG and for mapping enough stack. */
export function stringBytes(strings: readonly Uint8Array[]): number {
  let sum = 0;
  for (const s of strings) sum += s.length + 1;
  return sum;
}

/** Writes the stack; undefined when the memory is not there. */
export function buildStack(space: AddressSpace, request: StackRequest): StackLayout | undefined {
  const { args, env, pointer } = request;
  const encoder = new TextEncoder();
  let at = request.top - 8;
  const place = (length: number) => at -= length;
  const execfn = place(request.execfn.length + 1);
  const envStart = place(stringBytes(env));
  const envEnd = execfn;
  const argStart = place(stringBytes(args));
  const argEnd = envStart;
  // Linux moves the stack pointer to a multiple of 16 here, then platform and random bytes follow.
  at -= at % 16;
  const platform = place(request.platform.length + 1);
  const random = place(16);
  at -= at % 16;
  const words = 1 + args.length + 1 + env.length + 1 + 2 * (request.auxv.length + 1);
  let sp = at - words * pointer;
  sp -= sp % 16;

  const bytes = new Uint8Array(request.top - sp);
  const view = new DataView(bytes.buffer);
  let cursor = 0;
  const word = (value: number) => {
    view.setUint32(cursor, value >>> 0, true);
    if (pointer === 8) view.setUint32(cursor + 4, Math.floor(value / 2 ** 32), true);
    cursor += pointer;
  };
  const strings = (start: number, list: readonly Uint8Array[]) => {
    for (const s of list) {
      word(start);
      bytes.set(s, start - sp);
      start += s.length + 1;
    }
    word(0);
  };
  word(args.length);
  strings(argStart, args);
  strings(envStart, env);
  const auxvStart = cursor;
  const addresses = { random, platform, execfn };
  for (const [type, value] of request.auxv) {
    word(type);
    word(typeof value === "number" ? value : addresses[value]);
  }
  word(AT_NULL);
  word(0);
  const auxv = bytes.slice(auxvStart, cursor);
  bytes.set(request.random, random - sp);
  bytes.set(encoder.encode(request.platform), platform - sp);
  bytes.set(request.execfn, execfn - sp);
  if (!space.write(sp, bytes)) return undefined;
  return { sp, argStart, argEnd, envStart, envEnd, auxv };
}
