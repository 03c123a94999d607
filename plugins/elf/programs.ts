/**
 * The half of a load before the point of no return: which program, on which architecture, with which interpreters and
 * arguments. Nothing changes here; every refusal is what Linux's execve(2) answers, with the reason in words.
 */
import { EACCES, EIO, ELIBBAD, ELOOP, ENOENT, ENOEXEC, type Errno, errnoText } from "@guise/core";
import type { AddressSpace, Backing } from "@guise/core";
import type { ElfFile, Image, Machine, Plan, PlanRequest, ProgramFormat, Programs, Refusal } from "./key.ts";
import { printable, readExactly, readHead, stringAt } from "./bytes.ts";
import {
  ET_DYN,
  ET_EXEC,
  executableHead,
  isElf,
  PF_X,
  PT_GNU_STACK,
  PT_INTERP,
  readElf,
  typeAndMachine,
} from "./headers.ts";
import { describeFile, machineName } from "./identify.ts";
import { mapProgram } from "./map.ts";
import { isScript, scriptLine } from "./script.ts";

/** Linux's exec_binprm asks formats for at most 6 files in a row: five scripts and their last interpreter. */
const MOST_INTERPRETERS = 5;
const PATH_MAX = 4096;

function refuse(errno: Errno, reason: string, file?: Uint8Array): Refusal {
  return { kind: "refused", errno, reason, file: file && printable(file) };
}

/** A loader for one kernel. Plugins add formats to `formats`. */
export function createPrograms(): Programs {
  const formats: ProgramFormat[] = [];
  return {
    formats,
    plan: (request: PlanRequest): Plan | Refusal => plan(request, formats),
    load: (program: Plan, space: AddressSpace): Image | Refusal => mapProgram(program, space),
  };
}

function plan(request: PlanRequest, formats: readonly ProgramFormat[]): Plan | Refusal {
  let { path, file } = request;
  let args: readonly Uint8Array[] = request.args;
  for (let depth = 0;; depth++) {
    if (depth > MOST_INTERPRETERS) {
      return refuse(ELOOP, `is a script whose interpreter is a script, more than ${MOST_INTERPRETERS} deep`);
    }
    const head = executableHead(file);
    let next: Uint8Array | undefined;
    for (const format of formats) {
      const found = format.recognise(head.bytes, { ...request, path, file, args });
      if (found === undefined) continue;
      // As binfmt_misc: the interpreter gets the path in the place of argv[0].
      args = [found.interpreter, path, ...args.slice(1)];
      next = found.interpreter;
      break;
    }
    if (next === undefined && isScript(head.bytes)) {
      const line = scriptLine(head.bytes);
      if (line === undefined) {
        return refuse(ENOEXEC, `cannot run: it is ${describeFile(head.bytes, head.size)}`);
      }
      // Linux drops argv[0] and puts the interpreter's path, the argument and the script's path in front.
      const rest = args.slice(1);
      args = line.argument === undefined
        ? [line.interpreter, path, ...rest]
        : [line.interpreter, line.argument, path, ...rest];
      next = line.interpreter;
    }
    if (next === undefined) return planElf(request, path, file, head, args, depth);
    const opened = openInterpreter(request, next);
    if (typeof opened === "number") {
      return refuse(opened, needs(`the interpreter ${printable(next)} of its #! line`, opened), next);
    }
    path = next;
    file = opened;
  }
}

/** open_exec: an empty name is the working directory, which is no program (measured: EACCES). */
function openInterpreter(request: PlanRequest, path: Uint8Array): Backing | Errno {
  return path.length === 0 ? EACCES : request.open(path);
}

/** Conventions 18: what is missing, and what to do about it. */
function needs(what: string, errno: Errno): string {
  return errno === ENOENT
    ? `needs ${what}, which is not in the guest root (--root DIR)`
    : `needs ${what}: ${errnoText(errno)}`;
}

