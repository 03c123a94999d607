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
  readonly kind: "refused";
  /** What execve(2) answers. */
  readonly errno: Errno;
  /** For a person, without the path in front: `is an aarch64 program, and this kernel has only x86-64`. */
  readonly reason: string;
  /** The missing or bad file, when it is not the program itself (a `#!` or ELF interpreter). */
  readonly file?: string;
}

/** What to run. Paths and arguments are bytes: guests name files and pass arguments that are not UTF-8. */
export interface PlanRequest {
  /** As given to execve(2); becomes the script argument of a `#!` interpreter. */
  readonly path: Uint8Array;
  readonly file: Backing;
  readonly args: readonly Uint8Array[];
  /**
   * Opens an interpreter the way open_exec does: resolved from the process's root and directory, with search and
   * execute permission checked and only regular files accepted (EACCES).
   */
  open(path: Uint8Array): Backing | Errno;
  /** Architectures that can run here, most wanted first (usually `[...kernel.arches.values()]`). */
  readonly arches: readonly Machine[];
}

/** The part of an Arch that choosing a program needs. */
export interface Machine {
  readonly name: string;
  readonly elfMachine: number;
  readonly elfClass: 32 | 64;
}

/** One program header, with all fields as exact numbers (a value of 2^53 and above is rounded, never made small). */
export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly filesz: number;
  readonly memsz: number;
  readonly align: number;
}

/** Headers of one ELF file. */
export interface ElfFile {
  readonly file: Backing;
  /** The path it was opened by. */
  readonly path: Uint8Array;
  /** ET_EXEC 2, ET_DYN 3; an interpreter's is checked only when it is mapped. */
  readonly type: number;
  readonly machine: Machine;
  readonly entry: number;
  readonly phoff: number;
  readonly phentsize: number;
  readonly phnum: number;
  readonly segments: readonly Segment[];
}

/** A program that execve accepts. Nothing has been mapped. */
export interface Plan {
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
  readonly kind: "image";
  /** Where the first instruction is: the interpreter's entry when there is one. */
  readonly start: number;
  /** AT_ENTRY: the program's own entry. */
  readonly entry: number;
  /** AT_PHDR, AT_PHENT, AT_PHNUM. AT_PHDR is `bias` alone when no segment holds the headers, as on Linux. */
  readonly phdr: number;
  readonly phent: number;
  readonly phnum: number;
  /** AT_BASE: the interpreter's load bias, 0 without one. */
  readonly base: number;
  /** Added to the program's own addresses; 0 for ET_EXEC. */
  readonly bias: number;
  /** First address after bss, rounded up to a page: where the heap begins. */
  readonly brk: number;
  /** For /proc/self/stat. */
  readonly startCode: number;
  readonly endCode: number;
  readonly startData: number;
  readonly endData: number;
}

/** Another format than ELF and `#!`, asked before them (binfmt_misc). Undefined: not mine. */
export interface ProgramFormat {
  readonly name: string;
  /** `head` is the first 256 bytes, zero-padded. A redirection names the interpreter that runs `request.path`. */
  recognise(head: Uint8Array, request: PlanRequest): { readonly interpreter: Uint8Array } | undefined;
}

/** The loader of a kernel. */
export interface Programs {
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
