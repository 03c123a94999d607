/** Settings of threads and processes: prctl, arch_prctl, personality. */
import { EFAULT, EINVAL, EPERM, type Outcome, type Syscall, syscall, type Task } from "@guise/core";
import { register } from "../arch/abi.ts";
import { base, oneOf, word } from "../args/scalar.ts";
import type { ArgType, RowAbi } from "@guise/core";
import { choice, hex, quote } from "../args/text.ts";
import { signalName } from "../signals/numbers.ts";
import { bytesOfName, nameOfBytes } from "@guise/vfs/key";
import { CAP_SETPCAP, credentialsKey } from "../credentials.ts";
import type { Rows } from "../rows.ts";
import { processOf, threadOf } from "../state.ts";

const ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004;
const ARCH_CPUID_GET = 0x1011, ARCH_CPUID_SET = 0x1012;

const archPrctl: Syscall = syscall({
  name: "arch_prctl",
  doc: "Sets and gets the bases of FS and GS.",
  args: {
    code: oneOf([
      [ARCH_SET_GS, "ARCH_SET_GS"],
      [ARCH_SET_FS, "ARCH_SET_FS"],
      [ARCH_GET_FS, "ARCH_GET_FS"],
      [ARCH_GET_GS, "ARCH_GET_GS"],
      [ARCH_CPUID_GET, "ARCH_GET_CPUID"],
      [ARCH_CPUID_SET, "ARCH_SET_CPUID"],
    ], "ARCH_???"),
    value: base,
  },
  run: (task, { code, value }): Outcome => {
    const { frame } = task;
    const { arch } = task.process.cpu;
    switch (code) {
      case ARCH_SET_FS:
      case ARCH_SET_GS:
        // TASK_SIZE_MAX: an address of the kernel's half is refused.
        if (value >= 0x7ffffffff000) return EPERM;
        frame.setNum(register(arch, code === ARCH_SET_FS ? "fs_base" : "gs_base"), value);
        return 0;
      case ARCH_GET_FS:
      case ARCH_GET_GS: {
        const base = frame.num(register(arch, code === ARCH_GET_FS ? "fs_base" : "gs_base"));
        return task.space.setNum64(value, base) ? 0 : EFAULT;
      }
      case ARCH_CPUID_GET:
        return 1;
      case ARCH_CPUID_SET:
        return -19; // ENODEV: CPUID faulting is not there
      default:
        return EINVAL;
    }
  },
});

// deno-fmt-ignore
const OPTIONS = [
  [1, "PR_SET_PDEATHSIG"], [2, "PR_GET_PDEATHSIG"], [3, "PR_GET_DUMPABLE"], [4, "PR_SET_DUMPABLE"],
  [7, "PR_GET_KEEPCAPS"], [8, "PR_SET_KEEPCAPS"], [13, "PR_GET_TIMING"], [14, "PR_SET_TIMING"], [15, "PR_SET_NAME"],
  [16, "PR_GET_NAME"], [21, "PR_GET_SECCOMP"], [22, "PR_SET_SECCOMP"], [23, "PR_CAPBSET_READ"], [24, "PR_CAPBSET_DROP"],
  [27, "PR_GET_SECUREBITS"], [28, "PR_SET_SECUREBITS"], [29, "PR_SET_TIMERSLACK"], [30, "PR_GET_TIMERSLACK"],
  [35, "PR_SET_MM"], [36, "PR_SET_CHILD_SUBREAPER"], [37, "PR_GET_CHILD_SUBREAPER"], [38, "PR_SET_NO_NEW_PRIVS"],
  [39, "PR_GET_NO_NEW_PRIVS"], [40, "PR_GET_TID_ADDRESS"], [41, "PR_SET_THP_DISABLE"], [42, "PR_GET_THP_DISABLE"],
  [47, "PR_CAP_AMBIENT"], [0x53564d41, "PR_SET_VMA"],
] as const;

interface PrctlArguments {
  option: number;
  a: number;
  b: number;
  c: number;
  d: number;
}

const DUMPABLE = ["SUID_DUMP_DISABLE", "SUID_DUMP_USER", "SUID_DUMP_ROOT"];

/** A thread's name as a string of at most 15 characters. */
function nameText(task: Task, at: number): string {
  const bytes = task.space.cstring(at, 65536);
  if (typeof bytes === "number") return hex(at);
  return quote(bytes.subarray(0, 15)) + (bytes.length > 15 ? "..." : "");
}

/** Options whose arguments are shown as strace does; the others print what they were given. */
function shown(task: Task, args: PrctlArguments, result: number | undefined): string[] {
  const cell = (text: (value: number) => string): string => {
    const value = result === 0 ? task.space.getU32(args.a) : undefined;
    return value === undefined ? hex(args.a) : `[${text(value)}]`;
  };
  switch (args.option) {
    case 15:
      return [nameText(task, args.a)];
    case 16:
      return [result === 0 ? nameText(task, args.a) : hex(args.a)];
    case 3:
    case 7:
    case 21:
    case 27:
    case 30:
      return [];
    case 1:
      return [signalName(args.a)];
    case 2:
      return [cell(signalName)];
    case 4:
      return [DUMPABLE[args.a] ?? `${hex(args.a)} /* SUID_DUMP_??? */`];
    case 37:
      return [cell(String)];
    case 40:
      return [hex(args.a)];
    case 8:
    case 23:
    case 24:
    case 29:
    case 36:
      return [String(args.a)];
    case 38:
      return [String(args.a), hex(args.b), hex(args.c), hex(args.d)];
    default:
      return [args.a, args.b, args.c, args.d].map(hex);
  }
}

