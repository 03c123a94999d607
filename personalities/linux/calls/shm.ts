/** shmget, shmat, shmdt, shmctl. */
import {
  type ArgType,
  EACCES,
  EFAULT,
  EIDRM,
  EINVAL,
  EPERM,
  type Errno,
  EXEC,
  READ,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
  WRITE,
} from "@guise/core";
import { fields, get64, Scratch } from "../args/layout.ts";
import { address, int, oneOf, scalar, size } from "../args/scalar.ts";
import { flags as flagText, hex, type Names, octal } from "../args/text.ts";
import { credentialsKey } from "../credentials.ts";
import { Segment, segmentsOf, SHM_EXEC, SHM_HUGETLB, SHM_RDONLY, SHM_REMAP, SHM_RND } from "../ipc/shm.ts";
import type { Rows } from "../rows.ts";

const PAGE = 4096;
const scratch = new Scratch(112);

const key = scalar("key_t key", (task, r) => task.frame.lo(r), (v) => v === 0 ? "IPC_PRIVATE" : hex(v >>> 0));
const GET_FLAGS: Names = [[0o1000, "IPC_CREAT"], [0o2000, "IPC_EXCL"], [0o4000, "SHM_HUGETLB"], [
  0o10000,
  "SHM_NORESERVE",
]];
const getFlags = scalar("int shmflg", (task, r) => task.frame.lo(r), (v) => {
  const bits = v & ~0o777;
  return bits === 0 ? octal(v & 0o777) : `${flagText(bits, GET_FLAGS, "SHM_???")}|${octal(v & 0o777)}`;
});

const shmget: Syscall = syscall({
  name: "shmget",
  doc: "Finds or makes a segment of shared memory.",
  args: { key, size, flags: getFlags },
  run: (task, args) => {
    if (args.flags & SHM_HUGETLB) return EINVAL;
    const cred = task.data.get(credentialsKey);
    return segmentsOf(task.kernel).open(args.key, args.size, args.flags, cred);
  },
});

const AT_FLAGS: Names = [[0o10000, "SHM_RDONLY"], [0o20000, "SHM_RND"], [0o40000, "SHM_REMAP"], [
  0o100000,
  "SHM_EXEC",
]];

const shmat: Syscall = syscall({
  name: "shmat",
  doc: "Maps a segment.",
  args: {
    id: int,
    address,
    flags: scalar("int shmflg", (task, r) => task.frame.lo(r), (v) => flagText(v, AT_FLAGS, "SHM_???")),
  },
  result: "hex",
  run: (task, args) => {
    const { flags } = args;
    const segment = segmentsOf(task.kernel).get(args.id);
    if (args.id < 0 || segment === undefined) return EINVAL;
    let at = args.address;
    if (at !== 0) {
      if (flags & SHM_RND) at -= at % PAGE;
      if (at === 0 && flags & SHM_REMAP) return EINVAL;
      if (at % PAGE !== 0) return EINVAL;
    } else if (flags & SHM_REMAP) return EINVAL;
    const write = (flags & SHM_RDONLY) === 0;
    const error = segment.permits(task.data.get(credentialsKey), write ? 6 : 4);
    if (error !== 0) return error;
    if (segment.removed && segment.attached === 0) return EIDRM;
    const made = task.space.map({
      address: at,
      length: segment.size,
      prot: READ | (write ? WRITE : 0) | (flags & SHM_EXEC ? EXEC : 0),
      shared: true,
      backing: segment,
      ...(write ? {} : { maxProt: READ | EXEC }),
      ...(at === 0 ? {} : { fixed: flags & SHM_REMAP ? "replace" as const : "exclusive" as const }),
    });
    // An address in use is EINVAL here, unlike MAP_FIXED_NOREPLACE.
    if (made < 0) return at === 0 ? made : EINVAL;
    return made;
  },
});

const shmdt: Syscall = syscall({
  name: "shmdt",
  doc: "Unmaps a segment.",
  args: { address },
  run: (task, args) => {
    if (args.address % PAGE !== 0) return EINVAL;
    const parts = task.space.vmas.filter((v) =>
      v.backing instanceof Segment && v.start - v.offset === args.address
    );
    const segment = parts[0]?.backing;
    if (!(segment instanceof Segment)) return EINVAL;
    for (const { start, end } of parts) task.space.unmap(start, end - start);
    return 0;
  },
});

// deno-fmt-ignore
const IPC_RMID = 0, IPC_SET = 1, IPC_STAT = 2, IPC_INFO = 3, SHM_LOCK = 11, SHM_UNLOCK = 12, SHM_STAT = 13, SHM_INFO = 14,
  SHM_STAT_ANY = 15;
/** Bits of shm_perm.mode beside the permissions. */
const SHM_DEST = 0o1000;

