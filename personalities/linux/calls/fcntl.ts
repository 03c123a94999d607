/** fcntl: descriptor and status flags, duplicates, record locks, pipe sizes, seals, owners. */
import {
  type ArgType,
  EAGAIN,
  EBADF,
  EDEADLK,
  EFAULT,
  EINVAL,
  ENOTDIR,
  EPERM,
  ERESTARTSYS,
  type Errno,
  Key,
  type Outcome,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
  wait,
} from "@guise/core";
import {
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  type LockOwner,
  locksOf,
  LockWaits,
  O_PATH,
  type OpenFile,
  pipeSize,
  type RangeLock,
  setPipeSize,
} from "@guise/vfs/key";
import { filesAbi } from "../args/abi.ts";
import { fdNumber } from "../args/fd.ts";
import { fields } from "../args/layout.ts";
import { flockText, rangeOf, readFlock, writeFlock } from "../args/lock.ts";
import { FCNTL, FD_FLAGS, SEALS } from "../args/names.ts";
import { canonical, type FlagMap, openFlagsText, toGuest } from "../args/open.ts";
import { choice, flags as flagsText, hex } from "../args/text.ts";
import { anyFile, callerOf, tableOf } from "../files.ts";
import type { Rows } from "../rows.ts";
import { processOf } from "../state.ts";
import { addSeals, getSeals } from "./memfd.ts";

// deno-fmt-ignore
const F_DUPFD = 0, F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, F_GETLK = 5, F_SETLK = 6, F_SETLKW = 7, F_SETOWN = 8,
  F_GETOWN = 9, F_SETSIG = 10, F_GETSIG = 11, F_SETOWN_EX = 15, F_GETOWN_EX = 16, F_OFD_GETLK = 36, F_OFD_SETLK = 37,
  F_OFD_SETLKW = 38, F_SETLEASE = 1024, F_GETLEASE = 1025, F_NOTIFY = 1026, F_DUPFD_CLOEXEC = 1030, F_SETPIPE_SZ = 1031,
  F_GETPIPE_SZ = 1032, F_ADD_SEALS = 1033, F_GET_SEALS = 1034;

/** Commands whose third argument is not there. */
const NO_ARGUMENT = new Set([F_GETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS]);
const LOCK_COMMANDS = new Set([F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW]);
/** Commands that an O_PATH descriptor permits. */
const ON_PATHS = new Set([F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL]);

interface Command {
  command: number;
  /** The third argument as an int, and as an address. */
  value: number;
  address: number;
  map: FlagMap;
}

/** Command and argument: one argument of two slots, since the one says what the other is. */
const commandType: ArgType<Command> = {
  label: "int cmd, arg",
  slots: 2,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const command = abi.registers[slot], argument = abi.registers[slot + 1];
    const decoded: Command = { command: 0, value: 0, address: 0, map: filesAbi(abi).openFlags };
    return (task) => {
      decoded.command = task.frame.lo(command);
      decoded.value = task.frame.lo(argument);
      decoded.address = task.frame.num(argument);
      return decoded;
    };
  },
  format(abi: RowAbi, slot: number) {
    const command = abi.registers[slot], argument = abi.registers[slot + 1];
    const map = filesAbi(abi).openFlags;
    return (task, result) => {
      const c = task.frame.lo(command);
      const name = choice(c, FCNTL, "F_???");
      if (NO_ARGUMENT.has(c)) return name;
      return `${name}, ${
        argumentText(task, c, task.frame.lo(argument), task.frame.num(argument), map, result)
      }`;
    };
  },
};

