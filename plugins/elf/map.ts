/**
 * The half of a load after the point of no return: segments become mappings of the file, bss is zeroed and mapped, and
 * the addresses that the start state needs are collected. Follows load_elf_binary, elf_load and load_elf_interp of
 * Linux's fs/binfmt_elf.c; a refusal here is what Linux answers with SIGSEGV.
 */
import {
  type AddressSpace,
  EFAULT,
  EINVAL,
  ENOMEM,
  type Errno,
  errnoText,
  PAGE,
  READ,
  WRITE,
} from "@guise/core";
import { EXEC } from "@guise/core";
import type { ElfFile, Image, Plan, Refusal, Segment } from "./key.ts";
import { printable } from "./bytes.ts";
import { ET_DYN, ET_EXEC, PF_R, PF_W, PF_X, PT_LOAD } from "./headers.ts";

/**
 * Where position-independent programs go. Linux's 0x555555554000 (X25) lies beyond a flat space; the classic base of
 * programs linked at a fixed address is as good, and leaves what is above it to the heap.
 */
const PIE_BASE = 0x400000;

/** No user address on Linux is as high: sums below it stay exact. */
const TASK_SIZE = 0x7fff_ffff_f000;

const down = (n: number): number => n - (n % PAGE);
const up = (n: number): number => down(n + PAGE - 1);

const ZEROS = new Uint8Array(PAGE);

function refuse(errno: Errno, reason: string): Refusal {
  return { kind: "refused", errno, reason };
}

function protection(segment: Segment): number {
  return ((segment.flags & PF_R) !== 0 ? READ : 0) | ((segment.flags & PF_W) !== 0 ? WRITE : 0) |
    ((segment.flags & PF_X) !== 0 ? EXEC : 0);
}

/** Bytes from the lowest page of the loaded segments to their end; 0 without any (total_mapping_size). */
function totalSize(elf: ElfFile): number {
  let low = Infinity, high = 0;
  for (const s of elf.segments) {
    if (s.type !== PT_LOAD) continue;
    low = Math.min(low, down(s.vaddr));
    high = Math.max(high, s.vaddr + s.memsz);
  }
  return low === Infinity ? 0 : Math.max(0, high - low);
}

/** The largest power-of-two alignment that a loaded segment asks for. */
function alignment(elf: ElfFile): number {
  let most = PAGE;
  for (const s of elf.segments) {
    if (
      s.type === PT_LOAD && s.align > most && s.align <= 0x4000_0000 && Number.isInteger(Math.log2(s.align))
    ) {
      most = s.align;
    }
  }
  return most;
}

/** What brk has below the stack; when it is used up, allocators go on with mmap. */
const HEAP_ROOM = 16 << 20;
const HEAP_STEP = 1 << 20;

type Place = "fixed" | "first" | "hint";

/** Maps one segment at `address` (elf_load). "first" and "hint" reserve `total` bytes at once. */
function mapSegment(
  space: AddressSpace,
  elf: ElfFile,
  segment: Segment,
  address: number,
  place: Place,
  total: number,
): number | Errno {
  const prot = protection(segment);
  const skew = segment.vaddr % PAGE;
  let mapped: number;
  if (segment.filesz > 0) {
    const size = up(segment.filesz + skew);
    const offset = segment.offset - skew;
    if (offset < 0 || offset % PAGE !== 0) return EINVAL;
    const length = total > 0 ? up(total) : size;
    // An absurd size must not reach rounding arithmetic of the mapper.
    if (length > space.limit || size > space.limit || offset + size > Number.MAX_SAFE_INTEGER) return ENOMEM;
    const result = space.map({
      address: down(address),
      length: Math.max(length, size),
      prot,
      fixed: place === "fixed" ? "replace" : place === "first" ? "exclusive" : undefined,
      backing: elf.file,
      offset,
    });
    if (result < 0) return result;
    mapped = result;
    if (length > size) space.unmap(mapped + size, length - size);
    if (segment.memsz > segment.filesz) {
      // The rest of the last file page is zero, if the segment is writable (padzero).
      const zero = mapped + skew + segment.filesz;
      const rest = up(zero) - zero;
      if (rest > 0 && !space.write(zero, ZEROS.subarray(0, rest)) && (prot & WRITE) !== 0) return EFAULT;
    }
  } else {
    mapped = down(address);
  }
  if (segment.memsz > segment.filesz) {
    // A segment without bytes of the file begins with the page of its first byte.
    const from = segment.filesz > 0 ? up(mapped + skew + segment.filesz) : mapped;
    const to = up(mapped + skew + segment.memsz);
    if (to > space.limit) return ENOMEM;
    if (to > from) {
      // vm_brk_flags: always readable and writable, whatever the segment says.
      const result = space.map({
        address: from,
        length: to - from,
        prot: READ | WRITE | (prot & EXEC),
        fixed: "replace",
      });
      if (result < 0) return result;
    }
  }
  return mapped;
}

/** Linux refuses sizes whose sums overflow before it maps any more. */
function impossible(segment: Segment): boolean {
  return segment.vaddr > TASK_SIZE || segment.filesz > segment.memsz || segment.memsz > TASK_SIZE ||
    TASK_SIZE - segment.memsz < segment.vaddr;
}

