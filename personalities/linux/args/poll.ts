/** pollfd arrays, fd_set bit maps and the times beside them: decoding, writing back and the trace. */
import type { ArgType, RowAbi, Task } from "@guise/core";
import { fields, get64 } from "./layout.ts";
import { POLL } from "./names.ts";
import { flags, hex, pointer, time } from "./text.ts";

/** Array and count of poll. One object a row, reused. */
export interface PollFds {
  address: number;
  count: number;
}

const SHOWN = 32;

/** One pollfd of a copied array. */
export function pollEntry(
  view: DataView,
  i: number,
): { readonly fd: number; readonly events: number; readonly revents: number } {
  return {
    fd: view.getInt32(8 * i, true),
    events: view.getUint16(8 * i + 4, true),
    revents: view.getUint16(8 * i + 6, true),
  };
}

function events(value: number): string {
  return value === 0 ? "0" : flags(value, POLL, "POLL???");
}

/** `struct pollfd *fds, nfds_t nfds`. */
export const pollFds: ArgType<PollFds> = {
  label: "struct pollfd *fds, nfds_t nfds",
  slots: 2,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], count = abi.registers[slot + 1];
    const fds: PollFds = { address: 0, count: 0 };
    return (task) => {
      fds.address = task.frame.num(start);
      fds.count = task.frame.lo(count) >>> 0;
      return fds;
    };
  },
  format(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], count = abi.registers[slot + 1];
    return (task) => {
      const at = task.frame.num(start), n = task.frame.lo(count) >>> 0;
      if (at === 0) return `NULL, ${n}`;
      const shown = Math.min(n, SHOWN);
      const view = fields(task, at, shown * 8);
      if (view === undefined) return `${hex(at)}, ${n}`;
      const parts: string[] = [];
      for (let i = 0; i < shown; i++) {
        const entry = pollEntry(view, i);
        parts.push(entry.fd < 0 ? `{fd=${entry.fd}}` : `{fd=${entry.fd}, events=${events(entry.events)}}`);
      }
      if (n > SHOWN) parts.push("...");
      return `[${parts.join(", ")}], ${n}`;
    };
  },
};

/** `1 ([{fd=7, revents=POLLOUT}])`, `0 (Timeout)`; `left`: what ppoll says of the time. */
export function pollResult(task: Task, result: number, abi: RowAbi, left: string): string {
  if (result === 0) return "0 (Timeout)";
  const at = task.frame.num(abi.registers[0]), n = task.frame.lo(abi.registers[1]) >>> 0;
  const view = fields(task, at, n * 8);
  if (view === undefined) return String(result);
  const parts: string[] = [];
  for (let i = 0; i < n; i++) {
    const entry = pollEntry(view, i);
    if (entry.revents === 0) continue;
    if (parts.length === SHOWN) {
      parts.push("...");
      break;
    }
    parts.push(`{fd=${entry.fd}, revents=${events(entry.revents)}}`);
  }
  return `${result} ([${parts.join(", ")}]${left})`;
}

/** Text of a timespec or timeval in guest memory. */
export function timeText(task: Task, address: number, field: "tv_nsec" | "tv_usec"): string {
  if (address === 0) return "NULL";
  const view = fields(task, address, 16);
  return view === undefined ? hex(address) : time(get64(view, 0), get64(view, 8), field);
}

/** Bytes of an fd_set of `n` descriptors: whole longs. */
export function setBytes(n: number): number {
  return Math.ceil(n / 64) * 8;
}

/** The descriptors of an fd_set. */
export function setMembers(bits: Uint8Array, n: number): number[] {
  const members: number[] = [];
  for (let fd = 0; fd < n; fd++) if (bits[fd >> 3] & 1 << (fd & 7)) members.push(fd);
  return members;
}

/** `[6 7]`. */
export function setText(task: Task, address: number, n: number): string {
  if (address === 0) return "NULL";
  if (n < 0) return hex(address);
  const bits = task.space.read(address, setBytes(Math.min(n, 65536)));
  return bits === undefined ? pointer(address) : `[${setMembers(bits, Math.min(n, 65536)).join(" ")}]`;
}