function argumentText(
  task: Task,
  command: number,
  value: number,
  address: number,
  map: FlagMap,
  result: number | undefined,
): string {
  if (LOCK_COMMANDS.has(command)) {
    const get = command === F_GETLK || command === F_OFD_GETLK;
    const lock = readFlock(task, address);
    return lock === undefined ? hex(address) : flockText(lock, get && result !== undefined && result >= 0);
  }
  switch (command) {
    case F_SETFD:
      return flagsText(value, FD_FLAGS, "FD_???");
    case F_SETFL:
      return openFlagsText(canonical(value, map));
    case F_ADD_SEALS:
      return flagsText(value, SEALS, "F_SEAL_???");
    case F_GETOWN_EX:
    case F_SETOWN_EX: {
      const view = fields(task, address, 8);
      if (view === undefined) return hex(address);
      const types = ["F_OWNER_TID", "F_OWNER_PID", "F_OWNER_PGRP"];
      return `{type=${types[view.getInt32(0, true)]}, pid=${view.getInt32(4, true)}}`;
    }
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_SETOWN:
    case F_SETPIPE_SZ:
    case F_SETSIG:
      return String(value);
    default:
      return hex(address);
  }
}

/** `0x1 (flags FD_CLOEXEC)`, as strace explains results. */
function resultText(task: Task, result: number, abi: RowAbi): string {
  switch (task.frame.lo(abi.registers[1])) {
    case F_GETFD:
      return result === 0 ? "0" : `${hex(result)} (flags ${flagsText(result, FD_FLAGS, "FD_???")})`;
    case F_GETFL:
      return `${hex(result)} (flags ${openFlagsText(canonical(result, filesAbi(abi).openFlags))})`;
    case F_GETLEASE:
      return `${hex(result)} (${["F_RDLCK", "F_WRLCK", "F_UNLCK"][result]})`;
    case F_GET_SEALS:
      return result === 0 ? "0" : `${hex(result)} (seals ${flagsText(result, SEALS, "F_SEAL_???")})`;
    default:
      return String(result);
  }
}

const waitsKey: Key<LockWaits> = new Key<LockWaits>("linux lock waits");

/** Who waits for record locks of whom, in this kernel. */
function waitsOf(task: Task): LockWaits {
  let waits = task.kernel.data.find(waitsKey);
  if (waits === undefined) task.kernel.data.set(waitsKey, waits = new LockWaits());
  return waits;
}

function getLock(task: Task, file: OpenFile, address: number, open: boolean): number | Errno {
  const wanted = readFlock(task, address);
  if (wanted === undefined) return EFAULT;
  if (open && wanted.pid !== 0) return EINVAL;
  if (wanted.type !== F_RDLCK && wanted.type !== F_WRLCK && !(open && wanted.type === F_UNLCK)) return EINVAL;
  const range = rangeOf(file, wanted);
  if (typeof range === "number") return range;
  const owner: LockOwner = open ? file : tableOf(task);
  const found = locksOf(file.inode).conflict({ type: wanted.type, ...range, owner, pid: 0 });
  if (found === undefined) return writeFlock(task, address, { ...wanted, type: F_UNLCK });
  return writeFlock(task, address, {
    type: found.type,
    whence: 0,
    start: found.start,
    length: found.end === Infinity ? 0 : found.end - found.start,
    pid: found.pid,
  });
}

function setLock(task: Task, file: OpenFile, address: number, open: boolean, waits: boolean): Outcome {
  const wanted = readFlock(task, address);
  if (wanted === undefined) return EFAULT;
  if (open && wanted.pid !== 0) return EINVAL;
  const range = rangeOf(file, wanted);
  if (typeof range === "number") return range;
  if (wanted.type === F_RDLCK) {
    if (!file.readable) return EBADF;
  } else if (wanted.type === F_WRLCK) {
    if (!file.writable) return EBADF;
  } else if (wanted.type !== F_UNLCK) return EINVAL;
  const owner: LockOwner = open ? file : tableOf(task);
  const pid = open ? -1 : processOf(task).pid;
  return takeLock(task, file, { type: wanted.type, ...range, owner, pid }, waits);
}