const hex = (n: number): string => `0x${n.toString(16)}`;

function why(elf: ElfFile, segment: Segment, errno: Errno, space: AddressSpace): string {
  const end = segment.vaddr + segment.memsz;
  if (errno === ENOMEM && end > space.limit) {
    return `cannot be loaded: it wants memory at ${hex(segment.vaddr)} to ${hex(end)}, ` +
      `and addresses end at ${hex(space.limit)} here`;
  }
  const name = printable(elf.path);
  return `cannot be loaded: the segment at ${hex(segment.vaddr)} of ${name} does not map: ${
    errnoText(errno)
  }`;
}

/** See {@link Programs.load}. */
export function mapProgram(plan: Plan, space: AddressSpace): Image | Refusal {
  const { program } = plan;
  let bias = 0, first = true;
  let phdr = 0;
  let startCode = Infinity, endCode = 0, startData = 0, endData = 0, brk = 0;
  for (const segment of program.segments) {
    if (segment.type !== PT_LOAD) continue;
    let place: Place = "fixed", total = 0;
    if (first) {
      place = program.type === ET_EXEC ? "first" : "hint";
      if (program.type === ET_DYN) {
        total = totalSize(program);
        if (total === 0) return refuse(EINVAL, "cannot be loaded: its segments are empty");
        const align = alignment(program);
        const base = Math.ceil(PIE_BASE / align) * align;
        bias = base - down(segment.vaddr);
        // A program that asks for more than its share of the low addresses goes wherever there is room.
        if (base + total > space.limit) bias = -down(segment.vaddr);
      }
    }
    // Linux maps before it looks at the sizes; either way the process is lost, and so nothing wild is asked of the space.
    if (impossible(segment)) return refuse(EINVAL, why(program, segment, EINVAL, space));
    const mapped = mapSegment(space, program, segment, bias + segment.vaddr, place, total);
    if (mapped < 0) return refuse(mapped, why(program, segment, mapped, space));
    if (first) {
      first = false;
      if (program.type === ET_DYN) bias += mapped - down(bias + segment.vaddr);
    }
    if (segment.offset <= program.phoff && program.phoff < segment.offset + segment.filesz) {
      phdr = program.phoff - segment.offset + segment.vaddr;
    }
    const code = (segment.flags & PF_X) !== 0;
    if (code) startCode = Math.min(startCode, segment.vaddr);
    startData = Math.max(startData, segment.vaddr);
    const end = segment.vaddr + segment.filesz;
    if (code) endCode = Math.max(endCode, end);
    endData = Math.max(endData, end);
    brk = Math.max(brk, segment.vaddr + segment.memsz);
  }
  // Room for the heap and the stack above a large program.
  const room = HEAP_ROOM + Math.min(space.stackLimit, 64 << 20);
  space.mapBase = Math.max(space.mapBase, Math.ceil((brk + bias + room) / HEAP_STEP) * HEAP_STEP);
  const entry = program.entry + bias;
  let start = entry, base = 0;
  if (plan.interpreter !== undefined) {
    const loaded = mapInterpreter(plan.interpreter, space);
    if (typeof loaded !== "number") return loaded;
    base = loaded;
    start = base + plan.interpreter.entry;
  }
  if (!(start >= 0 && start < TASK_SIZE)) {
    return refuse(EINVAL, `cannot be loaded: its first instruction would be at ${hex(start)}`);
  }
  return {
    kind: "image",
    start,
    entry,
    phdr: phdr + bias,
    phent: program.phentsize,
    phnum: program.phnum,
    base,
    bias,
    brk: up(brk + bias),
    startCode: (startCode === Infinity ? 0 : startCode) + bias,
    endCode: endCode + bias,
    startData: startData + bias,
    endData: endData + bias,
  };
}

/** Maps a shared library where there is room and answers its load bias. */
export function mapLibrary(elf: ElfFile, space: AddressSpace): number | Refusal {
  return mapInterpreter(elf, space, "library");
}

/** Maps ld.so and answers its load bias (load_elf_interp). */
function mapInterpreter(elf: ElfFile, space: AddressSpace, what = "interpreter"): number | Refusal {
  const name = printable(elf.path);
  const bad = (errno: Errno, text: string): Refusal =>
    refuse(errno, `cannot be loaded: its ${what} ${name} ${text}`);
  if (elf.type !== ET_EXEC && elf.type !== ET_DYN) return bad(EINVAL, "is not a program");
  let total = totalSize(elf);
  if (total === 0) return bad(EINVAL, "has no segments");
  let bias = 0, placed = elf.type === ET_EXEC;
  for (const segment of elf.segments) {
    if (segment.type !== PT_LOAD) continue;
    if (impossible(segment)) return bad(ENOMEM, `has an impossible segment at ${hex(segment.vaddr)}`);
    if (!placed) bias = -down(segment.vaddr);
    const mapped = mapSegment(space, elf, segment, bias + segment.vaddr, placed ? "fixed" : "hint", total);
    if (mapped < 0) return refuse(mapped, why(elf, segment, mapped, space));
    total = 0;
    if (!placed) {
      placed = true;
      bias = mapped - down(segment.vaddr);
    }
  }
  return bias;
}