function planElf(
  request: PlanRequest,
  path: Uint8Array,
  file: Backing,
  head: { bytes: Uint8Array; size: number },
  args: readonly Uint8Array[],
  scripts: number,
): Plan | Refusal {
  const bad = (reason: string): Refusal => {
    const whose = scripts === 0 ? "" : `needs the interpreter ${printable(path)} of its #! line, which `;
    return refuse(ENOEXEC, whose + reason, scripts === 0 ? undefined : path);
  };
  const what = describeFile(head.bytes, head.size);
  if (!isElf(head.bytes)) return bad(`cannot run: it is ${what}`);
  const { type, machine: number } = typeAndMachine(head.bytes);
  if (head.size < 20 || (type !== ET_EXEC && type !== ET_DYN)) return bad(`cannot run: it is ${what}`);
  const machine = request.arches.find((m) => m.elfMachine === number);
  if (machine === undefined) {
    const names = request.names ?? request.arches.map((m) => m.name);
    const refusal = bad(
      `is ${what}, and this kernel runs ${names.join(" and ") || "no architecture"} only`,
    );
    return { ...refusal, machine: number };
  }
  // Linux would read an x32 or big-endian file's fields at the wrong places and mostly end in ENOEXEC as well.
  if (head.bytes[4] !== machine.elfClass / 32 && (head.bytes[4] === 1 || head.bytes[4] === 2)) {
    return bad(`is ${what} of the wrong word size (${head.bytes[4] * 32} bits) for ${machine.name}`);
  }
  const program = readElf(file, path, head.bytes, machine);
  if (typeof program === "string") return bad(program);
  const interpreter = planInterpreter(request, program);
  if (interpreter !== undefined && "errno" in interpreter) return interpreter;
  let stack: Plan["stack"] = "default";
  for (const segment of program.segments) {
    if (segment.type === PT_GNU_STACK) stack = (segment.flags & PF_X) !== 0 ? "executable" : "plain";
  }
  return { kind: "plan", program, interpreter, args, scripts, arch: machine.name, stack };
}

/** PT_INTERP's program, checked as far as Linux does before the point of no return. */
function planInterpreter(request: PlanRequest, program: ElfFile): ElfFile | Refusal | undefined {
  const segment = program.segments.find((s) => s.type === PT_INTERP);
  if (segment === undefined) return undefined;
  if (segment.filesz > PATH_MAX || segment.filesz < 2) {
    return refuse(ENOEXEC, `is damaged: the name of its interpreter has ${segment.filesz} bytes`);
  }
  const name = readExactly(program.file, segment.offset, segment.filesz);
  if (name === undefined) return refuse(EIO, "is cut short: the name of its interpreter lies beyond its end");
  if (name[name.length - 1] !== 0) {
    return refuse(ENOEXEC, "is damaged: the name of its interpreter does not end");
  }
  const path = stringAt(name, 0, name.length);
  const shown = printable(path);
  const file = openInterpreter(request, path);
  if (typeof file === "number") return refuse(file, needs(`the interpreter ${shown}`, file), path);
  const head = readHead(file, 64);
  if (head.size < 64) return refuse(EIO, `needs the interpreter ${shown}, which is cut short`, path);
  const is = describeFile(head.bytes, head.size);
  if (!isElf(head.bytes)) return refuse(ELIBBAD, `needs the interpreter ${shown}, which is ${is}`, path);
  const { machine: number } = typeAndMachine(head.bytes);
  if (number !== program.machine.elfMachine) {
    const wanted = machineName(program.machine.elfMachine);
    return refuse(ELIBBAD, `needs the interpreter ${shown} for ${wanted}, but that is ${is}`, path);
  }
  const interpreter = readElf(file, path, head.bytes, program.machine as Machine);
  if (typeof interpreter === "string") {
    return refuse(ELIBBAD, `needs the interpreter ${shown}, which ${interpreter}`, path);
  }
  return interpreter;
}
