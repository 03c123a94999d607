/** siginfo_t read back from its bytes, for traces. */
import { formatInfo, SI_TIMER, type SigInfo } from "./info.ts";

/** The fields that the bytes hold, by signal and code. */
export function decodeInfo(bytes: Uint8Array): SigInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = (offset: number) => view.getInt32(offset, true);
  const base = { signo: at(0), errno: at(4), code: at(8) };
  if (base.code > 0 && [4, 5, 7, 8, 11].includes(base.signo)) {
    return { ...base, addrLo: at(16), addrHi: at(20) };
  }
  if (base.code === SI_TIMER) {
    return { ...base, timerId: at(16), overrun: at(20), valueLo: at(24), valueHi: at(28) };
  }
  const who = { ...base, pid: at(16), uid: view.getUint32(20, true) };
  if (base.signo === 17 && base.code > 0) return { ...who, status: at(24), utime: at(32), stime: at(40) };
  return { ...who, valueLo: at(24), valueHi: at(28) };
}

/** As {@link formatInfo}; all zero is `{}`. */
export function formatRawInfo(bytes: Uint8Array): string {
  return bytes.every((b) => b === 0) ? "{}" : formatInfo(decodeInfo(bytes));
}