const prctlArguments: ArgType<PrctlArguments> = {
  label: "int option, unsigned long arg2, arg3, arg4, arg5",
  slots: 5,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const [o, a, b, c, d] = abi.registers.slice(slot, slot + 5);
    const args: PrctlArguments = { option: 0, a: 0, b: 0, c: 0, d: 0 };
    return (task) => {
      const { frame } = task;
      args.option = frame.lo(o);
      args.a = frame.num(a);
      args.b = frame.num(b);
      args.c = frame.num(c);
      args.d = frame.num(d);
      return args;
    };
  },
  format(abi: RowAbi, slot: number) {
    const decode = this.compile(abi, slot);
    return (task, result) => {
      const args = decode(task) as PrctlArguments;
      return [choice(args.option, OPTIONS, "PR_???"), ...shown(task, args, result)].join(", ");
    };
  },
};

const LAST_CAPABILITY = 40;

function control(task: Task, args: PrctlArguments): Outcome {
  const thread = threadOf(task), self = processOf(task);
  const cred = task.data.get(credentialsKey);
  const none = args.b === 0 && args.c === 0 && args.d === 0;
  switch (args.option) {
    case 1:
      if (args.a > 64) return EINVAL;
      thread.parentDeathSignal = args.a;
      return 0;
    case 2:
      return task.space.setU32(args.a, thread.parentDeathSignal) ? 0 : EFAULT;
    case 3:
      return self.dumpable;
    case 4:
      if (args.a > 1) return EINVAL;
      self.dumpable = args.a;
      return 0;
    case 7:
      return cred.keepCapabilities ? 1 : 0;
    case 8:
      if (args.a > 1) return EINVAL;
      task.data.set(credentialsKey, cred.with({ keepCapabilities: args.a === 1 }));
      return 0;
    case 13:
      return 0;
    case 14:
      return args.a === 0 ? 0 : EINVAL;
    case 15: {
      let name = "";
      for (let i = 0; i < 15; i++) {
        const byte = task.space.read(args.a + i, 1);
        if (byte === undefined) return EFAULT;
        if (byte[0] === 0) break;
        name += nameOfBytes(byte);
      }
      thread.name = name;
      return 0;
    }
    case 16: {
      const bytes = new Uint8Array(16);
      bytes.set(bytesOfName(thread.name).subarray(0, 15));
      return task.space.write(args.a, bytes) ? 0 : EFAULT;
    }
    case 21:
      return 0;
    case 23:
      return args.a > LAST_CAPABILITY ? EINVAL : 1;
    case 24:
      if (!cred.capable(CAP_SETPCAP)) return EPERM;
      return args.a > LAST_CAPABILITY ? EINVAL : 0;
    case 27:
      return 0;
    case 28:
      return cred.capable(CAP_SETPCAP) && args.a === 0 ? 0 : EPERM;
    case 29:
      thread.timerSlack = args.a === 0 ? 50000 : args.a;
      return 0;
    case 30:
      return thread.timerSlack;
    case 35:
      return EPERM;
    case 36:
      self.subreaper = args.a !== 0;
      return 0;
    case 37:
      return task.space.setU32(args.a, self.subreaper ? 1 : 0) ? 0 : EFAULT;
    case 38:
      if (args.a !== 1 || !none) return EINVAL;
      thread.noNewPrivileges = true;
      return 0;
    case 39:
      if (args.a !== 0 || !none) return EINVAL;
      return thread.noNewPrivileges ? 1 : 0;
    case 40:
      return task.space.setNum64(args.a, thread.clearChildTid) ? 0 : EFAULT;
    case 41:
      return none ? 0 : EINVAL;
    case 42:
      return args.a === 0 && none ? 0 : EINVAL;
    case 47:
      // Ambient capabilities: none are ever set; asking and clearing work.
      if (args.a === 1) return args.b > LAST_CAPABILITY || args.c !== 0 || args.d !== 0 ? EINVAL : 0;
      if (args.a === 4) return none ? 0 : EINVAL;
      return args.a === 3 ? 0 : args.a === 2 ? EPERM : EINVAL;
    default:
      return EINVAL;
  }
}

const prctl: Syscall = syscall({
  name: "prctl",
  doc: "Gets and sets attributes of the thread or process.",
  args: { request: prctlArguments },
  support: "partial",
  note:
    "names, death signal, dumpable, capabilities, timer slack, subreaper, no_new_privs; no seccomp, no PR_SET_MM",
  // PR_GET_DUMPABLE's number has a name.
  result: (task, result, abi) =>
    task.frame.lo(abi.registers[0]) === 3
      ? `${result} (${DUMPABLE[result] ?? "SUID_DUMP_???"})`
      : String(result),
  run: (task, { request }) => control(task, request),
});

const personality: Syscall = syscall({
  name: "personality",
  doc: "Gets and sets the execution domain; kept, without effect.",
  args: { persona: word },
  result: (_task, result) => result === 0 ? "0 (PER_LINUX)" : hex(result),
  run: (task, { persona }) => {
    const self = processOf(task);
    const before = self.personalityFlags;
    if (persona !== 0xffffffff) self.personalityFlags = persona;
    return before;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[135, 92], personality],
  [[157, 167], prctl],
  [[158, null], archPrctl],
];
