/**
 * Loading a program (O3-O6): a dynamic one is linked by the kernel and starts in a stub that calls init functions first;
 * a static one is entered as on Linux, and then lives on system calls.
 */
import {
  type Backing,
  ENOENT,
  type Errno,
  errnoText,
  invoke,
  KEEP,
  type Outcome,
  type Process,
  READ,
  type SpawnRequest,
  type StartFailure,
  type Task,
  WRITE,
} from "@guise/core";
import {
  isDynamic,
  type Linked,
  type LinkHost,
  linkProgram,
  openDynamic,
  programs,
  type Refusal,
} from "@guise/elf/key";
import { filesKey, nameOf, nameOfBytes, walk } from "@guise/vfs/key";
import {
  buildStack,
  callerOf,
  createFirst,
  firstFiles,
  Limits,
  linuxArch,
  linuxOf,
  login,
  openExecutable,
  processOf,
  register,
  setProgram,
  stringBytes,
  threadOf,
} from "@guise/linux/services";
import { BOOT, standsIn, targetOf } from "./exports.ts";
import { Heap } from "./heap.ts";
import { aliases } from "./libc/misc.ts";
import { DESCRIPTOR, descriptorArgument } from "./libc/tls.ts";
import { syntaxOptions } from "./libc/regex.ts";
import { giveStack } from "./syscall_stack.ts";
import { mapOsvVdso, VDSO_CALLS } from "./vdso.ts";
import { Streams } from "./libc/streams.ts";
import { exit, type GuestCall, invokeAll } from "./libc/start.ts";
import { osvKey, osvOf, OsvProcess } from "./state.ts";
import { PAUSE, SIGRETURN } from "./libc/signals.ts";
import { THREAD_BEGIN, THREAD_END } from "./libc/threads.ts";
import { setArgs } from "./direct.ts";
import { machineOf } from "./machine.ts";
import { makeThreadBlock } from "./thread_block.ts";

type Failure = StartFailure;

const AT_PHDR = 3,
  AT_PHENT = 4,
  AT_PHNUM = 5,
  AT_PAGESZ = 6,
  AT_RANDOM = 25,
  AT_SYSINFO_EHDR = 33,
  AT_MINSIGSTKSZ = 51;

/** See Personality.start. */
export function start(process: Process, request: SpawnRequest, verbose: boolean): Failure | undefined {
  const arch = linuxArch(process.cpu.arch.name);
  if (arch === undefined || machineOf(process.cpu.arch) === undefined) {
    return { error: `OSv does not run on ${process.cpu.arch.name}`, status: 126 };
  }
  const thread = createFirst(linuxOf(process), process, arch, login(0, 0, []), new Limits());
  const { task } = thread;
  const failed = firstFiles(task, request) ?? load(task, request, verbose);
  if (failed !== undefined) {
    const linux = thread.process;
    linux.state = "dead";
    linux.linux.processes.delete(linux.pid);
    linux.linux.tasks.delete(linux.pid);
  }
  return failed;
}

function opened(task: Task, path: string): { file: Backing; path: string } | Errno {
  const location = walk(callerOf(task), undefined, nameOf(path));
  if (typeof location === "number") return location;
  const found = openExecutable(task, location);
  if (typeof found !== "number") return { file: found.backing, path: found.path };
  // A library need not be executable.
  const backing = location.inode.backing(path);
  return typeof backing === "number" ? backing : { file: backing, path };
}

function firstOf(task: Task, paths: readonly string[]): { file: Backing; path: string } | undefined {
  for (const path of paths) {
    const found = opened(task, path);
    if (typeof found !== "number") return found;
  }
  return undefined;
}

function bytesBacking(bytes: Uint8Array): Backing {
  return {
    size: bytes.length,
    identity: bytes,
    name: "/program",
    fill(offset, into) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      into.fill(0, part.length);
      return part.length;
    },
  };
}

/** e_machine of a program; undefined when it is no ELF file. */
function machineIn(file: Backing): number | undefined {
  const head = new Uint8Array(20);
  const whole = file.fill(0, head) === head.length && new DataView(head.buffer).getUint32(0) === 0x7f454c46;
  return whole ? head[18] | head[19] << 8 : undefined;
}

/** Makes the process one of the architecture with that number, where the kernel and OSv have it. */
function become(task: Task, elfMachine: number | undefined): void {
  const arch = [...task.kernel.arches.values()].find((a) => a.elfMachine === elfMachine);
  if (arch === undefined || machineOf(arch) === undefined) return;
  const space = task.kernel.createSpace(), linux = linuxArch(arch.name);
  if (space === undefined || linux === undefined) return;
  processOf(task).arch = linux;
  task.process.replace(space, undefined, arch.name);
}

