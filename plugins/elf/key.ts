/**
 * What personalities and other plugins see of the program loader: the key under which a kernel keeps it, the shapes
 * of a plan and of a loaded image, and the symbol reader. A load has two halves, as execve(2) has a point of no
 * return: {@link Programs.plan} changes nothing and its refusal is what execve answers; {@link Programs.load} maps
 * into a fresh address space, and when that fails the process is already lost (SIGSEGV on Linux).
 *
 * @module
 */
import { type AddressSpace, type Backing, type Errno, Key } from "@guise/core";

/** Why a program cannot run. */
export interface Refusal {
  /** Tells it from a {@link Plan} or an {@link Image}. */
  readonly kind: "refused";
  /** What execve(2) answers. */
  readonly errno: Errno;
  /** For a person, without the path in front: `is an aarch64 program, and this kernel has only x86-64`. */
  readonly reason: string;
  /** The missing or bad file, when it is not the program itself (a `#!` or ELF interpreter). */
  readonly file?: string;
  /** e_machine of a program for an architecture that is not among the request's. */
  readonly machine?: number;
}

/** What to run. Paths and arguments are bytes: guests name files and pass arguments that are not UTF-8. */
export interface PlanRequest {
  /** As given to execve(2); becomes the script argument of a `#!` interpreter. */
  readonly path: Uint8Array;
  /** The opened program. */
  readonly file: Backing;
  /** argv. */
  readonly args: readonly Uint8Array[];
  /**
   * Opens an interpreter the way open_exec does: resolved from the process's root and directory, with search and
   * execute permission checked and only regular files accepted (EACCES).
   */
  open(path: Uint8Array): Backing | Errno;
  /** Architectures that can run here, most wanted first (usually `[...kernel.arches.values()]`). */
  readonly arches: readonly Machine[];
  /** Names of all that can run, for a refusal: also of those that are loaded when they are needed. Default: those of `arches`. */
  readonly names?: readonly string[];
}

/** The part of an Arch that choosing a program needs. */
export interface Machine {
  /** `x86-64`, `aarch64`. */
  readonly name: string;
  /** e_machine. */
  readonly elfMachine: number;
  /** Width of addresses in its files, in bits. */
  readonly elfClass: 32 | 64;
}

/** One program header, with all fields as exact numbers (a value of 2^53 and above is rounded, never made small). */
export interface Segment {
  /** p_type: PT_LOAD 1, PT_DYNAMIC 2, PT_INTERP 3. */
  readonly type: number;
  /** p_flags: PF_X 1, PF_W 2, PF_R 4. */
  readonly flags: number;
  /** p_offset: where its bytes are in the file. */
  readonly offset: number;
  /** p_vaddr: where they go, before the load bias. */
  readonly vaddr: number;
  /** p_filesz: bytes in the file. */
  readonly filesz: number;
  /** p_memsz: bytes in memory; what exceeds `filesz` is zero. */
  readonly memsz: number;
  /** p_align. */
  readonly align: number;
}

/** Headers of one ELF file. */
export interface ElfFile {
  /** The opened file. */
  readonly file: Backing;
  /** The path it was opened by. */
  readonly path: Uint8Array;
  /** ET_EXEC 2, ET_DYN 3; an interpreter's is checked only when it is mapped. */
  readonly type: number;
  /** The architecture it is for. */
  readonly machine: Machine;
  /** e_entry, before the load bias. */
  readonly entry: number;
  /** e_phoff: where the program headers are in the file. */
  readonly phoff: number;
  /** e_phentsize: bytes of each. */
  readonly phentsize: number;
  /** e_phnum: how many there are. */
  readonly phnum: number;
  /** The program headers, in their order. */
  readonly segments: readonly Segment[];
}

/** A program that execve accepts. Nothing has been mapped. */
export interface Plan {
  /** Tells it from a {@link Refusal}. */
  readonly kind: "plan";
  /** The program that will be mapped: for a script, its interpreter (`/proc/self/exe` names it). */
  readonly program: ElfFile;
  /** PT_INTERP's program (ld.so). */
  readonly interpreter?: ElfFile;
  /** argv after `#!` lines have been applied. */
  readonly args: readonly Uint8Array[];
  /** How many `#!` lines were followed. */
  readonly scripts: number;
  /** The architecture to run it on: a name of the request's `arches`. */
  readonly arch: string;
  /** PT_GNU_STACK: false when it says not executable; true when it asks, or is absent ("default"). */
  readonly stack: "executable" | "plain" | "default";
}

/** A mapped program: all that a start needs. */
export interface Image {
  /** Tells it from a {@link Refusal}. */
  readonly kind: "image";
  /** Where the first instruction is: the interpreter's entry when there is one. */
  readonly start: number;
  /** AT_ENTRY: the program's own entry. */
  readonly entry: number;
  /** AT_PHDR, AT_PHENT, AT_PHNUM. AT_PHDR is `bias` alone when no segment holds the headers, as on Linux. */
  readonly phdr: number;
  /** AT_PHENT. */
  readonly phent: number;
  /** AT_PHNUM. */
  readonly phnum: number;
  /** AT_BASE: the interpreter's load bias, 0 without one. */
  readonly base: number;
  /** Added to the program's own addresses; 0 for ET_EXEC. */
  readonly bias: number;
  /** First address after bss, rounded up to a page: where the heap begins. */
  readonly brk: number;
  /** First and last address of code and of data, for /proc/self/stat. */
  readonly startCode: number;
  /** See {@link startCode}. */
  readonly endCode: number;
  /** See {@link startCode}. */
  readonly startData: number;
  /** See {@link startCode}. */
  readonly endData: number;
}

/** Another format than ELF and `#!`, asked before them (binfmt_misc). Undefined: not mine. */
export interface ProgramFormat {
  /** For messages. */
  readonly name: string;
  /** `head` is the first 256 bytes, zero-padded. A redirection names the interpreter that runs `request.path`. */
  recognise(head: Uint8Array, request: PlanRequest): { readonly interpreter: Uint8Array } | undefined;
}

/** The loader of a kernel. */
export interface Programs {
  /** Other formats; plugins add theirs. */
  readonly formats: ProgramFormat[];
  /** Before the point of no return: a refusal is execve's answer. Never throws. */
  plan(request: PlanRequest): Plan | Refusal;
  /** After it: maps into `space` (fresh). A refusal is fatal, SIGSEGV on Linux. Never throws. */
  load(plan: Plan, space: AddressSpace): Image | Refusal;
}

/** Where a kernel keeps its {@link Programs}; set by the plugin `elf()`. */
export const programs: Key<Programs> = new Key<Programs>("programs (plugin elf)");

export { createPrograms } from "./programs.ts";
export { type ElfSymbol, elfSymbols, type SymbolTable } from "./symbols.ts";
export { describeFile } from "./identify.ts";
export { isDynamic, linkProgram, openDynamic } from "./dynamic/link.ts";
export type { FoundSymbol, Linked, LinkHost, Opened, OpenOptions, SymbolQuery } from "./dynamic/contract.ts";
export { DynamicObject, type DynamicSymbol, type Relocation } from "./dynamic/object.ts";