function takeLock(task: Task, file: OpenFile, lock: RangeLock, waits: boolean): Outcome {
  const locks = locksOf(file.inode);
  const result = locks.set(lock);
  if (result !== EAGAIN || !waits) return result;
  const graph = waitsOf(task);
  // Only locks of processes are looked through for circles, as on Linux.
  if (lock.pid !== -1 && graph.enter(locks, lock) < 0) return EDEADLK;
  return wait([locks.queue], Infinity, (again, reason) => {
    graph.leave(lock.owner);
    return reason === "signal" ? ERESTARTSYS : takeLock(again, file, lock, true);
  });
}

export const fcntl: Syscall = syscall({
  name: "fcntl",
  doc: "Descriptor flags, status flags, duplicates, record locks, pipe sizes, seals.",
  args: { fd: fdNumber, how: commandType },
  result: resultText,
  support: "partial",
  note: "leases and directory notification are refused; owners and signals of files are kept without effect",
  run: (task, { fd, how }) => {
    const table = tableOf(task);
    const file = anyFile(task, fd);
    if (typeof file === "number") return file;
    const { command, value, address } = how;
    if ((file.flags & O_PATH) !== 0 && !ON_PATHS.has(command)) return EBADF;
    switch (command) {
      case F_DUPFD:
      case F_DUPFD_CLOEXEC:
        return value < 0 || value >= table.limit ? EINVAL : table.dup(fd, command === F_DUPFD_CLOEXEC, value);
      case F_GETFD:
        return table.cloexec(fd) === true ? 1 : 0;
      case F_SETFD:
        return table.setCloexec(fd, (value & 1) !== 0);
      case F_GETFL:
        return toGuest(file.flags, how.map);
      case F_SETFL:
        return file.setFlags(canonical(value, how.map));
      case F_GETLK:
      case F_OFD_GETLK:
        return getLock(task, file, address, command === F_OFD_GETLK);
      case F_SETLK:
      case F_SETLKW:
        return setLock(task, file, address, false, command === F_SETLKW);
      case F_OFD_SETLK:
      case F_OFD_SETLKW:
        return setLock(task, file, address, true, command === F_OFD_SETLKW);
      case F_GETOWN:
        return file.owner;
      case F_SETOWN:
        file.owner = value;
        return 0;
      case F_GETSIG:
        return file.signal;
      case F_SETSIG:
        if (value < 0 || value > 64) return EINVAL;
        file.signal = value;
        return 0;
      case F_GETOWN_EX:
        return ownerOut(task, file, address);
      case F_SETOWN_EX:
        return ownerIn(task, file, address);
      case F_GETLEASE:
        return F_UNLCK;
      case F_SETLEASE:
        return value === F_UNLCK ? EAGAIN : EINVAL;
      case F_NOTIFY:
        return value === 0 ? 0 : file.inode.isDirectory ? EPERM : ENOTDIR;
      case F_SETPIPE_SZ:
        return setPipeSize(file, value >>> 0, callerOf(task));
      case F_GETPIPE_SZ:
        return pipeSize(file);
      case F_ADD_SEALS:
        return addSeals(file, value);
      case F_GET_SEALS:
        return getSeals(file);
      default:
        return EINVAL;
    }
  },
});

/** F_OWNER_PID and F_OWNER_PGRP: a negative owner is a group, as F_SETOWN has it. */
function ownerOut(task: Task, file: OpenFile, address: number): number | Errno {
  const group = file.owner < 0;
  const { space } = task;
  if (!space.check(address, 8, 2)) return EFAULT;
  space.setU32(address, group ? 2 : 1);
  space.setU32(address + 4, Math.abs(file.owner));
  return 0;
}

function ownerIn(task: Task, file: OpenFile, address: number): number | Errno {
  const view = fields(task, address, 8);
  if (view === undefined) return EFAULT;
  const type = view.getInt32(0, true), pid = view.getInt32(4, true);
  if (type < 0 || type > 2) return EINVAL;
  file.owner = type === 2 ? -pid : pid;
  return 0;
}

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [[[72, 25], fcntl]];