function load(task: Task, request: SpawnRequest, verbose: boolean): Failure | undefined {
  const { program } = request;
  const encode = (text: string) => new TextEncoder().encode(text);
  const shown = typeof program === "string" ? program : request.args[0] ?? "program";
  const found = typeof program === "string"
    ? opened(task, program)
    : { file: bytesBacking(program), path: "/program" };
  if (typeof found === "number") {
    const words = errnoText(found);
    return {
      error: `${shown}: ${words.charAt(0).toLowerCase()}${words.slice(1)}`,
      status: found === ENOENT ? 127 : 126,
    };
  }
  const wanted = machineIn(found.file);
  if (wanted !== task.process.cpu.arch.elfMachine) become(task, wanted);
  const { space } = task;
  const linux = processOf(task);
  const machine = task.process.cpu.arch;
  const elf = openDynamic(found.file, found.path, machine);
  if ("kind" in elf) {
    // Of an architecture that is not loaded yet: the kernel is told which.
    const late = wanted === machine.elfMachine ? undefined : wanted;
    return { error: `${shown}: ${elf.reason}`, status: 126, machine: late };
  }

  const osv = new OsvProcess(task.process, new Heap(space), undefined as never);
  Object.assign(osv, { streams: new Streams(osv.heap) });
  task.process.data.set(osvKey, osv);
  osv.verbose = verbose;
  osv.standsIn = standsIn;
  osv.console = task.data.get(filesKey).get(2);

  const args = request.args.map(encode);
  const env = Object.entries(request.env).map(([name, value]) => encode(`${name}=${value}`));
  // The Linux ld.so is entered as it is, and then loads its program by system calls (O5).
  const dynamic = isDynamic(elf) && !/(^|\/)ld-(linux|musl)[^/]*$/.test(shown);
  const linked = dynamic
    ? linkProgram(elf, args, space, linkHost(task, osv))
    : task.kernel.data.get(programs).load({
      kind: "plan",
      program: elf,
      args,
      scripts: 0,
      arch: machine.name,
      stack: "plain",
    }, space);
  if (linked.kind === "refused") return { error: `${shown}: ${(linked as Refusal).reason}`, status: 126 };
  const image = linked.kind === "linked" ? linked.image : linked;
  if (linked.kind === "linked") osv.linked = linked;
  const { mm } = linux;
  mm.brkStart = mm.brk = image.brk;
  setProgram(mm, found.file.identity);
  mm.programBias = image.bias;
  linux.exe = found.path;
  linux.execed = true;
  const name = shown.slice(shown.lastIndexOf("/") + 1);
  threadOf(task).name = nameOfBytes(encode(name).subarray(0, 15));
  mapOsvVdso(task, BOOT + 1);

  // The stack (O6).
  const length =
    Math.ceil((stringBytes(args) + stringBytes(env) + 8 * (args.length + env.length) + 8192) / 4096) * 4096 +
    0x20000;
  const stack = space.map({
    address: space.mapBase - length,
    length,
    prot: READ | WRITE,
    fixed: "replace",
    name: "[stack]",
    growsDown: true,
  });
  if (stack < 0) return { error: `${shown}: no memory for the stack`, status: 126 };
  mm.stackTop = space.mapBase;
  const random = new Uint8Array(16);
  task.kernel.random(random);
  const layout = buildStack(space, {
    top: space.mapBase,
    args,
    env,
    execfn: encode(found.path),
    platform: linux.arch.platform,
    random,
    auxv: [
      ...(mm.vdso === 0 ? [] : [[AT_SYSINFO_EHDR, mm.vdso] as const]),
      [AT_PAGESZ, 4096],
      [AT_MINSIGSTKSZ, linux.arch.minimumSignalStack],
      [AT_RANDOM, "random"],
      ...(dynamic ? [] : [
        [AT_PHDR, image.phdr],
        [AT_PHENT, image.phent],
        [AT_PHNUM, image.phnum],
      ] as const),
    ],
    pointer: 8,
  });
  if (layout === undefined) return { error: `${shown}: the stack does not hold the arguments`, status: 126 };
  Object.assign(mm, layout);
  osv.argc = args.length;
  osv.argv = layout.sp + 8;
  osv.environment = osv.argv + 8 * (args.length + 1);

  const { frame } = task;
  machine.registers.forEach((r, i) => {
    if (r.bits <= 64) frame.set(i, 0, 0);
  });
  for (const each of linux.arch.startRegisters) frame.setNum(register(machine, each.name), each.value);
  frame.write(register(machine, linux.arch.frame.extended.register), linux.arch.startExtended);
  frame.setNum(machine.sp, layout.sp);
  if (!giveStack(task)) return { error: `${shown}: out of memory`, status: 126 };
  if (linked.kind !== "linked") {
    frame.setNum(machine.pc, image.start);
    return undefined;
  }
  const pointer = makeThreadBlock(task, linked);
  const boot = task.process.stub(BOOT);
  if (pointer === undefined || boot === undefined) return { error: `${shown}: out of memory`, status: 126 };
  osv.sigreturn = task.process.stub(targetOf(SIGRETURN)!) ?? 0;
  osv.pause = task.process.stub(targetOf(PAUSE)!) ?? 0;
  osv.threadBegin = targetOf(THREAD_BEGIN)!;
  osv.threadEnd = targetOf(THREAD_END)!;
  frame.setNum(machine.tls, pointer);
  frame.setNum(machine.pc, boot);
  return undefined;
}

