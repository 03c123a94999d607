/** struct termios and struct winsize: between the terminal's fields, guest memory and the trace. */
import { EFAULT, type Errno, type Task } from "@guise/core";
import type { Termios } from "@guise/vfs/key";
import { fields, Scratch } from "./layout.ts";
import { flags, type Names } from "./text.ts";

/** Bytes of struct termios (TCGETS) and struct termios2 (TCGETS2). */
export const TERMIOS_SIZE = 36, TERMIOS2_SIZE = 44;
const CC_COUNT = 19;

const scratch = new Scratch(TERMIOS2_SIZE);

/** Writes a terminal's settings: 0 or EFAULT. */
export function writeTermios(task: Task, address: number, t: Termios, size: number): 0 | Errno {
  const s = scratch.clear();
  s.u32(0, t.iflag);
  s.u32(4, t.oflag);
  s.u32(8, t.cflag);
  s.u32(12, t.lflag);
  s.bytes[16] = t.line;
  s.bytes.set(t.cc.subarray(0, CC_COUNT), 17);
  s.u32(36, t.ispeed);
  s.u32(40, t.ospeed);
  return s.store(task, address, size);
}

// deno-fmt-ignore
/** Speeds of the CBAUD codes: B0 to B38400, and with CBAUDEX B57600 to B4000000. */
const SPEEDS = [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400],
  MORE_SPEEDS = [0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000,
    3000000, 3500000, 4000000];
const CBAUDEX = 0o10000;

function speedOf(cflag: number): number {
  return (cflag & CBAUDEX ? MORE_SPEEDS : SPEEDS)[cflag & 0xf];
}

/** Reads settings; undefined when not readable. */
export function readTermios(task: Task, address: number, size: number): Termios | undefined {
  const view = fields(task, address, size);
  if (view === undefined) return undefined;
  const cflag = view.getUint32(8, true);
  const custom = size === TERMIOS2_SIZE;
  return {
    iflag: view.getUint32(0, true),
    oflag: view.getUint32(4, true),
    cflag,
    lflag: view.getUint32(12, true),
    line: view.getUint8(16),
    cc: new Uint8Array(view.buffer.slice(view.byteOffset + 17, view.byteOffset + 17 + CC_COUNT)),
    ispeed: custom ? view.getUint32(36, true) : speedOf(cflag),
    ospeed: custom ? view.getUint32(40, true) : speedOf(cflag),
  };
}

// deno-fmt-ignore
const IFLAG: Names = [
  [1, "IGNBRK"], [2, "BRKINT"], [4, "IGNPAR"], [8, "PARMRK"], [16, "INPCK"], [32, "ISTRIP"], [64, "INLCR"], [128, "IGNCR"],
  [256, "ICRNL"], [512, "IUCLC"], [1024, "IXON"], [2048, "IXANY"], [4096, "IXOFF"], [8192, "IMAXBEL"], [16384, "IUTF8"],
];
// deno-fmt-ignore
const OFLAG: Names = [
  [1, "OPOST"], [2, "OLCUC"], [4, "ONLCR"], [8, "OCRNL"], [16, "ONOCR"], [32, "ONLRET"], [64, "OFILL"], [128, "OFDEL"],
];
// deno-fmt-ignore
const CFLAG: Names = [
  [64, "CSTOPB"], [128, "CREAD"], [256, "PARENB"], [512, "PARODD"], [1024, "HUPCL"], [2048, "CLOCAL"], [1 << 31, "CRTSCTS"],
];
// deno-fmt-ignore
const LFLAG: Names = [
  [1, "ISIG"], [2, "ICANON"], [4, "XCASE"], [8, "ECHO"], [16, "ECHOE"], [32, "ECHOK"], [64, "ECHONL"], [128, "NOFLSH"],
  [256, "TOSTOP"], [512, "ECHOCTL"], [1024, "ECHOPRT"], [2048, "ECHOKE"], [4096, "FLUSHO"], [16384, "PENDIN"],
  [32768, "IEXTEN"], [65536, "EXTPROC"],
];
const SIZES = ["CS5", "CS6", "CS7", "CS8"];

function named(value: number, names: Names): string {
  return value === 0 ? "" : flags(value, names, "???");
}

/** struct termios as strace abbreviates it. */
export function termiosText(task: Task, address: number): string | undefined {
  const view = fields(task, address, TERMIOS_SIZE);
  if (view === undefined) return undefined;
  const oflag = view.getUint32(4, true), cflag = view.getUint32(8, true);
  const delays = [
    `NL${oflag >> 8 & 1}`,
    `CR${oflag >> 9 & 3}`,
    `TAB${oflag >> 11 & 3}`,
    `BS${oflag >> 13 & 1}`,
    `VT${oflag >> 14 & 1}`,
    `FF${oflag >> 15 & 1}`,
  ].join("|");
  const output = `${delays}|${named(oflag & 0xff, OFLAG)}`;
  const control = `B${speedOf(cflag)}|${SIZES[cflag >> 4 & 3]}|${
    named(cflag & ~(0x30 | CBAUDEX | 0xf), CFLAG)
  }`;
  return `{c_iflag=${named(view.getUint32(0, true), IFLAG)}, c_oflag=${output}, c_cflag=${control}, ` +
    `c_lflag=${named(view.getUint32(12, true), LFLAG)}, ...}`;
}

/** Writes a window size: 0 or EFAULT. */
export function writeWinsize(
  task: Task,
  address: number,
  size: { readonly rows: number; readonly columns: number; readonly xpixel: number; readonly ypixel: number },
): 0 | Errno {
  const s = scratch.clear();
  s.u16(0, size.rows);
  s.u16(2, size.columns);
  s.u16(4, size.xpixel);
  s.u16(6, size.ypixel);
  return s.store(task, address, 8);
}

/** Reads a window size; EFAULT. */
export function readWinsize(
  task: Task,
  address: number,
): { rows: number; columns: number; xpixel: number; ypixel: number } | Errno {
  const view = fields(task, address, 8);
  if (view === undefined) return EFAULT;
  const n = (i: number) => view.getUint16(2 * i, true);
  return { rows: n(0), columns: n(1), xpixel: n(2), ypixel: n(3) };
}

/** `{ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}`. */
export function winsizeText(task: Task, address: number): string | undefined {
  const size = readWinsize(task, address);
  if (typeof size === "number") return undefined;
  return `{ws_row=${size.rows}, ws_col=${size.columns}, ws_xpixel=${size.xpixel}, ws_ypixel=${size.ypixel}}`;
}
