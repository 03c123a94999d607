/** ioctl: what descriptors, pipes and terminals answer. Terminals' job control is in terminal_control.ts. */
import {
  type ArgType,
  EFAULT,
  EINVAL,
  ENOTTY,
  EOPNOTSUPP,
  type Errno,
  EXDEV,
  type Outcome,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
} from "@guise/core";
import { O_ASYNC, O_NONBLOCK, type OpenFile, type Terminal } from "@guise/vfs/key";
import { fdNumber } from "../args/fd.ts";
import { IOCTL } from "../args/names.ts";
import {
  readTermios,
  readWinsize,
  TERMIOS2_SIZE,
  TERMIOS_SIZE,
  termiosText,
  winsizeText,
  writeTermios,
  writeWinsize,
} from "../args/terminal.ts";
import { hex, pointer } from "../args/text.ts";
import { openFile, tableOf } from "../files.ts";
import type { Rows } from "../rows.ts";
import {
  disownTerminal,
  foregroundGroup,
  mayChange,
  ownTerminal,
  setForegroundGroup,
  terminalSession,
} from "./terminal_control.ts";

// deno-fmt-ignore
const TCGETS = 0x5401, TCSETS = 0x5402, TCSETSW = 0x5403, TCSETSF = 0x5404, TCSBRK = 0x5409, TCXONC = 0x540a,
  TCFLSH = 0x540b, TIOCEXCL = 0x540c, TIOCNXCL = 0x540d, TIOCSCTTY = 0x540e, TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410,
  TIOCOUTQ = 0x5411, TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414, FIONREAD = 0x541b, FIONBIO = 0x5421, TIOCNOTTY = 0x5422,
  TIOCGETD = 0x5424, TCSBRKP = 0x5425, TIOCGSID = 0x5429, FIONCLEX = 0x5450, FIOCLEX = 0x5451, FIOASYNC = 0x5452,
  FIOQSIZE = 0x5460, TCGETS2 = 0x802c542a, TCSETS2 = 0x402c542b, TCSETSW2 = 0x402c542c, TCSETSF2 = 0x402c542d,
  FICLONE = 0x40049409, FICLONERANGE = 0x4020940d, FS_IOC_GETFLAGS = 0x80086601;

interface Request {
  request: number;
  argument: number;
}

type Kind = "none" | "int" | "number" | "outInt" | "outTermios" | "termios" | "outWinsize" | "winsize";

/** How the argument of a request looks; others are hexadecimal. */
const KINDS: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [TCGETS, "outTermios"],
  [TCSETS, "termios"],
  [TCSETSW, "termios"],
  [TCSETSF, "termios"],
  [TIOCGWINSZ, "outWinsize"],
  [TIOCSWINSZ, "winsize"],
  [FIONREAD, "outInt"],
  [TIOCOUTQ, "outInt"],
  [TIOCGPGRP, "outInt"],
  [TIOCGSID, "outInt"],
  [TIOCGETD, "outInt"],
  [TIOCSPGRP, "int"],
  [FIONBIO, "int"],
  [FIOASYNC, "int"],
  [FIOCLEX, "none"],
  [FIONCLEX, "none"],
  [TIOCNOTTY, "none"],
  [TIOCEXCL, "none"],
  [TIOCNXCL, "none"],
  [TIOCSCTTY, "number"],
  [TCSBRK, "number"],
  [TCSBRKP, "number"],
  [FICLONE, "number"],
]);

const QUEUES = ["TCIFLUSH", "TCOFLUSH", "TCIOFLUSH"], FLOW = ["TCOOFF", "TCOON", "TCIOFF", "TCION"];

function requestText(request: number): string {
  const known = IOCTL.find(([value]) => value === request);
  if (known !== undefined) return known[1];
  const direction = ["_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"][request >>> 30];
  return `_IOC(${direction}, ${hex(request >>> 8 & 0xff)}, ${hex(request & 0xff)}, ${
    hex(request >>> 16 & 0x3fff)
  })`;
}

function argumentText(
  task: Task,
  { request, argument }: Request,
  result: number | undefined,
): string | undefined {
  const kind = KINDS.get(request);
  const done = result !== undefined && result >= 0;
  const value = (): string => {
    const v = task.space.getU32(argument);
    return v === undefined ? pointer(argument) : `[${v | 0}]`;
  };
  if (request === TCFLSH) return QUEUES[argument] ?? hex(argument);
  if (request === TCXONC) return FLOW[argument] ?? hex(argument);
  switch (kind) {
    case "none":
      return undefined;
    case "number":
      return String(argument);
    case "int":
      return value();
    case "outInt":
      return done ? value() : pointer(argument);
    case "outTermios":
      return (done ? termiosText(task, argument) : undefined) ?? pointer(argument);
    case "termios":
      return termiosText(task, argument) ?? pointer(argument);
    case "outWinsize":
      return (done ? winsizeText(task, argument) : undefined) ?? pointer(argument);
    case "winsize":
      return winsizeText(task, argument) ?? pointer(argument);
    case undefined:
      return hex(argument);
  }
}