/** Where libraries and the kernel's functions are found. */
function linkHost(task: Task, osv: OsvProcess): LinkHost {
  const data = new Map<string, number>();
  const absent = machineOf(task.process.cpu.arch)?.absent;
  /** A function has one address, also when its page of stubs is full by now. */
  const stubs = new Map<number, number | undefined>();
  const stub = (target: number): number | undefined => {
    if (!stubs.has(target)) stubs.set(target, task.process.stub(target));
    return stubs.get(target);
  };
  return {
    open: (name) =>
      name.includes("/")
        ? firstOf(task, [name])
        : firstOf(task, (machineOf(task.process.cpu.arch)?.libraries ?? []).map((folder) => folder + name)),
    standsIn,
    export: (name) => {
      const target = absent?.has(name) ? undefined : targetOf(name);
      return target === undefined ? datum(task, osv, data, name) : stub(target);
    },
    alias: (name) => aliases[name] ?? name,
    under: firstOf(task, machineOf(task.process.cpu.arch)?.libc ?? []),
    missing: (object, name) => {
      osv.missing.push(`${object}: failed looking up symbol ${name}`);
      return task.process.stub(BOOT + VDSO_CALLS + osv.missing.length);
    },
    descriptor: () => {
      const target = targetOf(DESCRIPTOR);
      return target === undefined ? undefined : task.process.stub(target);
    },
    descriptorArgument: (object, offset) => descriptorArgument(task, object, offset),
    tolerated: (name) => name.startsWith("_ITM_") || name.startsWith("__gmon"),
  };
}

/** Exported data: the standard streams, and what the libc under us has no name for. */
function datum(task: Task, osv: OsvProcess, known: Map<string, number>, name: string): number | undefined {
  const old = known.get(name);
  if (old !== undefined) return old;
  if (name === "re_syntax_options") return syntaxOptions(osv) || undefined;
  const which = ["stdin", "stdout", "stderr"].indexOf(name);
  const single = name === "__libc_single_threaded" || name === "__libc_enable_secure";
  if (which < 0 && !single) return undefined;
  const address = osv.heap.allocate(16);
  if (address === 0) return undefined;
  known.set(name, address);
  const value = single ? (name === "__libc_single_threaded" ? 1 : 0) : osv.streams.standard(task)[which];
  task.space.setNum64(address, value);
  return address;
}

/** The first thing that a linked program does: resolvers, the libc's thread state, init functions, then its entry. */
export function boot(task: Task): Outcome {
  const osv = osvOf(task);
  const { linked } = osv;
  if (linked === undefined) return exit(task, 127);
  const { space } = task;
  const environ = linked.lookup("__environ"), again = linked.lookup("environ");
  for (const at of [environ, again]) if (at !== undefined) space.setNum64(at, osv.environment);
  const argv0 = space.getNum64(osv.argv) ?? 0;
  const full = linked.lookup("__progname_full"), invocation = linked.lookup("program_invocation_name");
  for (const at of [full, invocation]) if (at !== undefined) space.setNum64(at, argv0);
  const bytes = argv0 === 0 ? 0 : space.cstring(argv0, 4096);
  const slash = typeof bytes === "number" ? -1 : bytes.lastIndexOf(0x2f);
  for (const name of ["__progname", "program_invocation_short_name"]) {
    const at = linked.lookup(name);
    if (at !== undefined) space.setNum64(at, argv0 + slash + 1);
  }
  osv.streams.standard(task);
  return resolve(task, linked, 0);
}

function resolve(task: Task, linked: Linked, n: number): Outcome {
  const each = linked.indirect[n];
  if (each === undefined) return prepare(task, linked);
  return invoke(each.resolver, [], (t, address) => {
    t.space.setNum64(each.place, address + each.addend);
    return resolve(t, linked, n + 1);
  });
}

const LC_GLOBAL_LOCALE = -1;

function prepare(task: Task, linked: Linked): Outcome {
  linked.protect();
  const osv = osvOf(task);
  const errno = linked.lookup("__errno_location"), locale = linked.lookup("uselocale");
  const enter = (t: Task): Outcome => {
    const calls: GuestCall[] = [];
    const args = [osv.argc, osv.argv, osv.environment];
    for (const object of linked.initOrder) {
      if (object === linked.program) continue;
      for (const address of object.initFunctions) calls.push({ address, args });
    }
    return invokeAll(t, calls, (u) => {
      const { arch } = u.process.cpu;
      // rdx and x0: no function to be called at exit.
      setArgs(u, [0, 0, 0]);
      u.frame.setNum(arch.pc, linked.image.entry);
      return KEEP;
    });
  };
  const setLocale = (t: Task): Outcome =>
    locale === undefined ? enter(t) : invoke(locale, [LC_GLOBAL_LOCALE], (u) => enter(u));
  if (errno === undefined) return setLocale(task);
  return invoke(errno, [], (t, address) => {
    osv.errnoOffset = address - t.frame.num(t.process.cpu.arch.tls);
    return setLocale(t);
  });
}
