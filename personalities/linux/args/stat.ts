/** struct stat, struct statx and struct statfs: written from an inode, printed from guest memory. */
import type { ArgType, Errno, RowAbi, Task } from "@guise/core";
import { type Inode, majorOf, minorOf, type Mount, type StatFs } from "@guise/vfs/key";
import { filesAbi, type StatLayout } from "./abi.ts";
import { fields, get64, getField, Scratch } from "./layout.ts";
import { FS_MAGIC, ST_FLAGS, STATX_MASK } from "./names.ts";
import { choice, device, fileMode, flags, hex } from "./text.ts";

/** A struct stat that a call fills: writes one inode's attributes, 0 or EFAULT. */
export interface StatOut {
  write(task: Task, inode: Inode): 0 | Errno;
}

const scratch = new Scratch(256);

class StatWriter implements StatOut {
  readonly layout: StatLayout;
  address = 0;
  constructor(layout: StatLayout) {
    this.layout = layout;
  }
  write(task: Task, inode: Inode): 0 | Errno {
    const l = this.layout, s = scratch.clear();
    s.u64(0, inode.dev);
    s.u64(8, inode.ino);
    s.field(l.nlink, inode.nlink);
    s.u32(l.mode, inode.mode);
    s.u32(l.uid, inode.uid);
    s.u32(l.gid, inode.gid);
    s.u64(l.rdev, inode.rdev);
    s.u64(48, inode.size);
    s.field(l.blksize, inode.blksize);
    s.u64(64, inode.blocks);
    s.u64(72, inode.atime.sec);
    s.u64(80, inode.atime.nsec);
    s.u64(88, inode.mtime.sec);
    s.u64(96, inode.mtime.nsec);
    s.u64(104, inode.ctime.sec);
    s.u64(112, inode.ctime.nsec);
    return s.store(task, this.address, l.size);
  }
}

function isDevice(mode: number): boolean {
  const type = mode & 0o170000;
  return type === 0o020000 || type === 0o060000;
}

function statText(mode: number, size: number, rdev: number): string {
  const what = isDevice(mode) ? `st_rdev=${device(majorOf(rdev), minorOf(rdev))}` : `st_size=${size}`;
  return `{st_mode=${fileMode(mode)}, ${what}, ...}`;
}

/** `struct stat *`, by the row's ABI. */
export const outStat: ArgType<StatOut> = {
  label: "struct stat *",
  slots: 1,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    const writer = new StatWriter(filesAbi(abi).stat);
    return (task) => {
      writer.address = task.frame.num(register);
      return writer;
    };
  },
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    const l = filesAbi(abi).stat;
    return (task, result) => {
      const at = task.frame.num(register);
      if (at === 0) return "NULL";
      const view = result === undefined || result < 0 ? undefined : fields(task, at, l.size);
      if (view === undefined) return hex(at);
      return statText(view.getUint32(l.mode, true), get64(view, 48), getField(view, [l.rdev, 8]));
    };
  },
};

// deno-fmt-ignore
/** Bits of stx_mask. */
const STATX_BASIC = 0x7ff, STATX_BTIME = 0x800, STATX_MNT_ID = 0x1000;

/** Writes a struct statx (the same on all architectures). */
export function writeStatx(
  task: Task,
  address: number,
  inode: Inode,
  mount: Mount | undefined,
  wanted: number,
): 0 | Errno {
  const s = scratch.clear();
  s.u32(0, STATX_BASIC | (wanted & STATX_BTIME) | (mount === undefined ? 0 : STATX_MNT_ID));
  s.u32(4, inode.blksize);
  s.u32(16, inode.nlink);
  s.u32(20, inode.uid);
  s.u32(24, inode.gid);
  s.u16(28, inode.mode);
  s.u64(32, inode.ino);
  s.u64(40, inode.size);
  s.u64(48, inode.blocks);
  // STATX_ATTR_MOUNT_ROOT is the one attribute that is always known.
  const isRoot = mount !== undefined && inode === mount.root;
  s.u64(8, isRoot ? 0x2000 : 0);
  s.u64(56, 0x2000);
  const times = [inode.atime, inode.btime, inode.ctime, inode.mtime];
  times.forEach((time, i) => {
    s.u64(64 + 16 * i, time.sec);
    s.u32(72 + 16 * i, time.nsec);
  });
  s.u32(128, majorOf(inode.rdev));
  s.u32(132, minorOf(inode.rdev));
  s.u32(136, majorOf(inode.dev));
  s.u32(140, minorOf(inode.dev));
  s.u64(144, mount?.id ?? 0);
  return s.store(task, address, 256);
}

/** A struct statx as strace prints it. */
export function statxText(task: Task, address: number): string | undefined {
  const view = fields(task, address, 256);
  if (view === undefined) return undefined;
  const mask = flags(view.getUint32(0, true), STATX_MASK, "STATX_???");
  const attributes = get64(view, 8);
  const shown = attributes === 0x2000 ? "STATX_ATTR_MOUNT_ROOT" : hex(attributes);
  return `{stx_mask=${mask}, stx_attributes=${shown}, stx_mode=${fileMode(view.getUint16(28, true))}, ` +
    `stx_size=${get64(view, 40)}, ...}`;
}

/** Writes a struct statfs (120 bytes on all 64-bit architectures). */
export function writeStatFs(task: Task, address: number, st: StatFs, fsid: number, flag: number): 0 | Errno {
  const s = scratch.clear();
  s.u64(0, st.type);
  s.u64(8, st.bsize);
  s.u64(16, st.blocks);
  s.u64(24, st.bfree);
  s.u64(32, st.bavail);
  s.u64(40, st.files);
  s.u64(48, st.ffree);
  s.u32(56, fsid);
  s.u64(64, st.namelen);
  s.u64(72, st.bsize);
  s.u64(80, flag);
  return s.store(task, address, 120);
}

/** A struct statfs as strace prints it. */
export function statFsText(task: Task, address: number): string | undefined {
  const view = fields(task, address, 120);
  if (view === undefined) return undefined;
  const n = (offset: number) => get64(view, offset);
  return `{f_type=${choice(n(0), FS_MAGIC, "???_MAGIC")}, f_bsize=${n(8)}, f_blocks=${n(16)}, f_bfree=${
    n(24)
  }, ` +
    `f_bavail=${n(32)}, f_files=${n(40)}, f_ffree=${n(48)}, f_fsid={val=[${hex(view.getUint32(56, true))}, ` +
    `${hex(view.getUint32(60, true))}]}, f_namelen=${n(64)}, f_frsize=${n(72)}, ` +
    `f_flags=${flags(n(80), ST_FLAGS, "ST_???")}}`;
}