/** Request and argument: one argument of two slots, since the one says what the other is. */
const requestType: ArgType<Request> = {
  label: "unsigned long request, arg",
  slots: 2,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const request = abi.registers[slot], argument = abi.registers[slot + 1];
    const decoded: Request = { request: 0, argument: 0 };
    return (task) => {
      decoded.request = task.frame.lo(request) >>> 0;
      decoded.argument = task.frame.num(argument);
      return decoded;
    };
  },
  format(abi: RowAbi, slot: number) {
    const request = abi.registers[slot], argument = abi.registers[slot + 1];
    return (task, result) => {
      const decoded = { request: task.frame.lo(request) >>> 0, argument: task.frame.num(argument) };
      const text = argumentText(task, decoded, result);
      return text === undefined ? requestText(decoded.request) : `${requestText(decoded.request)}, ${text}`;
    };
  },
};

function putInt(task: Task, address: number, value: number): number | Errno {
  return task.space.setU32(address, value) ? 0 : EFAULT;
}

function setFlag(task: Task, file: OpenFile, address: number, flag: number): number | Errno {
  const on = task.space.getU32(address);
  if (on === undefined) return EFAULT;
  return file.setFlags(on !== 0 ? file.flags | flag : file.flags & ~flag);
}

/** FICLONE: nothing shares blocks here. */
function clone(task: Task, file: OpenFile, from: number): Errno {
  const source = openFile(task, from);
  if (typeof source === "number") return source;
  return source.inode.fs !== file.inode.fs ? EXDEV : EOPNOTSUPP;
}

export const ioctl: Syscall = syscall({
  name: "ioctl",
  doc: "Requests to descriptors, pipes and terminals.",
  args: { fd: fdNumber, how: requestType },
  support: "partial",
  note: "terminals, FIONREAD, FIONBIO, FIOCLEX and relatives; others are ENOTTY",
  run: (task, { fd, how }): Outcome => {
    const file = openFile(task, fd);
    if (typeof file === "number") return file;
    const { request, argument } = how;
    switch (request) {
      case FIOCLEX:
        return tableOf(task).setCloexec(fd, true);
      case FIONCLEX:
        return tableOf(task).setCloexec(fd, false);
      case FIONBIO:
        return setFlag(task, file, argument, O_NONBLOCK);
      case FIOASYNC:
        return file.inode.isRegular || file.inode.isDirectory
          ? ENOTTY
          : setFlag(task, file, argument, O_ASYNC);
      case FIONREAD: {
        const count = file.inode.isRegular ? 0 : file.available();
        if (count < 0) return count;
        return putInt(task, argument, file.inode.isRegular ? file.inode.size - file.position : count);
      }
      case FIOQSIZE:
        return file.inode.isRegular || file.inode.isDirectory
          ? task.space.setNum64(argument, file.inode.size) ? 0 : EFAULT
          : ENOTTY;
      case FICLONE:
      case FICLONERANGE:
        return request === FICLONE ? clone(task, file, argument) : EOPNOTSUPP;
      case FS_IOC_GETFLAGS:
        return ENOTTY;
    }
    const own = file.ioctl?.(task, request, argument);
    if (own !== undefined) return own;
    return file.terminal === undefined ? ENOTTY : terminalRequest(task, file.terminal, request, argument);
  },
});

function terminalRequest(task: Task, terminal: Terminal, request: number, argument: number): Outcome {
  switch (request) {
    case TCGETS:
      return writeTermios(task, argument, terminal.termios, TERMIOS_SIZE);
    case TCGETS2:
      return writeTermios(task, argument, terminal.termios, TERMIOS2_SIZE);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
      return setTermios(task, terminal, argument, TERMIOS_SIZE, request - TCSETS);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
      return setTermios(task, terminal, argument, TERMIOS2_SIZE, request - TCSETS2);
    case TIOCGWINSZ:
      return writeWinsize(task, argument, terminal.winsize);
    case TIOCSWINSZ: {
      const size = readWinsize(task, argument);
      if (typeof size === "number") return size;
      terminal.winsize = size;
      return 0;
    }
    case TIOCGPGRP: {
      const group = foregroundGroup(task, terminal);
      return group < 0 ? group : putInt(task, argument, group);
    }
    case TIOCSPGRP: {
      const group = task.space.getU32(argument);
      return group === undefined ? EFAULT : setForegroundGroup(task, terminal, group | 0);
    }
    case TIOCGSID: {
      const session = terminalSession(task, terminal);
      return session < 0 ? session : putInt(task, argument, session);
    }
    case TIOCSCTTY:
      return ownTerminal(task, terminal, argument !== 0);
    case TIOCNOTTY:
      return disownTerminal(task, terminal);
    case TIOCGETD:
    case TIOCOUTQ:
      return putInt(task, argument, 0);
    case TCFLSH: {
      if (argument > 2) return EINVAL;
      const may = mayChange(task, terminal);
      if (may !== 0) return may;
      terminal.flush(argument !== 1, argument !== 0);
      return 0;
    }
    case TCSBRK:
    case TCSBRKP:
    case TCXONC:
    case TIOCEXCL:
    case TIOCNXCL:
      return 0;
    default:
      return ENOTTY;
  }
}

const WHEN = ["now", "drain", "flush"] as const;

function setTermios(task: Task, terminal: Terminal, address: number, size: number, when: number): Outcome {
  const may = mayChange(task, terminal);
  if (may !== 0) return may;
  const wanted = readTermios(task, address, size);
  if (wanted === undefined) return EFAULT;
  terminal.setTermios(wanted, WHEN[when]);
  return 0;
}

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [[[16, 29], ioctl]];