function writeStatus(task: Task, at: number, segment: Segment): 0 | Errno {
  scratch.clear();
  scratch.u32(0, segment.key);
  scratch.u32(4, segment.uid);
  scratch.u32(8, segment.gid);
  scratch.u32(12, segment.cuid);
  scratch.u32(16, segment.cgid);
  scratch.u32(20, segment.mode | (segment.removed ? SHM_DEST : 0));
  scratch.u64(48, segment.segmentSize);
  scratch.u64(56, segment.attachTime);
  scratch.u64(64, segment.detachTime);
  scratch.u64(72, segment.changeTime);
  scratch.u32(80, segment.creator);
  scratch.u32(84, segment.lastPid);
  scratch.u64(88, segment.attached);
  return scratch.store(task, at, 112);
}

function writeInfo(task: Task, at: number, command: number): number | Errno {
  const segments = segmentsOf(task.kernel).all;
  scratch.clear();
  if (command === IPC_INFO) {
    [2 ** 53 - 1, 1, 4096, 4096, 2 ** 53 - 1].forEach((value, i) => scratch.u64(8 * i, value));
  } else {
    scratch.u32(0, segments.length);
    const pages = segments.reduce((sum, s) => sum + s.size / PAGE, 0);
    scratch.u64(8, pages);
    scratch.u64(16, pages);
  }
  const error = scratch.store(task, at, command === IPC_INFO ? 72 : 48);
  return error !== 0 ? error : Math.max(0, ...segments.map((s) => s.id));
}

const COMMANDS: Names = [
  [IPC_RMID, "IPC_RMID"],
  [IPC_SET, "IPC_SET"],
  [IPC_STAT, "IPC_STAT"],
  [IPC_INFO, "IPC_INFO"],
  [SHM_LOCK, "SHM_LOCK"],
  [SHM_UNLOCK, "SHM_UNLOCK"],
  [SHM_STAT, "SHM_STAT"],
  [SHM_INFO, "SHM_INFO"],
  [SHM_STAT_ANY, "SHM_STAT_ANY"],
];

/** The structure as the command before it uses it. */
const status: ArgType<number> = {
  label: "struct shmid_ds *buf",
  slots: 1,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => task.frame.num(register);
  },
  format(abi: RowAbi, slot: number) {
    const [commandAt, at] = [abi.registers[slot - 1], abi.registers[slot]];
    return (task, result) => {
      const command = task.frame.lo(commandAt), address = task.frame.num(at);
      if (address === 0) return "NULL";
      const view = fields(task, address, 112);
      const tells = (command === IPC_STAT || command === SHM_STAT) && result !== undefined && result >= 0;
      if (view === undefined || !(tells || command === IPC_SET)) return hex(address);
      const u = (offset: number) => view.getUint32(offset, true);
      const perm = `uid=${u(4)}, gid=${u(8)}, mode=${octal(u(20))}`;
      if (command === IPC_SET) return `{shm_perm={${perm}}}`;
      return `{shm_perm={${perm}, key=${view.getInt32(0, true)}, cuid=${u(12)}, cgid=${u(16)}}, ` +
        `shm_segsz=${get64(view, 48)}, shm_cpid=${u(80)}, shm_lpid=${u(84)}, shm_nattch=${
          get64(view, 88)
        }, ` +
        `shm_atime=${get64(view, 56)}, shm_dtime=${get64(view, 64)}, shm_ctime=${get64(view, 72)}}`;
    };
  },
};

const shmctl: Syscall = syscall({
  name: "shmctl",
  doc: "Tells of, changes and removes a segment.",
  args: { id: int, command: oneOf(COMMANDS, "SHM_???"), buf: status },
  run: (task, args): number | Errno => {
    const { command, buf } = args;
    if (args.id < 0 || command < 0) return EINVAL;
    if (command === IPC_INFO || command === SHM_INFO) return writeInfo(task, buf, command);
    const segments = segmentsOf(task.kernel);
    const segment = segments.get(args.id);
    if (segment === undefined) return EINVAL;
    const cred = task.data.get(credentialsKey);
    switch (command) {
      case IPC_STAT:
      case SHM_STAT:
      case SHM_STAT_ANY: {
        if (command !== SHM_STAT_ANY && segment.permits(cred, 4) !== 0) return EACCES;
        const error = writeStatus(task, buf, segment);
        return error !== 0 ? error : command === IPC_STAT ? 0 : segment.id;
      }
      case IPC_SET: {
        const view = fields(task, buf, 112);
        if (view === undefined) return EFAULT;
        if (!segment.owns(cred)) return EPERM;
        segment.uid = view.getUint32(4, true);
        segment.gid = view.getUint32(8, true);
        segment.mode = view.getUint32(20, true) & 0o777;
        segment.changeTime = segments.now();
        return 0;
      }
      case IPC_RMID:
        if (!segment.owns(cred)) return EPERM;
        segments.remove(segment);
        return 0;
      case SHM_LOCK:
      case SHM_UNLOCK:
        return segment.owns(cred) ? 0 : EPERM;
      default:
        return EINVAL;
    }
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[29, 194], shmget],
  [[30, 196], shmat],
  [[31, 195], shmctl],
  [[67, 197], shmdt],
];
